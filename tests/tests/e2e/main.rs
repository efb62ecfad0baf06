//! From end to end, in reading order: recorded samples become records, names are those of the registry,
//! and a real Collector receives what really ran.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may panic; that is how it fails"
)]

mod golden;
mod text;

mod names;

mod agent;
mod collector;
mod received;
mod to_collector;
