//! What can be wrong with the files of TLS. No text here holds anything of a private key.

use std::path::{Path, PathBuf};
use thiserror::Error;

/// A file, and what is wrong in it.
#[derive(Debug, Error)]
#[error("{}: {fault}", file.display())]
pub struct TlsError {
    pub file: PathBuf,
    #[source]
    pub fault: TlsFault,
}

/// What is wrong in a file.
#[derive(Debug, Error)]
pub enum TlsFault {
    #[error("cannot be read: {0}")]
    Read(std::io::Error),
    #[error("more than {bytes_max} bytes")]
    TooLarge { bytes_max: u64 },
    #[error("not valid PEM: {0}")]
    Pem(String),
    #[error("no CERTIFICATE in it (PEM is expected)")]
    NoCertificate,
    #[error("no PRIVATE KEY in it (PEM is expected, without a passphrase)")]
    NoKey,
    #[error("more than one PRIVATE KEY in it")]
    SeveralKeys,
    #[error("certificate {number}: {reason}")]
    Certificate { number: usize, reason: String },
    #[error("the private key cannot be used: {0}")]
    Key(String),
    #[error("its first certificate is not of the private key in {}", key.display())]
    OtherKey { key: PathBuf },
    #[error("{0}")]
    Setup(String),
}

impl TlsFault {
    pub(super) fn of(self, file: &Path) -> TlsError {
        TlsError { file: file.to_owned(), fault: self }
    }
}
