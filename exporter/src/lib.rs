//! kintrace: an agent that watches the processes of a Linux host with eBPF and speaks OTLP.

pub mod batch;
pub mod cli;
pub mod clock;
pub mod config;
pub mod console;
pub mod decode;
pub mod enrich;
pub mod event;
pub mod exit;
pub mod export;
pub mod identity;
pub mod kernel;
pub mod logging;
pub mod metrics;
pub mod otlp;
pub mod outbox;
pub mod outlets;
pub mod pipeline;
pub mod program;
pub mod run;
pub mod seed;
pub mod telemetry;
pub mod trace;
pub mod tracker;
