//! Exit codes, as in sysexits.h.

/// Anything that has no code of its own.
pub const FAILURE: u8 = 1;
/// The command line cannot be understood.
pub const USAGE: u8 = 64;
/// The kernel or the collector does not offer what is needed.
pub const UNAVAILABLE: u8 = 69;
/// A privilege is missing.
pub const NO_PERMISSION: u8 = 77;
/// The configuration has mistakes.
pub const CONFIGURATION: u8 = 78;
