//! Every telemetry name that kintrace emits.

pub mod attribute;
pub mod event;
