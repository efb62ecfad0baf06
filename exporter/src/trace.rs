//! Which trace an image belongs to: that of its container, else of its login, else of its systemd unit,
//! else of its cgroup or session. Never the whole host: backends refuse traces of that size.
//!
//! A trace is rotated by age and by size; the first span of the new one links to the last of the old.
//! Ids follow from boot id, root and window, so an exec record and the span at its end agree, and so does
//! an agent that was started again, but for the count of spans in a window.

use std::time::Duration;

use rustc_hash::FxHashMap;

use crate::enrich::container::CgroupFacts;
use crate::event::{KernelTime, Task};
use crate::identity::{BootId, SpanId, TraceId};
use crate::otlp::span::{Link, LinkType};

/// Roots remembered for rotation. Beyond it those whose window is over are forgotten, then all: that
/// costs a link between two windows and nothing else.
const ROOTS_MAX: usize = 16_384;

/// When a trace is rotated.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Most spans in one trace.
    pub spans: u64,
    /// Longest time in one trace.
    pub age: Duration,
}

/// The traces that are being written.
#[derive(Debug)]
pub struct Traces {
    boot: BootId,
    limits: Limits,
    roots: FxHashMap<String, Root>,
    /// The name of a root, kept between calls.
    name: String,
}

#[derive(Clone, Copy, Debug)]
struct Root {
    trace: TraceId,
    age_window: u64,
    size_window: u64,
    spans: u64,
    last: SpanId,
}

// === impl Traces ===

impl Traces {
    /// No trace yet.
    pub fn new(boot: BootId, limits: Limits) -> Self {
        Self {
            boot,
            limits,
            roots: FxHashMap::default(),
            name: String::new(),
        }
    }

    /// The trace of an image that began at `at`, and the link if it is the first after a rotation.
    pub fn place(
        &mut self,
        task: &Task,
        facts: Option<&CgroupFacts>,
        cgroup_path: Option<&str>,
        at: KernelTime,
        span: SpanId,
    ) -> (TraceId, Option<Link>) {
        write_root(&mut self.name, task, facts, cgroup_path);
        let age = u64::try_from(self.limits.age.as_nanos())
            .unwrap_or(u64::MAX)
            .max(1);
        let age_window = at.0 / age;
        let Some(root) = self.roots.get_mut(&self.name) else {
            let trace = TraceId::of(self.boot, &self.name, age_window, 0);
            self.make_room(age_window);
            let root = Root {
                trace,
                age_window,
                size_window: 0,
                spans: 1,
                last: span,
            };
            self.roots.insert(self.name.clone(), root);
            return (trace, None);
        };
        let old = *root;
        if age_window > old.age_window {
            *root = Root {
                age_window,
                size_window: 0,
                spans: 0,
                ..old
            };
        } else if old.spans >= self.limits.spans {
            *root = Root {
                size_window: old.size_window + 1,
                spans: 0,
                ..old
            };
        }
        let mut link = None;
        if root.spans == 0 {
            root.trace = TraceId::of(self.boot, &self.name, root.age_window, root.size_window);
            link = Some(Link {
                trace: old.trace,
                span: old.last,
                kind: LinkType::Continuation,
            });
        }
        root.spans += 1;
        root.last = span;
        (root.trace, link)
    }

    fn make_room(&mut self, age_window: u64) {
        if self.roots.len() >= ROOTS_MAX {
            self.roots.retain(|_, root| root.age_window == age_window);
        }
        if self.roots.len() >= ROOTS_MAX {
            self.roots.clear();
        }
    }
}

/// The name of what a trace is of. Kinds are part of it, so a unit and a container never meet.
fn write_root(name: &mut String, task: &Task, facts: Option<&CgroupFacts>, path: Option<&str>) {
    use std::fmt::Write as _;
    name.clear();
    // Writing to a String cannot fail.
    let _written = if let Some(container) = facts.and_then(|facts| facts.container.as_ref()) {
        write!(name, "container {}", container.id)
    } else if let Some(session) = task.credentials.audit_session {
        write!(name, "login {session}")
    } else if let Some(session) = facts.and_then(|facts| facts.session.as_ref()) {
        write!(name, "session {session}")
    } else if let Some(unit) = facts.and_then(|facts| facts.unit.as_ref()) {
        write!(name, "unit {unit}")
    } else if let Some(path) = path.filter(|path| *path != "/") {
        write!(name, "cgroup {path}")
    } else {
        write!(name, "session leader {}", task.session.0)
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 3_600_000_000_000;

    fn traces(spans: u64) -> Traces {
        Traces::new(
            BootId([7; 16]),
            Limits {
                spans,
                age: Duration::from_nanos(HOUR),
            },
        )
    }

    fn place(traces: &mut Traces, at: u64, span: u8) -> (TraceId, Option<Link>) {
        traces.place(
            &Task::default(),
            None,
            Some("/a"),
            KernelTime(at),
            SpanId([span; 8]),
        )
    }

    #[test]
    fn a_trace_is_rotated_by_age_with_a_link_to_the_last_span() {
        let mut traces = traces(100);
        let (first, none) = place(&mut traces, 1, 1);
        assert_eq!(none, None);
        assert_eq!(place(&mut traces, HOUR - 1, 2), (first, None));
        let (second, link) = place(&mut traces, HOUR, 3);
        assert_ne!(second, first);
        let expected = Link {
            trace: first,
            span: SpanId([2; 8]),
            kind: LinkType::Continuation,
        };
        assert_eq!(link, Some(expected));
        assert_eq!(place(&mut traces, HOUR + 1, 4), (second, None));
    }

    #[test]
    fn a_trace_is_rotated_by_size() {
        let mut traces = traces(2);
        let (first, _) = place(&mut traces, 1, 1);
        assert_eq!(place(&mut traces, 2, 2), (first, None));
        let (second, link) = place(&mut traces, 3, 3);
        assert_ne!(second, first);
        assert_eq!(
            link.map(|link| (link.trace, link.span)),
            Some((first, SpanId([2; 8])))
        );
        assert_eq!(place(&mut traces, 4, 4), (second, None));
        assert_ne!(place(&mut traces, 5, 5).0, second);
    }

    #[test]
    fn an_agent_that_starts_again_finds_the_same_trace() {
        let (before, _) = place(&mut traces(100), 5, 1);
        let (after, _) = place(&mut traces(100), 9, 2);
        assert_eq!(before, after);
    }

    #[test]
    fn each_kind_of_root_is_its_own_trace() {
        let mut name = String::new();
        let mut task = Task {
            session: crate::event::Pid(5),
            ..Task::default()
        };
        write_root(&mut name, &task, None, Some("/"));
        assert_eq!(name, "session leader 5");
        write_root(&mut name, &task, None, Some("/system.slice/x.service"));
        assert_eq!(name, "cgroup /system.slice/x.service");
        task.credentials.audit_session = Some(3);
        write_root(&mut name, &task, None, Some("/"));
        assert_eq!(name, "login 3");
    }

    #[test]
    fn roots_are_bounded() {
        let mut traces = traces(100);
        for i in 0..ROOTS_MAX + 10 {
            let path = format!("/{i}");
            traces.place(
                &Task::default(),
                None,
                Some(&path),
                KernelTime(1),
                SpanId([1; 8]),
            );
            assert!(traces.roots.len() <= ROOTS_MAX);
        }
    }
}
