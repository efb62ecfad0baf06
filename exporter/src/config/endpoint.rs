//! Where requests go: the URLs of OTLP, resolved per signal.
//!
//! OpenTelemetry specification, "OTLP Exporter", Endpoint URLs for OTLP/HTTP: the general endpoint is a
//! base to which `v1/logs` or `v1/traces` is appended; the endpoint of a signal is used as it is. gRPC
//! knows no path.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use http::Uri;
use http::uri::PathAndQuery;

use super::choice::Protocol;

/// An `http://` or `https://` URL without credentials, query or fragment.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Endpoint {
    uri: Uri,
    text: String,
}

/// Where one signal goes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Destination {
    /// Standard output.
    Console,
    /// A collector.
    Collector(Target),
}

/// A collector, for one signal.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Target {
    /// For HTTP the full URL to post to; for gRPC scheme and authority with the path `/`.
    pub uri: Uri,
    /// How to speak there.
    pub protocol: Protocol,
}

// === impl Endpoint ===

impl Endpoint {
    /// Whether the connection is encrypted.
    pub fn is_tls(&self) -> bool {
        self.uri.scheme_str() == Some("https")
    }

    /// Whether what is sent there stays on this host.
    pub fn is_loopback(&self) -> bool {
        let host = self.uri.host().unwrap_or_default();
        let address = host.trim_start_matches('[').trim_end_matches(']');
        host.eq_ignore_ascii_case("localhost")
            || address
                .parse::<IpAddr>()
                .is_ok_and(|address| address.is_loopback())
    }

    /// The port, if one is written.
    pub fn port(&self) -> Option<u16> {
        self.uri.port_u16()
    }

    /// Whether it names more than a host.
    pub(super) fn has_path(&self) -> bool {
        self.uri.path() != "/"
    }

    /// Where to send, if this is the endpoint of one signal.
    pub(super) fn for_signal(&self, protocol: Protocol) -> Target {
        let uri = match protocol {
            Protocol::Grpc => self.with_path("/"),
            Protocol::HttpProtobuf => self.uri.clone(),
        };
        Target { uri, protocol }
    }

    /// Where to send, if this is the endpoint of all signals. `path` is `v1/logs` or `v1/traces`.
    pub(super) fn for_all(&self, protocol: Protocol, path: &str) -> Target {
        let uri = match protocol {
            Protocol::Grpc => self.with_path("/"),
            Protocol::HttpProtobuf => {
                self.with_path(&format!("{}/{path}", self.uri.path().trim_end_matches('/')))
            }
        };
        Target { uri, protocol }
    }

    fn with_path(&self, path: &str) -> Uri {
        let mut parts = self.uri.clone().into_parts();
        parts.path_and_query = PathAndQuery::try_from(path).ok();
        // Both parts were valid before they met; without one the URL itself is the best answer.
        Uri::from_parts(parts).unwrap_or_else(|_| self.uri.clone())
    }
}

impl FromStr for Endpoint {
    type Err = String;

    /// # Errors
    ///
    /// A sentence for the operator. A URL with credentials is refused without repeating it.
    fn from_str(text: &str) -> Result<Self, String> {
        const HINT: &str = "(write http://127.0.0.1:4317, https://localhost:4317)";
        if text.contains('@') {
            return Err("a URL cannot carry credentials (put them into export.headers)".into());
        }
        if text.contains(['?', '#']) {
            // A query is where some receivers want a token: it is not repeated either.
            return Err("a URL cannot have a query or a fragment: OTLP uses neither".into());
        }
        let Some((scheme, _)) = text.split_once("://") else {
            return Err(format!("{text:?} has no scheme {HINT}"));
        };
        if !matches!(scheme, "http" | "https") {
            return Err(format!("{text:?} is not an http:// or https:// URL {HINT}"));
        }
        let uri = match text.parse::<Uri>() {
            Ok(uri) if uri.host().is_some_and(|host| !host.is_empty()) => uri,
            _ => return Err(format!("{text:?} is not a URL {HINT}")),
        };
        if uri
            .authority()
            .is_some_and(|a| a.as_str() != uri.host().unwrap_or_default())
            && uri.port_u16().is_none_or(|port| port == 0)
        {
            return Err(format!("{text:?} has no valid port {HINT}"));
        }
        Ok(Self {
            uri,
            text: text.to_owned(),
        })
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Where one signal goes: its own endpoint, or the general one with `path` appended.
pub(super) fn destination(
    (endpoint, protocol): &(Option<Endpoint>, Protocol),
    (own_endpoint, own_protocol): &(Option<Endpoint>, Option<Protocol>),
    path: &str,
) -> Destination {
    let protocol = own_protocol.unwrap_or(*protocol);
    match (own_endpoint, endpoint) {
        (Some(own), _) => Destination::Collector(own.for_signal(protocol)),
        (None, Some(all)) => Destination::Collector(all.for_all(protocol, path)),
        (None, None) => Destination::Console,
    }
}

/// What is allowed and probably not meant.
pub(super) fn doubts(endpoint: &Endpoint, protocol: Protocol) -> Vec<&'static str> {
    let mut doubts = Vec::new();
    if !endpoint.is_tls() && !endpoint.is_loopback() {
        doubts.push(
            "is plain http:// to another host: command lines and headers can be read on the way",
        );
    }
    match protocol {
        Protocol::Grpc => {
            if endpoint.port() == Some(4318) {
                doubts
                    .push("has port 4318, where http/protobuf is usual, but the protocol is grpc");
            }
            if endpoint.has_path() {
                doubts.push("has a path, which grpc does not use");
            }
        }
        Protocol::HttpProtobuf => {
            if endpoint.port() == Some(4317) {
                doubts
                    .push("has port 4317, where grpc is usual, but the protocol is http/protobuf");
            }
        }
    }
    doubts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str, protocol: Protocol) -> String {
        text.parse::<Endpoint>()
            .unwrap()
            .for_all(protocol, "v1/logs")
            .uri
            .to_string()
    }

    #[test]
    fn the_general_endpoint_is_a_base_for_http_and_an_authority_for_grpc() {
        assert_eq!(
            all("http://127.0.0.1:4318", Protocol::HttpProtobuf),
            "http://127.0.0.1:4318/v1/logs"
        );
        assert_eq!(
            all("http://[::1]:4318/otlp/", Protocol::HttpProtobuf),
            "http://[::1]:4318/otlp/v1/logs"
        );
        assert_eq!(
            all("https://localhost:4317/otlp", Protocol::Grpc),
            "https://localhost:4317/"
        );
    }

    #[test]
    fn the_endpoint_of_a_signal_is_used_as_it_is() {
        let endpoint: Endpoint = "http://localhost:4318/my/logs".parse().unwrap();
        let uri = endpoint.for_signal(Protocol::HttpProtobuf).uri;
        assert_eq!(uri.to_string(), "http://localhost:4318/my/logs");
    }

    #[test]
    fn loopback_is_recognised_in_each_spelling() {
        for text in [
            "http://localhost",
            "http://LOCALHOST:1",
            "http://127.8.9.1:1",
            "http://[::1]:1",
        ] {
            assert!(text.parse::<Endpoint>().unwrap().is_loopback(), "{text}");
        }
        for text in ["http://localhost.example", "http://collector:4317"] {
            assert!(!text.parse::<Endpoint>().unwrap().is_loopback(), "{text}");
        }
    }

    #[test]
    fn what_is_no_endpoint_is_refused() {
        for text in [
            "localhost:4317",
            "ftp://a",
            "http://",
            "http://:4317",
            "http://a:99999",
            "http://a:0",
            "http://a b",
            "http://a/?q",
            "http://a:",
            "http://[::1",
            "http://user:word@a",
            "http://a#f",
        ] {
            assert!(text.parse::<Endpoint>().is_err(), "{text}");
        }
    }

    #[test]
    fn credentials_are_not_repeated() {
        for text in [
            "http://user:hunter2@localhost",
            "http://a?key=hunter2",
            "a?hunter2",
        ] {
            let said = text.parse::<Endpoint>().unwrap_err();
            assert!(!said.contains("hunter2"), "{said}");
        }
    }
}
