//! The attributes of a process, in blocks that change at different times, so that each is encoded once:
//! the program (new at exec, shared by forked children), the standing (shared by all processes with the
//! same ids in the same place), the identity (one process), the lineage (shared by all children of one
//! image), and the end.

use kintrace_semconv::attribute as name;

use super::attributes::{Attributes, Block};
use super::signals;
use crate::clock::Clock;
use crate::event::{EventFlags, Exec, Exit, ExitStatus, ImageId, KernelTime, Pid, Task, Text};
use crate::identity::EntityId;

/// What an image runs. The same for a forked child until it execs.
pub fn program(block: &mut Attributes, exec: &Exec) -> Block {
    block.clear();
    executable(block, exec);
    arguments(block, exec);
    let directory = exec.working_directory.as_ref().map(Text::as_str);
    block.optional_string(name::PROCESS_WORKING_DIRECTORY, directory);
    for variable in &exec.environment {
        if let Some((key, value)) = variable.as_str().split_once('=') {
            block.string(
                &format!("{}.{key}", name::PROCESS_ENVIRONMENT_VARIABLE),
                value,
            );
        }
    }
    block.flag(name::KINTRACE_EVENT_ESCAPED, was_escaped(exec));
    block.to_block()
}

fn executable(block: &mut Attributes, exec: &Exec) {
    let executable = &exec.executable;
    if let Some(path) = &executable.path {
        block.string(name::PROCESS_EXECUTABLE_PATH, path.as_str());
        block.string(name::PROCESS_EXECUTABLE_NAME, base_name(path.as_str()));
    } else {
        block.string(name::PROCESS_EXECUTABLE_NAME, exec.task.comm.as_str());
    }
    // No file has inode 0: then the process is older than the agent, and its file was not looked at.
    if executable.inode != 0 {
        let (major, minor) = executable.device;
        block.uint(name::KINTRACE_PROCESS_EXECUTABLE_INODE, executable.inode);
        block.string(
            name::KINTRACE_PROCESS_EXECUTABLE_DEVICE,
            &format!("{major}:{minor}"),
        );
        block.string(
            name::KINTRACE_PROCESS_EXECUTABLE_MODE,
            &format!("{:06o}", executable.mode),
        );
    }
    block.flag(
        name::KINTRACE_PROCESS_EXECUTABLE_DELETED,
        executable.is_deleted,
    );
    block.flag(name::KINTRACE_PROCESS_EXECUTABLE_MEMFD, executable.is_memfd);
    block.flag(name::KINTRACE_PROCESS_SECURE_EXEC, executable.is_secure);
    block.flag(name::KINTRACE_PROCESS_SETUID, executable.is_setuid);
    block.flag(name::KINTRACE_PROCESS_SETGID, executable.is_setgid);
    block.flag(
        name::KINTRACE_PROCESS_FILE_CAPABILITIES,
        executable.has_file_capabilities,
    );
    block.optional_string(
        name::KINTRACE_PROCESS_EXEC_FILENAME,
        exec.filename.as_ref().map(Text::as_str),
    );
    block.optional_string(
        name::KINTRACE_PROCESS_INTERPRETER_PATH,
        exec.interpreter.as_ref().map(Text::as_str),
    );
}

fn arguments(block: &mut Attributes, exec: &Exec) {
    block.strings(
        name::PROCESS_COMMAND_ARGS,
        exec.args.values.iter().map(Text::as_str),
    );
    block.uint(name::PROCESS_ARGS_COUNT, exec.args.count);
    block.uint(name::KINTRACE_PROCESS_ARGS_SIZE, exec.args.size);
}

/// As whom and where a process runs: of most it is the same as of their creator, see [`same_standing`].
pub fn standing(block: &mut Attributes, task: &Task, cgroup_path: Option<&str>) -> Block {
    block.clear();
    let who = &task.credentials;
    block.uint(name::PROCESS_USER_ID, who.euid);
    block.uint(name::PROCESS_REAL_USER_ID, who.uid);
    block.uint(name::PROCESS_SAVED_USER_ID, who.suid);
    block.uint(name::KINTRACE_PROCESS_GROUP_ID, who.egid);
    block.uint(name::KINTRACE_PROCESS_REAL_GROUP_ID, who.gid);
    block.uint(name::KINTRACE_PROCESS_SAVED_GROUP_ID, who.sgid);
    if who.fsuid != who.euid {
        block.uint(name::KINTRACE_PROCESS_FILESYSTEM_USER_ID, who.fsuid);
    }
    if who.fsgid != who.egid {
        block.uint(name::KINTRACE_PROCESS_FILESYSTEM_GROUP_ID, who.fsgid);
    }
    if let Some(id) = who.login_uid {
        block.uint(name::KINTRACE_PROCESS_LOGIN_USER_ID, id);
    }
    if let Some(id) = who.audit_session {
        block.uint(name::KINTRACE_PROCESS_AUDIT_SESSION_ID, id);
    }
    if who.securebits != 0 {
        block.uint(name::KINTRACE_PROCESS_SECUREBITS, who.securebits);
    }
    for (key, set) in [
        (name::KINTRACE_PROCESS_CAPABILITIES_EFFECTIVE, who.effective),
        (name::KINTRACE_PROCESS_CAPABILITIES_PERMITTED, who.permitted),
        (
            name::KINTRACE_PROCESS_CAPABILITIES_INHERITABLE,
            who.inheritable,
        ),
        (name::KINTRACE_PROCESS_CAPABILITIES_BOUNDING, who.bounding),
        (name::KINTRACE_PROCESS_CAPABILITIES_AMBIENT, who.ambient),
    ] {
        block.string(key, &format!("{set:016x}"));
    }
    let namespaces = &task.namespaces;
    for (key, inode) in [
        (name::KINTRACE_PROCESS_NAMESPACE_UTS, namespaces.uts),
        (name::KINTRACE_PROCESS_NAMESPACE_IPC, namespaces.ipc),
        (name::KINTRACE_PROCESS_NAMESPACE_MNT, namespaces.mnt),
        (name::KINTRACE_PROCESS_NAMESPACE_PID, namespaces.pid),
        (name::KINTRACE_PROCESS_NAMESPACE_NET, namespaces.net),
        (name::KINTRACE_PROCESS_NAMESPACE_TIME, namespaces.time),
        (name::KINTRACE_PROCESS_NAMESPACE_CGROUP, namespaces.cgroup),
        (name::KINTRACE_PROCESS_NAMESPACE_USER, namespaces.user),
    ] {
        if inode != 0 {
            block.uint(key, inode);
        }
    }
    block.uint(name::KINTRACE_PROCESS_CGROUP_ID, task.cgroup.0);
    block.optional_string(name::PROCESS_LINUX_CGROUP, cgroup_path);
    block.bool(name::PROCESS_INTERACTIVE, task.tty.is_some());
    block.optional_string(
        name::KINTRACE_PROCESS_TTY,
        task.tty.as_ref().map(Text::as_str),
    );
    block.to_block()
}

/// Whether [`standing`] of both is the same.
pub fn same_standing(a: &Task, b: &Task) -> bool {
    a.credentials == b.credentials
        && a.namespaces == b.namespaces
        && a.cgroup == b.cgroup
        && a.tty == b.tty
}

/// Which process, and which image of it.
#[derive(Clone, Copy, Debug)]
pub struct Identity {
    /// The image.
    pub id: ImageId,
    /// Its pid in its own pid namespace; 0: not known.
    pub vpid: Pid,
    /// Its id.
    pub entity: EntityId,
    /// The image before, of the same process.
    pub previous: Option<EntityId>,
    /// Leaders of session and process group, where they are known.
    pub leaders: Option<(Pid, Pid)>,
}

/// Which process, and which image of it, as attributes.
pub fn identity(block: &mut Attributes, identity: &Identity, clock: &Clock) {
    let Identity {
        id,
        vpid,
        entity,
        previous,
        leaders,
    } = identity;
    block.clear();
    block.uint(name::PROCESS_PID, id.process.pid.0);
    if vpid.0 != 0 {
        block.uint(name::PROCESS_VPID, vpid.0);
    }
    block.string(
        name::PROCESS_CREATION_TIME,
        &clock.wall(id.process.start).to_iso8601(),
    );
    block.uint(name::KINTRACE_PROCESS_CREATION_BOOTTIME, id.process.start.0);
    block.string(name::KINTRACE_PROCESS_ENTITY_ID, entity.hex().as_str());
    block.uint(name::KINTRACE_PROCESS_EXEC_ID, id.exec_id);
    if let Some(previous) = previous {
        block.string(
            name::KINTRACE_PROCESS_PREVIOUS_ENTITY_ID,
            previous.hex().as_str(),
        );
    }
    if let Some((session, group)) = leaders {
        block.uint(name::PROCESS_SESSION_LEADER_PID, session.0);
        block.uint(name::PROCESS_GROUP_LEADER_PID, group.0);
    }
}

/// One ancestor: what is not known is empty.
#[derive(Clone, Copy, Debug)]
pub struct Ancestor<'a> {
    /// Its pid.
    pub pid: Pid,
    /// Its id.
    pub entity: EntityId,
    /// Path of its executable.
    pub path: &'a str,
    /// Name of its executable.
    pub name: &'a str,
}

/// The ancestors of a process, nearest first, and how sure they are.
pub fn lineage(
    block: &mut Attributes,
    ancestors: &[Ancestor<'_>],
    is_truncated: bool,
    source: &str,
) -> Block {
    block.clear();
    if let Some(parent) = ancestors.first() {
        block.string(
            name::KINTRACE_PROCESS_PARENT_ENTITY_ID,
            parent.entity.hex().as_str(),
        );
        block.uint(name::KINTRACE_PROCESS_PARENT_PID, parent.pid.0);
        block.string(name::KINTRACE_PROCESS_PARENT_EXECUTABLE_PATH, parent.path);
        block.string(name::KINTRACE_PROCESS_PARENT_EXECUTABLE_NAME, parent.name);
    }
    let entities: Vec<_> = ancestors
        .iter()
        .map(|ancestor| ancestor.entity.hex())
        .collect();
    block.strings(
        name::KINTRACE_PROCESS_ANCESTOR_ENTITY_IDS,
        entities.iter().map(|entity| entity.as_str()),
    );
    block.uints(
        name::KINTRACE_PROCESS_ANCESTOR_PIDS,
        ancestors.iter().map(|ancestor| u64::from(ancestor.pid.0)),
    );
    block.strings(
        name::KINTRACE_PROCESS_ANCESTOR_EXECUTABLE_PATHS,
        ancestors.iter().map(|ancestor| ancestor.path),
    );
    block.strings(
        name::KINTRACE_PROCESS_ANCESTOR_EXECUTABLE_NAMES,
        ancestors.iter().map(|ancestor| ancestor.name),
    );
    block.flag(name::KINTRACE_PROCESS_ANCESTOR_TRUNCATED, is_truncated);
    block.string(name::KINTRACE_PROCESS_LINEAGE_SOURCE, source);
    block.to_block()
}

/// All that the end itself says of a process that nothing else was seen of.
pub fn only_seen_at_its_end(block: &mut Attributes, exit: &Exit) -> Block {
    block.clear();
    block.string(name::PROCESS_EXECUTABLE_NAME, exit.comm.as_str());
    block.uint(name::PROCESS_USER_ID, exit.euid);
    block.uint(name::PROCESS_REAL_USER_ID, exit.uid);
    block.uint(name::KINTRACE_PROCESS_CGROUP_ID, exit.cgroup.0);
    block.to_block()
}

/// How and when a process ended, and what it used.
pub fn end(block: &mut Attributes, exit: &Exit, at: KernelTime, clock: &Clock) {
    match exit.status {
        ExitStatus::Code(code) => block.uint(name::PROCESS_EXIT_CODE, code),
        ExitStatus::Signal {
            number,
            core_dumped,
        } => {
            block.uint(name::PROCESS_EXIT_CODE, 128 + u32::from(number));
            block.string(name::KINTRACE_PROCESS_EXIT_SIGNAL, &signals::name(number));
            block.flag(name::KINTRACE_PROCESS_EXIT_CORE_DUMPED, core_dumped);
        }
    }
    block.string(name::PROCESS_EXIT_TIME, &clock.wall(at).to_iso8601());
    block.double(name::KINTRACE_PROCESS_CPU_USER_TIME, seconds(exit.user_ns));
    block.double(
        name::KINTRACE_PROCESS_CPU_SYSTEM_TIME,
        seconds(exit.system_ns),
    );
    block.uint(name::KINTRACE_PROCESS_MEMORY_PEAK, exit.peak_rss);
    block.double(
        name::KINTRACE_PROCESS_DURATION,
        seconds(at.0.saturating_sub(exit.id.process.start.0)),
    );
    block.string(name::KINTRACE_PROCESS_COMM, exit.comm.as_str());
}

/// What of an event is incomplete, as two lists.
pub fn completeness(block: &mut Attributes, flags: EventFlags) {
    let (truncated, missing) = (flags.truncated(), flags.missing());
    if truncated.clone().next().is_some() {
        block.strings(name::KINTRACE_EVENT_TRUNCATED, truncated);
    }
    if missing.clone().next().is_some() {
        block.strings(name::KINTRACE_EVENT_MISSING, missing);
    }
}

/// The last component of a path; the whole of what is none.
pub fn base_name(path: &str) -> &str {
    match path.rsplit('/').next() {
        Some("") | None => path,
        Some(name) => name,
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "2^53 ns are 104 days; beyond that a microsecond does not count"
)]
fn seconds(nanos: u64) -> f64 {
    nanos as f64 / 1e9
}

fn was_escaped(exec: &Exec) -> bool {
    let optional = [
        &exec.executable.path,
        &exec.filename,
        &exec.interpreter,
        &exec.working_directory,
    ];
    optional
        .into_iter()
        .flatten()
        .chain(&exec.args.values)
        .chain(&exec.environment)
        .any(Text::was_escaped)
}
