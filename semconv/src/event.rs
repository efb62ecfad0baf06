//! Names of events.

/// A process runs a new image.
pub const KINTRACE_PROCESS_EXEC: &str = "kintrace.process.exec";

/// A process ended.
pub const KINTRACE_PROCESS_EXIT: &str = "kintrace.process.exit";
