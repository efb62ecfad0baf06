//! What is sent, as bytes: attributes, log records, spans and resources of OTLP, without a tree of objects.
//!
//! The messages are those of opentelemetry-proto 1.x; tests decode with that crate what this room writes.
//! Nothing here reads a clock, a table or the kernel.

pub mod attributes;
pub mod log;
pub mod process;
pub mod resource;
pub mod signals;
pub mod span;
mod wire;
