//! Rules for texts: URLs, addresses, paths and names. The empty text stands for none.

use std::net::SocketAddr;
use std::path::PathBuf;

use super::endpoint::Endpoint;
use super::rules::{Fault, Rule, Yaml, quoted, refuse};
use super::settings::Written;

/// An `http` or `https` URL, or empty: `None`.
pub(super) struct Url;
/// An address to listen on, or empty: `None`.
pub(super) struct Listen;
/// The path of a file, or empty: `None`.
pub(super) struct FilePath;
/// The name of a host, or empty: `None`.
pub(super) struct HostName;
/// A list of names of environment variables.
pub(super) struct VariableNames {
    pub(super) most: usize,
    pub(super) longest: usize,
}

/// An optional text, where the empty one stands for none.
fn optional<T, E: std::fmt::Display>(
    written: &Written,
    parse: impl FnOnce(&str) -> Result<T, E>,
    what: &str,
) -> Result<Option<T>, Vec<Fault>> {
    let Written::Text(text) = written else {
        return refuse(format!("{written} is not {what}"));
    };
    if text.is_empty() {
        return Ok(None);
    }
    match parse(text) {
        Ok(value) => Ok(Some(value)),
        Err(reason) => refuse(reason.to_string()),
    }
}

fn inline_or_empty<T>(value: &Option<T>, show: impl FnOnce(&T) -> String) -> Yaml {
    Yaml::Inline(quoted(&value.as_ref().map(show).unwrap_or_default()))
}

// === impl Url, Listen, FilePath, HostName ===

impl Rule for Url {
    type Value = Option<Endpoint>;

    fn allowed(&self) -> String {
        "an http:// or https:// URL, or \"\"".into()
    }

    fn parse(&self, written: &Written) -> Result<Option<Endpoint>, Vec<Fault>> {
        optional(written, str::parse, "a URL (write http://127.0.0.1:4317)")
    }

    fn write(&self, value: &Option<Endpoint>) -> Yaml {
        inline_or_empty(value, Endpoint::to_string)
    }
}

impl Rule for Listen {
    type Value = Option<SocketAddr>;

    fn allowed(&self) -> String {
        "ADDRESS:PORT, or \"\"".into()
    }

    fn parse(&self, written: &Written) -> Result<Option<SocketAddr>, Vec<Fault>> {
        let hint = "an address and a port (write 127.0.0.1:9464, [::1]:9464)";
        optional(
            written,
            |text| {
                text.parse()
                    .ok()
                    .ok_or_else(|| format!("{written} is not {hint}"))
            },
            hint,
        )
    }

    fn write(&self, value: &Option<SocketAddr>) -> Yaml {
        inline_or_empty(value, SocketAddr::to_string)
    }
}

impl Rule for FilePath {
    type Value = Option<PathBuf>;

    fn allowed(&self) -> String {
        "the path of a PEM file, or \"\"".into()
    }

    fn parse(&self, written: &Written) -> Result<Option<PathBuf>, Vec<Fault>> {
        optional(
            written,
            |text| match text.contains('\0') {
                false => Ok(PathBuf::from(text)),
                true => Err(format!("{written} is not a path: it contains a NUL")),
            },
            "a path",
        )
    }

    fn write(&self, value: &Option<PathBuf>) -> Yaml {
        inline_or_empty(value, |path| path.to_string_lossy().into_owned())
    }
}

impl Rule for HostName {
    type Value = Option<String>;

    fn allowed(&self) -> String {
        "the name of a host, or \"\"".into()
    }

    fn parse(&self, written: &Written) -> Result<Option<String>, Vec<Fault>> {
        let is_letter = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | ':' | '_');
        optional(
            written,
            |text| match text.len() <= 253 && text.chars().all(is_letter) {
                true => Ok(text.to_owned()),
                false => Err(format!("{written} is not the name of a host")),
            },
            "the name of a host",
        )
    }

    fn write(&self, value: &Option<String>) -> Yaml {
        inline_or_empty(value, String::clone)
    }
}

// === impl VariableNames ===

impl VariableNames {
    fn is_name(&self, text: &str) -> bool {
        let is_letter = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_';
        text.len() <= self.longest
            && text.bytes().next().is_some_and(is_letter)
            && text
                .bytes()
                .all(|byte| is_letter(byte) || byte.is_ascii_digit())
    }
}

impl Rule for VariableNames {
    type Value = Vec<String>;

    fn allowed(&self) -> String {
        format!(
            "at most {} names of at most {} bytes, A-Z a-z 0-9 _",
            self.most, self.longest
        )
    }

    fn parse(&self, written: &Written) -> Result<Vec<String>, Vec<Fault>> {
        let Written::List(list) = written else {
            return refuse(format!("{written} is not a list (write [CI_JOB_ID, USER])"));
        };
        let mut names: Vec<String> = Vec::with_capacity(list.len());
        let mut faults = Vec::new();
        for entry in list {
            let name = if let Written::Text(name) = entry {
                name.as_str()
            } else {
                ""
            };
            if names.iter().any(|other| other == name) {
                faults.push(Fault {
                    entry: None,
                    message: format!("{entry} is named twice"),
                });
            } else if self.is_name(name) {
                names.push(name.to_owned());
            } else {
                let allowed = self.allowed();
                let message = format!("{entry} is not the name of a variable ({allowed})");
                faults.push(Fault {
                    entry: None,
                    message,
                });
            }
        }
        if list.len() > self.most {
            let message = format!("{} names are too many ({})", list.len(), self.allowed());
            faults.push(Fault {
                entry: None,
                message,
            });
        }
        if faults.is_empty() {
            Ok(names)
        } else {
            Err(faults)
        }
    }

    fn write(&self, value: &Vec<String>) -> Yaml {
        let names: Vec<_> = value.iter().map(|name| quoted(name)).collect();
        Yaml::Inline(format!("[{}]", names.join(", ")))
    }
}
