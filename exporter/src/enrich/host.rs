//! stub
use crate::event::ImageId;
use crate::identity::{BootId, EntityId};
use crate::otlp::resource::Host;
use std::collections::BTreeMap;
use std::path::Path;
pub fn boot_id(root: &Path) -> anyhow::Result<BootId> {
    Ok(
        BootId::parse(std::fs::read_to_string(root.join("sys/kernel/random/boot_id"))?.trim())
            .unwrap(),
    )
}
pub fn facts(
    _root: &Path,
    boot: BootId,
    agent: ImageId,
    configured: &BTreeMap<String, String>,
) -> Host {
    Host {
        instance: EntityId::of(boot, agent).hex().as_str().to_owned(),
        configured: configured.clone().into_iter().collect(),
        ..Default::default()
    }
}
