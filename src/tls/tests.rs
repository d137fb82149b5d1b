//! Handshakes with certificates made for the occasion.

use super::*;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::{
    ClientConfig,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName},
};
use std::{fs, path::PathBuf};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::{TlsAcceptor, TlsConnector};

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority() -> Authority {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

fn signed(authority: &Authority) -> (rcgen::Certificate, KeyPair) {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    (params.signed_by(&key, authority).unwrap(), key)
}

struct Files {
    _directory: TempDir,
    authority: Authority,
    certificate: PathBuf,
    key: PathBuf,
    client_ca: PathBuf,
    garbage: PathBuf,
}

fn files() -> Files {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, text: String| {
        let path = directory.path().join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let authority = authority();
    let (certificate, key) = signed(&authority);
    Files {
        certificate: write("server.pem", certificate.pem()),
        key: write("server.key", key.serialize_pem()),
        client_ca: write("ca.pem", authority.pem()),
        garbage: write("garbage.pem", "no PEM at all".to_owned()),
        authority,
        _directory: directory,
    }
}

/// Whether both sides shake hands and a word gets across and back.
fn shake(server: Arc<ServerConfig>, trusted: &Authority, client_of: Option<&Authority>, old: bool) -> bool {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.der().clone()).unwrap();
    let versions = if old { [&TLS12] } else { [&TLS13] };
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&versions)
        .unwrap()
        .with_root_certificates(roots);
    let client = match client_of.map(signed) {
        None => builder.with_no_client_auth(),
        Some((certificate, key)) => {
            let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
            let chain: Vec<CertificateDer<'static>> = vec![certificate.der().clone()];
            builder.with_client_auth_cert(chain, key).unwrap()
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let (near, far) = tokio::io::duplex(16 << 10);
        let serve = async {
            let mut stream = TlsAcceptor::from(server).accept(near).await?;
            let word = stream.read_u8().await?;
            stream.write_u8(word).await?;
            stream.flush().await
        };
        let ask = async {
            let name = ServerName::try_from("localhost").unwrap();
            let mut stream = TlsConnector::from(Arc::new(client)).connect(name, far).await?;
            stream.write_u8(7).await?;
            stream.flush().await?;
            stream.read_u8().await
        };
        let (served, asked) = tokio::join!(serve, ask);
        served.is_ok() && asked.is_ok_and(|word| word == 7)
    })
}

#[test]
fn handshakes_need_the_right_certificates() {
    let files = files();
    let stranger = authority();
    let (own, other) = (Some(&files.authority), Some(&stranger));
    let authorities = files.client_ca.as_path();
    for old in [false, true] {
        for (clients, none_works, own_works, other_works) in [
            (ClientCertificates::None, true, true, true),
            (ClientCertificates::Optional { authorities }, true, true, false),
            (ClientCertificates::Required { authorities }, false, true, false),
        ] {
            let config = server_config(&files.certificate, &files.key, clients).unwrap();
            assert_eq!(shake(config.clone(), &files.authority, None, old), none_works, "{clients:?}");
            assert_eq!(shake(config.clone(), &files.authority, own, old), own_works, "{clients:?}");
            // With no rule, a client is not asked and its certificate is not seen.
            assert_eq!(shake(config.clone(), &files.authority, other, old), other_works, "{clients:?}");
            assert!(!shake(config, &stranger, own, old), "the client trusts another authority");
        }
    }
}

#[test]
fn errors_name_the_file() {
    let files = files();
    let none = ClientCertificates::None;
    let error = |certificate: &Path, key: &Path, clients| {
        server_config(certificate, key, clients).unwrap_err().to_string()
    };
    let (certificate, key, garbage) = (&*files.certificate, &*files.key, &*files.garbage);
    assert!(error(garbage, key, none).ends_with("garbage.pem: no CERTIFICATE in it (PEM is expected)"));
    assert!(error(certificate, garbage, none).contains("garbage.pem: no PRIVATE KEY"));
    assert!(error(certificate, certificate, none).contains("server.pem: no PRIVATE KEY"));
    let clients = ClientCertificates::Required { authorities: garbage };
    assert!(error(certificate, key, clients).contains("garbage.pem: no CERTIFICATE"));
    assert!(error(&garbage.with_file_name("absent"), key, none).contains("absent: cannot be read"));
    let broken = garbage.with_file_name("broken.pem");
    fs::write(&broken, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap();
    assert!(error(&broken, key, none).contains("broken.pem: certificate 1: "));
    let clients = ClientCertificates::Optional { authorities: &broken };
    assert!(error(certificate, key, clients).contains("broken.pem: certificate 1: "));
    fs::write(&broken, "-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n").unwrap();
    assert!(error(&broken, key, none).contains("broken.pem: not valid PEM: "));
    fs::write(&broken, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n").unwrap();
    assert!(error(certificate, &broken, none).contains("broken.pem: the private key cannot be used"));
    fs::write(&broken, signed(&files.authority).1.serialize_pem()).unwrap();
    assert!(error(certificate, &broken, none).contains("server.pem: its first certificate is not of"));
    fs::write(&broken, vec![b'x'; (1 << 20) + 1]).unwrap();
    assert!(error(&broken, key, none).contains("more than 1048576 bytes"));
}
