//! What the process table keeps of an image: its program, which forked children share, and its identity.

use std::cell::OnceCell;
use std::sync::Arc;

use compact_str::CompactString;

use super::Tracker;
use super::kin::Kin;
use crate::batch::Resource;
use crate::event::{EventFlags, Exec, Executable, Exit, ImageId, KernelTime, Pid, Task, Text};
use crate::identity::{BootId, EntityId, SpanId, TraceId, parse_traceparent};
use crate::otlp::attributes::{Attributes, Block};
use crate::otlp::process::{self, Identity, base_name};
use crate::otlp::span::{Link, LinkType};

/// An image as the table knows it. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) id: ImageId,
    /// Computed when a record needs it: most forked children exec before.
    pub(super) entity: OnceCell<EntityId>,
    pub(super) vpid: Pid,
    /// Whether this very process executed the program, not one that it was forked from.
    pub(super) is_own_image: bool,
    pub(super) program: Arc<Program>,
    /// The image before, of the same process.
    pub(super) previous: Option<EntityId>,
    /// Leaders of session and process group, where they are known.
    pub(super) leaders: Option<(Pid, Pid)>,
    /// The lineage of those that this image creates, encoded for the first of them.
    pub(super) kin: Option<Arc<Kin>>,
}

/// What an image runs.
#[derive(Debug)]
pub(super) struct Program {
    /// Empty if not known.
    pub(super) path: CompactString,
    pub(super) name: CompactString,
    /// Encoded attributes.
    pub(super) attributes: Block,
    pub(super) standing: Arc<Standing>,
    /// What of `attributes` is incomplete.
    pub(super) flags: EventFlags,
    pub(super) resource: Resource,
    /// When the image began; of a process older than the agent, when that was created.
    pub(super) start: KernelTime,
    pub(super) span: Option<Placed>,
}

/// As whom and where a program runs. Shared by all that run alike: a child is compared with its creator.
#[derive(Debug)]
pub(super) struct Standing {
    pub(super) attributes: Block,
    /// What it was encoded from, for the comparison; `None`: it is not known.
    task: Option<Task>,
}

/// Where the span of an image is.
#[derive(Debug)]
pub(super) struct Placed {
    pub(super) trace: TraceId,
    pub(super) span: SpanId,
    pub(super) parent: Option<SpanId>,
    pub(super) links: Vec<Link>,
}

/// A process that lived when the agent started, or that was met only as an ancestor.
///
/// What is not known of an older process is absent: the name passed to execve, the inode.
#[derive(Clone, Debug)]
pub struct Seed {
    /// Who it is and what it runs.
    pub exec: Exec,
    /// Its current parent first, then up.
    pub chain: Vec<ImageId>,
    /// Whether the kernel said who it is; else all of `exec.task` but its id and short name is unknown.
    pub is_whole: bool,
    /// What of it is incomplete.
    pub flags: EventFlags,
    /// Path of its cgroup in the hierarchy that the programs follow.
    pub cgroup_path: Option<Text>,
}

// === impl Known ===

impl Known {
    /// A process that runs a program that it executed itself.
    pub(super) fn executed(task: &Task, program: Program) -> Self {
        Self {
            id: task.id,
            entity: OnceCell::new(),
            vpid: task.vpid,
            previous: None,
            leaders: Some((task.session, task.process_group)),
            is_own_image: true,
            program: Arc::new(program),
            kin: None,
        }
    }

    /// A child that still runs its creator's program.
    pub(super) fn forked(parent: &Self, id: ImageId, vpid: Pid) -> Self {
        Self {
            id,
            entity: OnceCell::new(),
            vpid,
            previous: None,
            leaders: None,
            is_own_image: false,
            program: Arc::clone(&parent.program),
            kin: None,
        }
    }

    pub(super) fn identity(&self, boot: BootId) -> Identity {
        Identity {
            id: self.id,
            vpid: self.vpid,
            entity: self.entity(boot),
            previous: self.previous,
            leaders: self.leaders,
        }
    }

    pub(super) fn entity(&self, boot: BootId) -> EntityId {
        *self.entity.get_or_init(|| EntityId::of(boot, self.id))
    }
}

// === impl Standing ===

impl Standing {
    /// Says nothing, and equals no other.
    fn unknown() -> Arc<Self> {
        Arc::new(Self {
            attributes: Block::default(),
            task: None,
        })
    }

    fn of(
        scratch: &mut Attributes,
        task: &Task,
        cgroup_path: Option<&str>,
        like: Option<&Known>,
    ) -> Arc<Self> {
        let shared = like.map(|known| &known.program.standing);
        let is_same = |other: &Task| process::same_standing(other, task);
        if let Some(shared) = shared.filter(|shared| shared.task.as_ref().is_some_and(is_same)) {
            return Arc::clone(shared);
        }
        let attributes = process::standing(scratch, task, cgroup_path);
        let task = Task {
            comm: Text::default(),
            ..task.clone()
        };
        Arc::new(Self {
            attributes,
            task: Some(task),
        })
    }
}

// === impl Tracker ===

impl Tracker {
    pub(super) fn program(
        &mut self,
        exec: &Exec,
        entity: EntityId,
        at: KernelTime,
        creator: Option<&Known>,
        previous: Option<&Known>,
    ) -> Program {
        let place = self.places.get(exec.task.cgroup).cloned();
        let path = place.as_ref().map(|place| &*place.path);
        let facts = place.as_ref().map(|place| &place.facts);
        let span = self.traces.as_mut().map(|traces| {
            let span = entity.span_id();
            let (trace, rotation) = traces.place(&exec.task, facts, path, at, span);
            let mut links: Vec<Link> = rotation.into_iter().collect();
            let creator = creator.and_then(|known| known.program.span.as_ref());
            let in_trace = creator.filter(|creator| creator.trace == trace);
            let link = |placed: &Placed, kind| Link {
                trace: placed.trace,
                span: placed.span,
                kind,
            };
            if let (Some(creator), None) = (creator, in_trace) {
                links.push(link(creator, LinkType::Parent));
            }
            let previous = previous.filter(|known| known.is_own_image);
            if let Some(previous) = previous.and_then(|known| known.program.span.as_ref()) {
                links.push(link(previous, LinkType::Previous));
            }
            links.extend(traceparent(exec));
            Placed {
                trace,
                span,
                parent: in_trace.map(|creator| creator.span),
                links,
            }
        });
        let executable = exec.executable.path.as_ref().map_or("", Text::as_str);
        let name = match base_name(executable) {
            "" => exec.task.comm.as_str(),
            name => name,
        };
        Program {
            path: executable.into(),
            name: name.into(),
            attributes: process::program(&mut self.scratch, exec),
            standing: Standing::of(&mut self.scratch, &exec.task, path, previous.or(creator)),
            flags: EventFlags::default(),
            resource: Arc::clone(
                place
                    .as_ref()
                    .map_or(self.places.host(), |place| &place.resource),
            ),
            start: at,
            span,
        }
    }

    pub(super) fn known_from_seed(&mut self, seed: Seed) -> Known {
        let exec = seed.exec;
        let id = exec.task.id;
        if let (Some(path), true) = (&seed.cgroup_path, seed.is_whole) {
            self.places.name(exec.task.cgroup, path.as_str());
        }
        let entity = EntityId::of(self.boot, id);
        // Seeds come oldest first, so the parent is known by now.
        let parent = self.table.current(exec.task.parent.process);
        let parent = parent.and_then(|parent| self.table.data(parent)).cloned();
        let mut program = self.program(&exec, entity, id.process.start, parent.as_ref(), None);
        program.flags = seed.flags;
        if !seed.is_whole {
            program.standing = Standing::unknown();
        }
        let known = Known::executed(&exec.task, program);
        Known {
            leaders: known.leaders.filter(|_| seed.is_whole),
            // A thread of the kernel executed nothing.
            is_own_image: !exec.task.is_kernel_thread,
            ..known
        }
    }

    /// A process of which only the end was seen.
    pub(super) fn known_from_exit(&mut self, exit: &Exit) -> Known {
        let mut task = Task {
            id: exit.id,
            parent: exit.parent,
            vpid: exit.vpid,
            cgroup: exit.cgroup,
            comm: exit.comm.clone(),
            ..Task::default()
        };
        task.credentials.uid = exit.uid;
        task.credentials.euid = exit.euid;
        let exec = Exec {
            task,
            executable: Executable::default(),
            ..Exec::default()
        };
        let entity = EntityId::of(self.boot, exit.id);
        let mut program = self.program(&exec, entity, exit.id.process.start, None, None);
        program.attributes = process::only_seen_at_its_end(&mut self.scratch, exit);
        program.standing = Standing::unknown();
        // Whose image it was is not known, so there will be no span of it.
        program.span = None;
        let known = Known::executed(&exec.task, program);
        Known {
            leaders: None,
            is_own_image: false,
            ..known
        }
    }
}

fn traceparent(exec: &Exec) -> Option<Link> {
    let value = exec
        .environment
        .iter()
        .find_map(|text| text.as_str().strip_prefix("TRACEPARENT="))?;
    let (trace, span) = parse_traceparent(value)?;
    Some(Link {
        trace,
        span,
        kind: LinkType::Traceparent,
    })
}
