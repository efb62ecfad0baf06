//! Every telemetry name that kintrace emits.
