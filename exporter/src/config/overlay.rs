//! What wins over what: the rank of sources, and the command line as the last of them.

use super::keys;
use super::settings::{Origin, Settings, Written};

/// What the command line says over everything else; `None`: nothing.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// `--otlp-endpoint`, for all signals; empty: the console.
    pub otlp_endpoint: Option<String>,
    /// `--otlp-protocol`, for all signals.
    pub otlp_protocol: Option<String>,
    /// `--output`.
    pub output: Option<String>,
    /// `--log-level`.
    pub log_level: Option<String>,
}

/// Sets a value over all earlier sources. What speaks of all signals hides what an earlier source said
/// of one of them.
pub(super) fn set_over(
    settings: &mut Settings,
    key: &'static str,
    written: Written,
    origin: Origin,
) {
    let hidden = match key {
        "export.endpoint" => [keys::LOGS_ENDPOINT.name, keys::TRACES_ENDPOINT.name],
        "export.protocol" => [keys::LOGS_PROTOCOL.name, keys::TRACES_PROTOCOL.name],
        _ => return settings.set(key, written, origin),
    };
    hidden.into_iter().for_each(|key| settings.unset(key));
    settings.set(key, written, origin);
}

// === impl Overrides ===

impl Overrides {
    pub(super) fn overlay(&self, settings: &mut Settings) {
        let Self {
            otlp_endpoint,
            otlp_protocol,
            output,
            log_level,
        } = self;
        let flags = [
            (otlp_endpoint, keys::ENDPOINT.name, "--otlp-endpoint"),
            (otlp_protocol, keys::PROTOCOL.name, "--otlp-protocol"),
            (output, keys::OUTPUT.name, "--output"),
            (log_level, keys::LOG_LEVEL.name, "--log-level"),
        ];
        for (text, key, flag) in flags {
            if let Some(text) = text {
                set_over(
                    settings,
                    key,
                    Written::Text(text.clone()),
                    Origin::CommandLine(flag),
                );
            }
        }
    }
}
