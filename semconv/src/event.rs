//! Names of events: low-cardinality, no dynamic part.

/// A process runs a new program image. Log record, severity INFO.
pub const KINTRACE_PROCESS_EXEC: &str = "kintrace.process.exec";

/// The last thread of a process ended. Log record, severity INFO, WARN when a signal ended it.
pub const KINTRACE_PROCESS_EXIT: &str = "kintrace.process.exit";

/// Events did not reach the agent or the agent could not read them: how many, of what, why. Log record,
/// severity WARN, at most one per interval, kind and reason.
pub const KINTRACE_TELEMETRY_LOSS: &str = "kintrace.telemetry.loss";
