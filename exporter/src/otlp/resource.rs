//! OTLP resources: the host with its agent, and each container on it.

use std::sync::Arc;

use kintrace_semconv::attribute as name;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource as Message;
use prost::Message as _;

use crate::batch::Resource;

/// What is known of the host and the agent. Empty strings are left out.
#[derive(Clone, Debug, Default)]
pub struct Host {
    /// `/etc/machine-id`.
    pub id: String,
    /// Its name.
    pub name: String,
    /// `amd64` or `arm64`.
    pub arch: String,
    /// Of the distribution.
    pub os_name: String,
    /// Of the distribution.
    pub os_version: String,
    /// Differs with each start of the agent.
    pub instance: String,
    /// From the configuration; these win.
    pub configured: Vec<(String, String)>,
}

/// The container a process runs in.
#[derive(Clone, Copy, Debug)]
pub struct Container<'a> {
    /// Its id, 64 hex digits.
    pub id: &'a str,
    /// Which runtime made it, if its cgroup says so.
    pub runtime: Option<&'a str>,
}

/// Encodes the resource of the host, or of one of its containers. Rare, so a tree of objects will do.
pub fn resource(host: &Host, container: Option<Container<'_>>) -> Resource {
    let mut pairs: Vec<(&str, &str)> = vec![
        (name::SERVICE_NAME, "kintrace"),
        (name::SERVICE_VERSION, env!("CARGO_PKG_VERSION")),
        (name::SERVICE_INSTANCE_ID, &host.instance),
        (name::HOST_ID, &host.id),
        (name::HOST_NAME, &host.name),
        (name::HOST_ARCH, &host.arch),
        (name::OS_TYPE, "linux"),
        (name::OS_NAME, &host.os_name),
        (name::OS_VERSION, &host.os_version),
    ];
    if let Some(container) = container {
        pairs.push((name::CONTAINER_ID, container.id));
        pairs.push((
            name::CONTAINER_RUNTIME_NAME,
            container.runtime.unwrap_or_default(),
        ));
    }
    for (key, value) in &host.configured {
        pairs.retain(|(known, _)| known != key);
        pairs.push((key, value));
    }
    let attributes = pairs
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .map(key_value)
        .collect();
    Arc::from(
        Message {
            attributes,
            ..Default::default()
        }
        .encode_to_vec(),
    )
}

fn key_value((key, value): (&str, &str)) -> KeyValue {
    let value = AnyValue {
        value: Some(Value::StringValue(value.to_owned())),
    };
    KeyValue {
        key: key.to_owned(),
        value: Some(value),
        ..Default::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(resource: &Resource) -> Vec<(String, Value)> {
        let message = Message::decode(&resource[..]).unwrap();
        let value = |pair: KeyValue| (pair.key, pair.value.unwrap().value.unwrap());
        message.attributes.into_iter().map(value).collect()
    }

    #[test]
    fn configured_attributes_win_and_empty_ones_are_left_out() {
        let configured = vec![("service.name".to_owned(), "edge".to_owned())];
        let host = Host {
            name: "box".to_owned(),
            configured,
            ..Host::default()
        };
        let container = Container {
            id: "abc",
            runtime: None,
        };
        let text = |text: &str| Value::StringValue(text.to_owned());
        assert_eq!(
            pairs(&resource(&host, Some(container))),
            [
                (
                    "service.version".to_owned(),
                    text(env!("CARGO_PKG_VERSION"))
                ),
                ("host.name".to_owned(), text("box")),
                ("os.type".to_owned(), text("linux")),
                ("container.id".to_owned(), text("abc")),
                ("service.name".to_owned(), text("edge")),
            ]
        );
    }
}
