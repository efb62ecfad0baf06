//! The lineage of a process as bytes: shared by all children of one image, since it is theirs alike.

use std::fmt::Write as _;
use std::sync::Arc;

use super::{Known, Tracker, source_name};
use crate::enrich::process_table::{Handle, LineageSource};
use crate::identity::EntityId;
use crate::otlp::attributes::Block;
use crate::otlp::process::{Ancestor, lineage};

/// An encoded lineage.
#[derive(Debug)]
pub(super) struct Kin {
    /// Encoded attributes.
    pub(super) attributes: Block,
    /// For the body of a record: ` <- bash <- sshd`, ending in ` <- ...` where there is more.
    pub(super) line: Box<str>,
    generation: u64,
    source: LineageSource,
    is_truncated: bool,
}

// === impl Tracker ===

impl Tracker {
    /// The lineage of the process of `image`: from its creator, if that has it already.
    pub(super) fn kin(&mut self, image: Handle) -> Arc<Kin> {
        let mut ancestors = self.table.lineage(image);
        let (source, is_truncated) = (ancestors.source(), ancestors.is_truncated());
        let creator = ancestors.next();
        let cached = creator
            .as_ref()
            .and_then(|creator| creator.data?.kin.as_ref());
        if let Some(kin) = cached
            && kin.generation == self.generation
            && kin.source == source
            && kin.is_truncated == is_truncated
        {
            return Arc::clone(kin);
        }
        let creator = creator.and_then(|creator| creator.image);
        let kin = Arc::new(self.encode(image, source, is_truncated));
        if let Some(known) = creator.and_then(|creator| self.table.data_mut(creator)) {
            known.kin = Some(Arc::clone(&kin));
        }
        kin
    }

    fn encode(&mut self, image: Handle, source: LineageSource, is_truncated: bool) -> Kin {
        let ancestors: Vec<Ancestor<'_>> = self
            .table
            .lineage(image)
            .map(|ancestor| {
                let entity = match ancestor.data {
                    // A stub that has its creator's data is still another process.
                    Some(known) if known.id == ancestor.id => known.entity(self.boot),
                    Some(_) | None => EntityId::of(self.boot, ancestor.id),
                };
                let program = ancestor.data.map(|known: &Known| &known.program);
                Ancestor {
                    pid: ancestor.id.process.pid,
                    entity,
                    path: program.map_or("", |program| &program.path),
                    name: program.map_or("", |program| &program.name),
                }
            })
            .collect();
        let mut line = String::new();
        for ancestor in &ancestors {
            let name = if ancestor.name.is_empty() {
                "?"
            } else {
                ancestor.name
            };
            // Writing to a String cannot fail.
            let _written = write!(line, " <- {name}");
        }
        if is_truncated {
            line.push_str(" <- ...");
        }
        Kin {
            attributes: lineage(
                &mut self.scratch,
                &ancestors,
                is_truncated,
                source_name(source),
            ),
            line: line.into(),
            generation: self.generation,
            source,
            is_truncated,
        }
    }
}
