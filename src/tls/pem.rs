//! How PEM files are read: bounded, and with what is missing said.

use super::error::{TlsError, TlsFault};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use std::{fs::File, io::Read, path::Path};

/// A long chain has some ten thousand bytes, a file with every public authority less than half a million.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// All certificates of a file, in its order; at least one.
pub(super) fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let bytes = read(file)?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    let certificates = certificates.map_err(|e| TlsFault::Pem(e.to_string()).of(file))?;
    if certificates.is_empty() { Err(TlsFault::NoCertificate.of(file)) } else { Ok(certificates) }
}

/// The one private key of a file.
pub(super) fn private_key(file: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let bytes = read(file)?;
    let mut keys = PrivateKeyDer::pem_slice_iter(&bytes);
    let key = keys.next().ok_or_else(|| TlsFault::NoKey.of(file))?;
    let key = key.map_err(|e| TlsFault::Pem(e.to_string()).of(file))?;
    if keys.next().is_some() { Err(TlsFault::SeveralKeys.of(file)) } else { Ok(key) }
}

fn read(file: &Path) -> Result<Vec<u8>, TlsError> {
    let mut bytes = Vec::new();
    File::open(file)
        .and_then(|opened| opened.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes))
        .map_err(|e| TlsFault::Read(e).of(file))?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(TlsFault::TooLarge { bytes_max: FILE_BYTES_MAX }.of(file));
    }
    Ok(bytes)
}
