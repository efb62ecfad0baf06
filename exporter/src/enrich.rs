//! What is known about a process beyond one event: who created it, what it runs, where it lives.
//!
//! [`process_table`] and [`container`] are pure. [`procfs`] and [`host`] read files below paths that
//! they are given, and nothing else here does any input or output.

pub mod container;
pub mod host;
pub mod places;
pub mod process_table;
pub mod procfs;
