//! TLS with an own authority, a name that is not the endpoint's, and a client certificate.
//!
//! `pki/` holds an authority and one certificate for `collector.test`, valid for a hundred years and
//! good for nothing else.

use kintrace::export::settings::{Identity, TlsConfig};
use kintrace::export::transport::SetupError;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig, crypto};
use tonic::transport::{Certificate, ServerTlsConfig};

use super::*;

const CA: &[u8] = include_bytes!("pki/ca.pem");
const CERTIFICATE: &[u8] = include_bytes!("pki/leaf.pem");
const KEY: &[u8] = include_bytes!("pki/leaf.key");

fn client(ca: bool, identity: bool, name: Option<&str>) -> TlsConfig {
    TlsConfig {
        ca: ca.then(|| CA.to_vec()),
        identity: identity.then(|| Identity {
            certificates: CERTIFICATE.into(),
            key: KEY.into(),
        }),
        server_name: name.map(Into::into),
    }
}

fn secure(protocol: Protocol, address: SocketAddr, tls: TlsConfig) -> ExportConfig {
    let mut config = config(protocol, address);
    config.endpoint.base = format!("https://{address}");
    config.retry.max_elapsed = Some(Duration::from_millis(50));
    config.tls = tls;
    config
}

async fn grpc_collector() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let tls = ServerTlsConfig::new()
        .identity(tonic::transport::Identity::from_pem(CERTIFICATE, KEY))
        .client_ca_root(Certificate::from_pem(CA));
    receiver::Collector::new(|_| receiver::Reply::Ok).serve_on(listener, 4 << 20, Some(tls));
    address
}

async fn http_collector() -> SocketAddr {
    let provider = Arc::new(crypto::ring::default_provider());
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(CA).unwrap())
        .unwrap();
    let clients =
        WebPkiClientVerifier::builder_with_provider(roots.into(), Arc::clone(&provider)).build();
    let tls = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(clients.unwrap())
        .with_single_cert(
            vec![CertificateDer::from_pem_slice(CERTIFICATE).unwrap()],
            PrivateKeyDer::from_pem_slice(KEY).unwrap(),
        )
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(tls));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // A client that is refused, or refuses, leaves here.
            let Ok(stream) = acceptor.accept(stream).await else {
                continue;
            };
            tokio::spawn(over_http::Collector::first(vec![]).serve_one(stream));
        }
    });
    address
}

#[tokio::test]
async fn a_receiver_with_an_own_authority_that_wants_a_certificate_is_reached() {
    for protocol in [Protocol::Grpc, Protocol::HttpProtobuf] {
        let address = match protocol {
            Protocol::Grpc => grpc_collector().await,
            Protocol::HttpProtobuf => http_collector().await,
        };
        let tls = client(true, true, Some("collector.test"));
        let mut config = secure(protocol, address, tls);
        config.retry.max_elapsed = Some(PATIENCE);
        let telemetry = deliver(&config, &names(10)).await;
        assert_eq!(sums(&telemetry.logs), (10, 0, 0), "{protocol:?}");

        // The name is wrong, or the certificate is missing: nothing leaves.
        for tls in [
            client(true, true, None),
            client(true, false, Some("collector.test")),
        ] {
            let telemetry = deliver(&secure(protocol, address, tls), &names(10)).await;
            let exhausted = telemetry.logs.dropped(DropReason::RetryExhausted).get();
            assert_eq!(exhausted, 10, "{protocol:?}");
        }
    }
}

#[tokio::test]
async fn what_cannot_work_is_said_at_start() {
    let telemetry = || Arc::new(Telemetry::default());
    let scope = Scope {
        name: String::new(),
        version: String::new(),
        schema_url: String::new(),
    };
    for protocol in [Protocol::Grpc, Protocol::HttpProtobuf] {
        let address = SocketAddr::from(([127, 0, 0, 1], 4317));
        let mut bad_name = config(protocol, address);
        bad_name.headers = vec![("a b".into(), "c".into())];
        let mut bad_url = config(protocol, address);
        bad_url.endpoint.base = "localhost".into();
        let mut bad_key = secure(protocol, address, client(true, true, None));
        bad_key.tls.identity = Some(Identity {
            certificates: CERTIFICATE.into(),
            key: b"none".into(),
        });
        let fails = |config| Exporter::start(&config, scope.clone(), telemetry()).unwrap_err();
        assert!(
            matches!(fails(bad_name), SetupError::Header(_)),
            "{protocol:?}"
        );
        assert!(
            matches!(fails(bad_url), SetupError::Endpoint(_)),
            "{protocol:?}"
        );
        assert!(matches!(fails(bad_key), SetupError::Tls(_)), "{protocol:?}");
    }
}
