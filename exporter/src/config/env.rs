//! What the environment says: the variables that OpenTelemetry defines, laid over the file.
//!
//! OpenTelemetry specification, "Environment Variable Specification" and "OTLP Exporter": an empty
//! variable counts as unset; headers and attributes are lists of `name=value`, percent-encoded; the
//! timeout is in milliseconds; INSECURE matters to an endpoint without a scheme alone.
//!
//! This file, `main.rs` and `cli/` are the only ones that may know the process environment.

use std::collections::BTreeMap;

use super::keys::{self, Described};
use super::overlay::set_over;
use super::problem::Problem;
use super::settings::{Origin, Settings, Written};

/// Where variables come from; a test passes a map.
pub trait Env {
    /// The value of `name`, if it is set.
    fn get(&self, name: &str) -> Option<String>;
}

/// The environment of this process. Bytes that are not UTF-8 are replaced, so that the check of the
/// value refuses them with its name.
#[derive(Clone, Copy, Debug)]
pub struct ProcessEnv;

/// Variables whose text is the value of a key.
static VARIABLES: [(&str, &dyn Described); 11] = [
    ("OTEL_EXPORTER_OTLP_ENDPOINT", &keys::ENDPOINT),
    ("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", &keys::LOGS_ENDPOINT),
    ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", &keys::TRACES_ENDPOINT),
    ("OTEL_EXPORTER_OTLP_PROTOCOL", &keys::PROTOCOL),
    ("OTEL_EXPORTER_OTLP_LOGS_PROTOCOL", &keys::LOGS_PROTOCOL),
    ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", &keys::TRACES_PROTOCOL),
    ("OTEL_EXPORTER_OTLP_COMPRESSION", &keys::COMPRESSION),
    ("OTEL_EXPORTER_OTLP_TIMEOUT", &keys::TIMEOUT),
    ("OTEL_EXPORTER_OTLP_CERTIFICATE", &keys::TLS_CA_FILE),
    (
        "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE",
        &keys::TLS_CERT_FILE,
    ),
    ("OTEL_EXPORTER_OTLP_CLIENT_KEY", &keys::TLS_KEY_FILE),
];

const INSECURE: &str = "OTEL_EXPORTER_OTLP_INSECURE";
const HEADERS: &str = "OTEL_EXPORTER_OTLP_HEADERS";
const ATTRIBUTES: &str = "OTEL_RESOURCE_ATTRIBUTES";
const SERVICE_NAME: &str = "OTEL_SERVICE_NAME";

/// Variables of the specification that have no effect here: silence would let their author believe the
/// opposite.
const NOT_READ: [&str; 15] = [
    "OTEL_SDK_DISABLED",
    "OTEL_EXPORTER_OTLP_LOGS_CERTIFICATE",
    "OTEL_EXPORTER_OTLP_LOGS_CLIENT_CERTIFICATE",
    "OTEL_EXPORTER_OTLP_LOGS_CLIENT_KEY",
    "OTEL_EXPORTER_OTLP_LOGS_COMPRESSION",
    "OTEL_EXPORTER_OTLP_LOGS_HEADERS",
    "OTEL_EXPORTER_OTLP_LOGS_INSECURE",
    "OTEL_EXPORTER_OTLP_LOGS_TIMEOUT",
    "OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE",
    "OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE",
    "OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY",
    "OTEL_EXPORTER_OTLP_TRACES_COMPRESSION",
    "OTEL_EXPORTER_OTLP_TRACES_HEADERS",
    "OTEL_EXPORTER_OTLP_TRACES_INSECURE",
    "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT",
];

/// Lays the environment over `settings`.
pub(super) fn overlay(env: &impl Env, settings: &mut Settings, problems: &mut Vec<Problem>) {
    let insecure = read(env, INSECURE);
    if insecure
        .as_deref()
        .is_some_and(|text| parse_flag(text).is_none())
    {
        problems.push(Problem::new(INSECURE, "is not true or false"));
    }
    let insecure = insecure.and_then(|text| parse_flag(&text));
    for (variable, key) in VARIABLES {
        let Some(text) = read(env, variable) else {
            continue;
        };
        let text = match key.name() {
            name if name == keys::TIMEOUT.name && is_number(&text) => format!("{text}ms"),
            name if name.ends_with("endpoint") => with_scheme(text, insecure),
            _ => text,
        };
        set_over(
            settings,
            key.name(),
            Written::Text(text),
            Origin::Environment(variable),
        );
    }
    pairs(env, HEADERS, &keys::HEADERS, settings, problems);
    pairs(env, ATTRIBUTES, &keys::ATTRIBUTES, settings, problems);
    if let Some(name) = read(env, SERVICE_NAME) {
        let origin = Origin::Environment(SERVICE_NAME);
        settings.set_entry(
            keys::ATTRIBUTES.name,
            kintrace_semconv::attribute::SERVICE_NAME.into(),
            Written::Text(name),
            origin,
        );
    }
}

/// The variables that are set and have no effect.
pub(super) fn not_read(env: &impl Env) -> Vec<Problem> {
    NOT_READ
        .into_iter()
        .filter(|name| read(env, name).is_some())
        .map(|name| Problem::new(name, "is set, but kintrace does not read it"))
        .collect()
}

fn read(env: &impl Env, name: &str) -> Option<String> {
    let text = env.get(name)?.trim().to_owned();
    (!text.is_empty()).then_some(text)
}

fn parse_flag(text: &str) -> Option<bool> {
    // The specification: "true", in any case, is true; what is neither word deserves a warning.
    [("true", true), ("false", false)]
        .into_iter()
        .find_map(|(word, flag)| text.eq_ignore_ascii_case(word).then_some(flag))
}

fn is_number(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

/// An endpoint without a scheme is secure unless INSECURE says otherwise. If it says nothing, the
/// endpoint is refused as it is: a guess in either direction fails late and far away.
fn with_scheme(endpoint: String, insecure: Option<bool>) -> String {
    match (endpoint.contains("://"), insecure) {
        (true, _) | (false, None) => endpoint,
        (false, Some(true)) => format!("http://{endpoint}"),
        (false, Some(false)) => format!("https://{endpoint}"),
    }
}

/// Reads a list of `name=value,name=value`, without repeating a value in a message.
fn pairs(
    env: &impl Env,
    variable: &'static str,
    key: &dyn Described,
    settings: &mut Settings,
    problems: &mut Vec<Problem>,
) {
    let Some(text) = read(env, variable) else {
        return;
    };
    for (index, pair) in text
        .split(',')
        .enumerate()
        .filter(|(_, pair)| !pair.trim().is_empty())
    {
        let decoded = pair.split_once('=').and_then(|(name, value)| {
            Some((percent_decode(name.trim())?, percent_decode(value.trim())?))
        });
        match decoded {
            Some((name, value)) if !name.is_empty() => {
                let origin = Origin::Environment(variable);
                let name = key.entry_name(&name);
                settings.set_entry(key.name(), name, Written::Text(value), origin);
            }
            _ => problems.push(Problem::new(
                variable,
                format!("pair {} is not name=value, percent-encoded", index + 1),
            )),
        }
    }
}

/// `None` if an escape is not two hexadecimal digits, or the result is not UTF-8.
fn percent_decode(text: &str) -> Option<String> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let mut digit = || char::from(bytes.next()?).to_digit(16);
            let (high, low) = (digit()?, digit()?);
            decoded.push(u8::try_from(high * 16 + low).ok()?);
        } else {
            decoded.push(byte);
        }
    }
    String::from_utf8(decoded).ok()
}

// === impl Env ===

impl Env for ProcessEnv {
    fn get(&self, name: &str) -> Option<String> {
        std::env::var_os(name).map(|value| value.to_string_lossy().into_owned())
    }
}

impl Env for BTreeMap<&str, &str> {
    fn get(&self, name: &str) -> Option<String> {
        BTreeMap::get(self, name).map(|value| (*value).to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_decoding_refuses_what_is_broken() {
        assert_eq!(
            percent_decode("Basic%20YQ%3D%3d").as_deref(),
            Some("Basic YQ==")
        );
        for text in ["%", "%2", "%zz", "%+1", "%ff"] {
            assert_eq!(percent_decode(text), None, "{text}");
        }
    }
}
