//! kintrace: an agent that watches the processes of a Linux host with eBPF and speaks OTLP.

pub mod batch;
pub mod console;
pub mod event;
pub mod export;
pub mod outbox;
pub mod telemetry;
