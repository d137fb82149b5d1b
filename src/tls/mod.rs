//! TLS for listeners and for connections that the server makes: certificates, private key and authorities,
//! from PEM files to what a handshake needs. Every error names the file and what is wrong in it. Never knows
//! sockets or users.
//!
//! `error` has what can be wrong; `pem`, how files are read.

mod error;
mod pem;

#[cfg(test)]
mod tests;

pub use error::{TlsError, TlsFault};

use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    crypto::{CryptoProvider, ring},
    server::{VerifierBuilderError, WebPkiClientVerifier, danger::ClientCertVerifier},
    version::{TLS12, TLS13},
};
use std::{path::Path, sync::Arc};

/// Whether clients show certificates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientCertificates<'a> {
    /// Clients are not asked.
    None,
    /// A client that shows one must have it of an authority in this file.
    Optional { authorities: &'a Path },
    /// Every client must.
    Required { authorities: &'a Path },
}

/// Reads the files. TLS 1.2 and 1.3 are spoken.
pub fn server_config(
    certificate: &Path,
    key: &Path,
    clients: ClientCertificates<'_>,
) -> Result<Arc<ServerConfig>, TlsError> {
    let chain = pem::certificates(certificate)?;
    let private_key = pem::private_key(key)?;
    let provider = Arc::new(ring::default_provider());
    // Loaded by itself first, so that the error names the file that is wrong.
    provider
        .key_provider
        .load_private_key(private_key.clone_key())
        .map_err(|e| TlsFault::Key(e.to_string()).of(key))?;
    let builder = ServerConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&[&TLS13, &TLS12])
        .map_err(|e| TlsFault::Setup(e.to_string()).of(certificate))?;
    let builder = match clients {
        ClientCertificates::None => builder.with_no_client_auth(),
        ClientCertificates::Optional { authorities } => {
            builder.with_client_cert_verifier(verifier(authorities, provider, true)?)
        }
        ClientCertificates::Required { authorities } => {
            builder.with_client_cert_verifier(verifier(authorities, provider, false)?)
        }
    };
    let config = builder.with_single_cert(chain, private_key).map_err(|e| match e {
        rustls::Error::InconsistentKeys(_) => TlsFault::OtherKey { key: key.to_owned() }.of(certificate),
        other => TlsFault::Certificate { number: 1, reason: other.to_string() }.of(certificate),
    })?;
    Ok(Arc::new(config))
}

/// For connections to a server whose certificate is of an authority in this file.
pub fn client_config(authorities: &Path) -> Result<Arc<ClientConfig>, TlsError> {
    let roots = roots(authorities)?;
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&TLS13, &TLS12])
        .map_err(|e| TlsFault::Setup(e.to_string()).of(authorities))?;
    Ok(Arc::new(builder.with_root_certificates(roots).with_no_client_auth()))
}

fn roots(authorities: &Path) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for (index, certificate) in pem::certificates(authorities)?.into_iter().enumerate() {
        roots.add(certificate).map_err(|e| {
            TlsFault::Certificate { number: index + 1, reason: e.to_string() }.of(authorities)
        })?;
    }
    Ok(roots)
}

fn verifier(
    authorities: &Path,
    provider: Arc<CryptoProvider>,
    optional: bool,
) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let roots = roots(authorities)?;
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
    let builder = if optional { builder.allow_unauthenticated() } else { builder };
    builder.build().map_err(|e: VerifierBuilderError| TlsFault::Setup(e.to_string()).of(authorities))
}
