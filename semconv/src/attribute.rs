//! Names of attributes.

/// Id of the process, as the initial pid namespace sees it. Integer.
pub const PROCESS_PID: &str = "process.pid";

/// Id of the parent process. Integer.
pub const PROCESS_PARENT_PID: &str = "process.parent_pid";

/// Effective user id. Integer.
pub const PROCESS_USER_ID: &str = "process.user.id";

/// Absolute path of the executable. String.
pub const PROCESS_EXECUTABLE_PATH: &str = "process.executable.path";

/// Last segment of the path of the executable. String.
pub const PROCESS_EXECUTABLE_NAME: &str = "process.executable.name";

/// The arguments, the name it was called by first. Strings.
pub const PROCESS_COMMAND_ARGS: &str = "process.command_args";

/// What the process gave to exit. Integer, absent if a signal ended it.
pub const PROCESS_EXIT_CODE: &str = "process.exit.code";

/// When the process ended. RFC 3339 string.
pub const PROCESS_EXIT_TIME: &str = "process.exit.time";

/// When the process was created. RFC 3339 string.
pub const PROCESS_CREATION_TIME: &str = "process.creation.time";

/// Name of the signal that ended the process, such as `SIGKILL`. String.
pub const KINTRACE_PROCESS_EXIT_SIGNAL: &str = "kintrace.process.exit.signal";

/// Names of the executables of the ancestors, nearest first. Strings.
pub const KINTRACE_PROCESS_ANCESTOR_EXECUTABLE_NAMES: &str =
    "kintrace.process.ancestor.executable.names";
