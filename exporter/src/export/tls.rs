//! TLS of both transports: ring, the system's roots or the configured ones, a client certificate.

use hyper_rustls::FixedServerNameResolver;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tonic::transport::{Certificate, ClientTlsConfig};

use super::settings::TlsConfig;
use super::transport::SetupError;

/// For gRPC, which builds its own configuration from PEM.
pub(crate) fn for_grpc(config: &TlsConfig) -> ClientTlsConfig {
    let mut tls = match &config.ca {
        Some(pem) => ClientTlsConfig::new().ca_certificate(Certificate::from_pem(pem)),
        None => ClientTlsConfig::new().with_native_roots(),
    };
    if let Some(identity) = &config.identity {
        tls = tls.identity(tonic::transport::Identity::from_pem(
            &identity.certificates,
            &identity.key,
        ));
    }
    if let Some(name) = &config.server_name {
        tls = tls.domain_name(name);
    }
    tls
}

/// For HTTP. The server name is the connector's matter.
pub(crate) fn for_http(config: &TlsConfig) -> Result<ClientConfig, SetupError> {
    let mut roots = RootCertStore::empty();
    match &config.ca {
        Some(pem) => {
            for certificate in certificates(pem)? {
                roots.add(certificate).map_err(tls)?;
            }
        }
        None => roots = native_roots()?,
    }
    let builder = builder()?.with_root_certificates(roots);
    let Some(identity) = &config.identity else {
        return Ok(builder.with_no_client_auth());
    };
    let key = PrivateKeyDer::from_pem_slice(&identity.key).map_err(tls)?;
    builder
        .with_client_auth_cert(certificates(&identity.certificates)?, key)
        .map_err(tls)
}

/// For HTTP without TLS: the connector wants a configuration, and this one trusts nobody. A host
/// without root certificates can still speak plain HTTP.
pub(crate) fn trusting_nobody() -> Result<ClientConfig, SetupError> {
    Ok(builder()?
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth())
}

/// For HTTP: the name that the receiver's certificate must have.
pub(crate) fn server_name(name: &str) -> Result<FixedServerNameResolver, SetupError> {
    Ok(FixedServerNameResolver::new(
        ServerName::try_from(name.to_owned()).map_err(tls)?,
    ))
}

fn builder() -> Result<rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier>, SetupError> {
    let ring = rustls::crypto::ring::default_provider();
    ClientConfig::builder_with_provider(ring.into())
        .with_safe_default_protocol_versions()
        .map_err(tls)
}

fn native_roots() -> Result<RootCertStore, SetupError> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    // One unreadable certificate among a hundred is no reason not to start.
    let (added, _ignored) = roots.add_parsable_certificates(found.certs);
    if added == 0 {
        let error: Box<dyn std::error::Error + Send + Sync> = match found.errors.into_iter().next()
        {
            Some(error) => error.into(),
            None => "this system has no trusted root certificates".into(),
        };
        return Err(SetupError::Tls(error));
    }
    Ok(roots)
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, SetupError> {
    let all: Vec<_> = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(tls)?;
    if all.is_empty() {
        return Err(SetupError::Tls("no certificate in the PEM file".into()));
    }
    Ok(all)
}

fn tls(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> SetupError {
    SetupError::Tls(error.into())
}
