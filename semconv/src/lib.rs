//! Every telemetry name that kintrace emits, in one place.
//!
//! Names of OpenTelemetry's semantic conventions are used where the meaning is the same; ours live under
//! `kintrace.`. A renamed name is a breaking change (CHANGELOG.md).

pub mod attribute;
pub mod event;
pub mod metric;

/// Schema of the OpenTelemetry names in use.
pub const SCHEMA_URL: &str = "https://opentelemetry.io/schemas/1.44.0";

/// Instrumentation scope of everything that the agent emits.
pub const SCOPE_NAME: &str = "kintrace";
