//! What can be wrong with a record batch. Never knows the protocol's error codes, only what kind of fault it
//! is.

/// Why a batch is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordsError {
    #[error("{field}: {needed} bytes are needed, {left} are left")]
    Truncated { field: &'static str, needed: usize, left: usize },
    #[error("{field}: {value} is not possible here")]
    Value { field: &'static str, value: i64 },
    #[error("{field}: a number of more than {bytes_max} bytes")]
    Varint { field: &'static str, bytes_max: usize },
    #[error("{field}: not valid UTF-8")]
    NotUtf8 { field: &'static str },
    #[error("{field}: {left} bytes too many")]
    Trailing { field: &'static str, left: usize },
    #[error("crc: the batch says {said:#010x}, its bytes give {computed:#010x}")]
    Checksum { said: u32, computed: u32 },
    #[error("magic: record batches of version {0} are not supported, only 2")]
    Magic(i8),
    #[error("attributes: {0} is no known compression")]
    Compression(u8),
    #[error("records: they do not decompress by {name}: {reason}")]
    Decompress { name: &'static str, reason: String },
    #[error("records: more than {bytes_max} bytes when decompressed")]
    TooLarge { bytes_max: usize },
}

/// What kind of fault it is, for whoever has to tell the producer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The bytes are not what the producer sent: it may send them again.
    Corrupt,
    /// They are what it sent, and no batch: it would be the same again.
    Invalid,
    /// A batch of another format.
    Version,
    /// A compression that does not exist.
    Compression,
    /// It would take more memory than it may.
    TooLarge,
}

impl RecordsError {
    pub fn fault(&self) -> Fault {
        match self {
            RecordsError::Magic(_) => Fault::Version,
            RecordsError::Compression(_) => Fault::Compression,
            RecordsError::TooLarge { .. } => Fault::TooLarge,
            RecordsError::Checksum { .. } => Fault::Corrupt,
            _ => Fault::Invalid,
        }
    }
}
