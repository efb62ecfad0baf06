//! Where processes run: the name of each cgroup, what it says, and the OTLP resource of it.
//!
//! The kernel names a cgroup before the first event that refers to it. *Bounded by:* [`PLACES_MAX`]; at
//! the bound the place that was named first is forgotten, and a process in it has no cgroup path. The
//! programs name a cgroup again when they have forgotten it, after a quarter of that number.

use std::collections::VecDeque;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::batch::Resource;
use crate::enrich::container::{self, CgroupFacts};
use crate::event::CgroupId;
use crate::otlp::resource::{Container, Host, resource};

/// Cgroups remembered.
const PLACES_MAX: usize = 65_536;

/// One cgroup.
#[derive(Debug)]
pub struct Place {
    /// Path within its hierarchy.
    pub path: Box<str>,
    /// What the path says.
    pub facts: CgroupFacts,
    /// Whom records of processes in it are about.
    pub resource: Resource,
}

/// All cgroups that were named.
#[derive(Debug)]
pub struct Places {
    host: Host,
    host_resource: Resource,
    places: FxHashMap<CgroupId, Arc<Place>>,
    order: VecDeque<CgroupId>,
}

// === impl Places ===

impl Places {
    /// No cgroup yet; what is in none is about the host.
    pub fn new(host: Host) -> Self {
        let host_resource = resource(&host, None);
        Self {
            host,
            host_resource,
            places: FxHashMap::default(),
            order: VecDeque::new(),
        }
    }

    /// The resource of the host itself.
    pub fn host(&self) -> &Resource {
        &self.host_resource
    }

    /// A cgroup, if it has been named.
    pub fn get(&self, id: CgroupId) -> Option<&Arc<Place>> {
        self.places.get(&id)
    }

    /// Takes in a name. The same name again changes nothing.
    pub fn name(&mut self, id: CgroupId, path: &str) {
        if self
            .places
            .get(&id)
            .is_some_and(|place| &*place.path == path)
        {
            return;
        }
        let facts = container::facts(path);
        let resource = match &facts.container {
            None => Arc::clone(&self.host_resource),
            Some(container) => self.container_resource(container),
        };
        let place = Arc::new(Place {
            path: path.into(),
            facts,
            resource,
        });
        if self.places.insert(id, place).is_none() {
            self.order.push_back(id);
        }
        if self.places.len() > PLACES_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.places.remove(&oldest);
        }
    }

    /// A container has several cgroups: they share one resource.
    fn container_resource(&self, container: &container::Container) -> Resource {
        let known = self.places.values().find(|place| {
            place
                .facts
                .container
                .as_ref()
                .is_some_and(|other| other.id == container.id)
        });
        match known {
            Some(place) => Arc::clone(&place.resource),
            None => {
                let container = Container {
                    id: &container.id,
                    runtime: container.runtime_name(),
                };
                resource(&self.host, Some(container))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "3f4a1c0e9b8d7f6a5e4d3c2b1a0f9e8d7c6b5a493827161504f3e2d1c0b9a8f7";

    #[test]
    fn cgroups_of_one_container_share_a_resource() {
        let mut places = Places::new(Host::default());
        places.name(CgroupId(1), &format!("/system.slice/docker-{ID}.scope"));
        places.name(
            CgroupId(2),
            &format!("/system.slice/docker-{ID}.scope/init"),
        );
        places.name(CgroupId(3), "/system.slice/ssh.service");
        let resource = |id| Arc::clone(&places.get(CgroupId(id)).unwrap().resource);
        assert!(Arc::ptr_eq(&resource(1), &resource(2)));
        assert!(Arc::ptr_eq(&resource(3), places.host()));
        assert!(!Arc::ptr_eq(&resource(1), &resource(3)));
    }

    #[test]
    fn places_are_bounded() {
        let mut places = Places::new(Host::default());
        for id in 0..PLACES_MAX as u64 + 5 {
            places.name(CgroupId(id), "/x");
        }
        assert_eq!(places.places.len(), PLACES_MAX);
        assert!(places.get(CgroupId(0)).is_none());
    }
}
