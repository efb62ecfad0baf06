//! kintrace: an agent that watches the processes of a Linux host with eBPF and speaks OTLP.

pub mod batch;
pub mod cli;
pub mod config;
pub mod event;
pub mod exit;
pub mod logging;
pub mod telemetry;
