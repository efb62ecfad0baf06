//! Keys of attributes. The comment names the type, and the unit where there is one.

// --- OpenTelemetry: process ---

/// int. Process id in the initial pid namespace.
pub const PROCESS_PID: &str = "process.pid";
/// int. Process id of the current parent, after any reparenting.
pub const PROCESS_PARENT_PID: &str = "process.parent_pid";
/// int. Process id in the process's own pid namespace.
pub const PROCESS_VPID: &str = "process.vpid";
/// int.
pub const PROCESS_SESSION_LEADER_PID: &str = "process.session_leader.pid";
/// int.
pub const PROCESS_GROUP_LEADER_PID: &str = "process.group_leader.pid";
/// string. Last component of the path.
pub const PROCESS_EXECUTABLE_NAME: &str = "process.executable.name";
/// string. Path of what was loaded, in the mount namespace of the process.
pub const PROCESS_EXECUTABLE_PATH: &str = "process.executable.path";
/// string\[\]. Arguments, the zeroth first.
pub const PROCESS_COMMAND_ARGS: &str = "process.command_args";
/// int. Arguments before any cut.
pub const PROCESS_ARGS_COUNT: &str = "process.args_count";
/// int. Effective user id.
pub const PROCESS_USER_ID: &str = "process.user.id";
/// int. Real user id.
pub const PROCESS_REAL_USER_ID: &str = "process.real_user.id";
/// int. Saved user id.
pub const PROCESS_SAVED_USER_ID: &str = "process.saved_user.id";
/// string.
pub const PROCESS_WORKING_DIRECTORY: &str = "process.working_directory";
/// bool. Whether the process has a controlling terminal.
pub const PROCESS_INTERACTIVE: &str = "process.interactive";
/// string. ISO 8601, UTC, nanoseconds: when the process was created.
pub const PROCESS_CREATION_TIME: &str = "process.creation.time";
/// string. ISO 8601, UTC, nanoseconds: when its last thread ended.
pub const PROCESS_EXIT_TIME: &str = "process.exit.time";
/// int. 0-255; 128 + signal if a signal ended it, as shells say it.
pub const PROCESS_EXIT_CODE: &str = "process.exit.code";
/// string. Path of the cgroup in the hierarchy that the agent follows.
pub const PROCESS_LINUX_CGROUP: &str = "process.linux.cgroup";
/// string. Followed by the name of the variable.
pub const PROCESS_ENVIRONMENT_VARIABLE: &str = "process.environment_variable";

// --- OpenTelemetry: other ---

/// int. The thread that called execve. On exec records.
pub const THREAD_ID: &str = "thread.id";
/// string. On the resource.
pub const CONTAINER_ID: &str = "container.id";
/// string. On the resource.
pub const CONTAINER_RUNTIME_NAME: &str = "container.runtime.name";
/// string. On spans that failed: the exit code or the signal.
pub const ERROR_TYPE: &str = "error.type";
/// string. The same for the same record, however often it is sent.
pub const LOG_RECORD_UID: &str = "log.record.uid";
/// string. The event's name, for receivers that drop the field of the record.
pub const OTEL_EVENT_NAME: &str = "otel.event.name";
/// string. On the resource.
pub const SERVICE_NAME: &str = "service.name";
/// string. On the resource.
pub const SERVICE_VERSION: &str = "service.version";
/// string. On the resource: differs with each start of the agent.
pub const SERVICE_INSTANCE_ID: &str = "service.instance.id";
/// string. On the resource: /etc/machine-id.
pub const HOST_ID: &str = "host.id";
/// string. On the resource.
pub const HOST_NAME: &str = "host.name";
/// string. On the resource.
pub const HOST_ARCH: &str = "host.arch";
/// string. On the resource: `linux`.
pub const OS_TYPE: &str = "os.type";
/// string. On the resource: of the distribution.
pub const OS_NAME: &str = "os.name";
/// string. On the resource: of the distribution.
pub const OS_VERSION: &str = "os.version";

// --- kintrace: identity and lineage ---

/// string. 32 hex digits, the first 16 are the span id of the image. The same wherever it is computed.
pub const KINTRACE_PROCESS_ENTITY_ID: &str = "kintrace.process.entity_id";
/// int. The kernel's count of execs along the line of descent.
pub const KINTRACE_PROCESS_EXEC_ID: &str = "kintrace.process.exec_id";
/// int. ns since boot (suspend included): when the process was created.
pub const KINTRACE_PROCESS_CREATION_BOOTTIME: &str = "kintrace.process.creation.boottime";
/// string. Entity id of the image that this process ran before.
pub const KINTRACE_PROCESS_PREVIOUS_ENTITY_ID: &str = "kintrace.process.previous.entity_id";
/// string. Entity id of the image that created the process.
pub const KINTRACE_PROCESS_PARENT_ENTITY_ID: &str = "kintrace.process.parent.entity_id";
/// int. Process id of the creator: differs from `process.parent_pid` after reparenting.
pub const KINTRACE_PROCESS_PARENT_PID: &str = "kintrace.process.parent.pid";
/// string.
pub const KINTRACE_PROCESS_PARENT_EXECUTABLE_PATH: &str = "kintrace.process.parent.executable.path";
/// string.
pub const KINTRACE_PROCESS_PARENT_EXECUTABLE_NAME: &str = "kintrace.process.parent.executable.name";
/// string\[\]. Nearest first, the creator included.
pub const KINTRACE_PROCESS_ANCESTOR_ENTITY_IDS: &str = "kintrace.process.ancestor.entity_ids";
/// int\[\]. Nearest first.
pub const KINTRACE_PROCESS_ANCESTOR_PIDS: &str = "kintrace.process.ancestor.pids";
/// string\[\]. Nearest first; empty where it is not known.
pub const KINTRACE_PROCESS_ANCESTOR_EXECUTABLE_PATHS: &str =
    "kintrace.process.ancestor.executable.paths";
/// string\[\]. Nearest first; empty where it is not known.
pub const KINTRACE_PROCESS_ANCESTOR_EXECUTABLE_NAMES: &str =
    "kintrace.process.ancestor.executable.names";
/// bool. Whether there are more ancestors than are listed. Only when true.
pub const KINTRACE_PROCESS_ANCESTOR_TRUNCATED: &str = "kintrace.process.ancestor.truncated";
/// string. How sure the lineage is: `fork`, `kernel`, `procfs` or `unknown`, the weakest on the way.
pub const KINTRACE_PROCESS_LINEAGE_SOURCE: &str = "kintrace.process.lineage.source";

// --- kintrace: the image ---

/// int.
pub const KINTRACE_PROCESS_EXECUTABLE_INODE: &str = "kintrace.process.executable.inode";
/// string. `major:minor` of its file system.
pub const KINTRACE_PROCESS_EXECUTABLE_DEVICE: &str = "kintrace.process.executable.device";
/// string. Octal file type and permission bits.
pub const KINTRACE_PROCESS_EXECUTABLE_MODE: &str = "kintrace.process.executable.mode";
/// bool. No name leads to the file any more. Only when true.
pub const KINTRACE_PROCESS_EXECUTABLE_DELETED: &str = "kintrace.process.executable.deleted";
/// bool. An anonymous file in memory. Only when true.
pub const KINTRACE_PROCESS_EXECUTABLE_MEMFD: &str = "kintrace.process.executable.memfd";
/// string. The name as passed to execve.
pub const KINTRACE_PROCESS_EXEC_FILENAME: &str = "kintrace.process.exec.filename";
/// string. What runs the script that was passed to execve.
pub const KINTRACE_PROCESS_INTERPRETER_PATH: &str = "kintrace.process.interpreter.path";
/// bool. The dynamic linker runs in secure mode. Only when true.
pub const KINTRACE_PROCESS_SECURE_EXEC: &str = "kintrace.process.secure_exec";
/// bool. The set-user-ID bit took effect. Only when true.
pub const KINTRACE_PROCESS_SETUID: &str = "kintrace.process.setuid";
/// bool. The set-group-ID bit took effect. Only when true.
pub const KINTRACE_PROCESS_SETGID: &str = "kintrace.process.setgid";
/// bool. Capabilities of the file were gained. Only when true.
pub const KINTRACE_PROCESS_FILE_CAPABILITIES: &str = "kintrace.process.file_capabilities";
/// int. Bytes of all arguments before any cut.
pub const KINTRACE_PROCESS_ARGS_SIZE: &str = "kintrace.process.args_size";

// --- kintrace: who and where ---

/// int. Effective group id.
pub const KINTRACE_PROCESS_GROUP_ID: &str = "kintrace.process.group.id";
/// int. Real group id.
pub const KINTRACE_PROCESS_REAL_GROUP_ID: &str = "kintrace.process.real_group.id";
/// int. Saved group id.
pub const KINTRACE_PROCESS_SAVED_GROUP_ID: &str = "kintrace.process.saved_group.id";
/// int. File system user id, where it is not the effective one.
pub const KINTRACE_PROCESS_FILESYSTEM_USER_ID: &str = "kintrace.process.filesystem_user.id";
/// int. File system group id, where it is not the effective one.
pub const KINTRACE_PROCESS_FILESYSTEM_GROUP_ID: &str = "kintrace.process.filesystem_group.id";
/// int. The user that logged in, through any later change of ids.
pub const KINTRACE_PROCESS_LOGIN_USER_ID: &str = "kintrace.process.login_user.id";
/// int. The audit session of that login.
pub const KINTRACE_PROCESS_AUDIT_SESSION_ID: &str = "kintrace.process.audit_session.id";
/// int. `SECBIT_*`, where any is set.
pub const KINTRACE_PROCESS_SECUREBITS: &str = "kintrace.process.securebits";
/// string. 16 hex digits, bit n is capability n, as in `/proc/PID/status`.
pub const KINTRACE_PROCESS_CAPABILITIES_EFFECTIVE: &str = "kintrace.process.capabilities.effective";
/// string. As above.
pub const KINTRACE_PROCESS_CAPABILITIES_PERMITTED: &str = "kintrace.process.capabilities.permitted";
/// string. As above.
pub const KINTRACE_PROCESS_CAPABILITIES_INHERITABLE: &str =
    "kintrace.process.capabilities.inheritable";
/// string. As above.
pub const KINTRACE_PROCESS_CAPABILITIES_BOUNDING: &str = "kintrace.process.capabilities.bounding";
/// string. As above.
pub const KINTRACE_PROCESS_CAPABILITIES_AMBIENT: &str = "kintrace.process.capabilities.ambient";
/// int. Inode number.
pub const KINTRACE_PROCESS_NAMESPACE_UTS: &str = "kintrace.process.namespace.uts";
/// int. Inode number.
pub const KINTRACE_PROCESS_NAMESPACE_IPC: &str = "kintrace.process.namespace.ipc";
/// int. Inode number.
pub const KINTRACE_PROCESS_NAMESPACE_MNT: &str = "kintrace.process.namespace.mnt";
/// int. Inode number.
pub const KINTRACE_PROCESS_NAMESPACE_PID: &str = "kintrace.process.namespace.pid";
/// int. Inode number.
pub const KINTRACE_PROCESS_NAMESPACE_NET: &str = "kintrace.process.namespace.net";
/// int. Inode number.
pub const KINTRACE_PROCESS_NAMESPACE_TIME: &str = "kintrace.process.namespace.time";
/// int. Inode number.
pub const KINTRACE_PROCESS_NAMESPACE_CGROUP: &str = "kintrace.process.namespace.cgroup";
/// int. Inode number.
pub const KINTRACE_PROCESS_NAMESPACE_USER: &str = "kintrace.process.namespace.user";
/// int. The kernel's id of the cgroup.
pub const KINTRACE_PROCESS_CGROUP_ID: &str = "kintrace.process.cgroup.id";
/// string. Controlling terminal by the kernel's name.
pub const KINTRACE_PROCESS_TTY: &str = "kintrace.process.tty";
/// string. The kernel's short name, at most 15 bytes; the process can change it.
pub const KINTRACE_PROCESS_COMM: &str = "kintrace.process.comm";

// --- kintrace: the end ---

/// string. Name of the signal that ended the process.
pub const KINTRACE_PROCESS_EXIT_SIGNAL: &str = "kintrace.process.exit.signal";
/// bool. Only when true.
pub const KINTRACE_PROCESS_EXIT_CORE_DUMPED: &str = "kintrace.process.exit.core_dumped";
/// double, s. CPU time in user mode, all threads.
pub const KINTRACE_PROCESS_CPU_USER_TIME: &str = "kintrace.process.cpu.user_time";
/// double, s. CPU time in the kernel, all threads.
pub const KINTRACE_PROCESS_CPU_SYSTEM_TIME: &str = "kintrace.process.cpu.system_time";
/// int, bytes. Most memory ever held.
pub const KINTRACE_PROCESS_MEMORY_PEAK: &str = "kintrace.process.memory.peak";
/// double, s. From creation to end, by a clock that no step moves.
pub const KINTRACE_PROCESS_DURATION: &str = "kintrace.process.duration";

// --- kintrace: the record ---

/// string. Entity id of the agent's own process: differs with each start of the agent.
pub const KINTRACE_AGENT_EPOCH: &str = "kintrace.agent.epoch";
/// int. From 1, per agent epoch: a gap is a record that got lost on the way.
pub const KINTRACE_RECORD_SEQUENCE: &str = "kintrace.record.sequence";
/// string\[\]. What of the event was cut: `path`, `args`, ... Only when there is any.
pub const KINTRACE_EVENT_TRUNCATED: &str = "kintrace.event.truncated";
/// string\[\]. What of the event could not be read. Only when there is any.
pub const KINTRACE_EVENT_MISSING: &str = "kintrace.event.missing";
/// bool. Some text had bytes that were not UTF-8; they stand as `\xNN`. Only when true.
pub const KINTRACE_EVENT_ESCAPED: &str = "kintrace.event.escaped";
/// string. On span links: `continuation`, `parent`, `previous` or `traceparent`.
pub const KINTRACE_LINK_TYPE: &str = "kintrace.link.type";
/// string. Kind of the events that were lost.
pub const KINTRACE_LOSS_KIND: &str = "kintrace.loss.kind";
/// int. How many.
pub const KINTRACE_LOSS_COUNT: &str = "kintrace.loss.count";

// --- kintrace: metrics ---

/// string. `logs` or `traces`.
pub const KINTRACE_SIGNAL: &str = "kintrace.signal";
/// string. Kind of event: `fork`, `exec`, `exit`, `exec_args`, `cgroup`.
pub const KINTRACE_EVENT_KIND: &str = "kintrace.event.kind";
