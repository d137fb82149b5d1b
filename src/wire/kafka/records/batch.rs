//! A batch's head, and batches one after another. Never knows what is in the records.

use super::{
    compress::{self, Compression},
    error::RecordsError,
    record::Records,
};
use bytes::Bytes;

/// Bytes of a batch before its records.
pub(super) const HEAD_BYTES: usize = 61;
/// The batch's own length does not count what stands before its leader epoch.
pub(super) const LENGTH_FROM: usize = 12;
/// What the checksum covers: from the attributes to the end.
pub(super) const CHECKED_FROM: usize = 21;
pub(super) const CRC_AT: usize = 17;
pub(super) const MAGIC_AT: usize = 16;
pub(super) const MAGIC: i8 = 2;

/// What stands before the records. Times are milliseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    pub base_offset: i64,
    pub leader_epoch: i32,
    pub attributes: i16,
    /// Of the last record; a compacted batch may have fewer records than that.
    pub last_offset_delta: i32,
    pub base_timestamp_ms: i64,
    pub max_timestamp_ms: i64,
    /// -1: the producer is not idempotent.
    pub producer_id: i64,
    pub producer_epoch: i16,
    pub base_sequence: i32,
    pub record_count: i32,
}

impl Head {
    pub fn compression(&self) -> Result<Compression, RecordsError> {
        Compression::of_code((self.attributes & 7) as u8)
    }

    /// The broker's times, not the producer's.
    pub fn is_log_append_time(&self) -> bool {
        self.attributes & 1 << 3 != 0
    }

    pub fn is_transactional(&self) -> bool {
        self.attributes & 1 << 4 != 0
    }

    /// Markers of transactions, which no producer may send.
    pub fn is_control(&self) -> bool {
        self.attributes & 1 << 5 != 0
    }

    /// The offset behind the last record's; `None`: it is more than an offset can be.
    pub fn next_offset(&self) -> Option<i64> {
        self.base_offset.checked_add(i64::from(self.last_offset_delta))?.checked_add(1)
    }
}

/// A batch whose checksum is right.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    pub head: Head,
    /// All of it, as it came.
    pub bytes: Bytes,
}

impl Batch {
    /// The records, decompressed to at most `bytes_max` bytes. Each may still turn out to be wrong.
    pub fn records(&self, bytes_max: usize) -> Result<Records, RecordsError> {
        let sent = self.bytes.slice(HEAD_BYTES..);
        let plain = compress::decompress(self.head.compression()?, sent, bytes_max)?;
        Records::new(plain, self.head.record_count, self.head.last_offset_delta)
    }

    /// A producer leaves no offset out.
    pub fn check_dense(&self) -> Result<(), RecordsError> {
        let Head { record_count, last_offset_delta, .. } = self.head;
        if record_count < 1 || record_count - 1 != last_offset_delta {
            return Err(RecordsError::Value {
                field: "last offset delta",
                value: i64::from(last_offset_delta),
            });
        }
        Ok(())
    }
}

/// Reads one batch after another; ends after the first that is wrong.
pub struct Batches {
    rest: Bytes,
}

impl Batches {
    pub fn new(bytes: Bytes) -> Batches {
        Batches { rest: bytes }
    }

    fn read(&mut self) -> Result<Batch, RecordsError> {
        let left = self.rest.len();
        if left < HEAD_BYTES {
            return Err(RecordsError::Truncated { field: "batch", needed: HEAD_BYTES, left });
        }
        let length = i32::from_be_bytes(fixed(&self.rest, 8));
        let total = usize::try_from(length).ok().and_then(|length| length.checked_add(LENGTH_FROM));
        let Some(total) = total.filter(|&total| total >= HEAD_BYTES) else {
            return Err(RecordsError::Value { field: "batch length", value: i64::from(length) });
        };
        // Where the checksum is depends on it.
        let magic = self.rest[MAGIC_AT] as i8;
        if magic != MAGIC {
            return Err(RecordsError::Magic(magic));
        }
        if total > left {
            return Err(RecordsError::Truncated { field: "batch", needed: total, left });
        }
        let bytes = self.rest.split_to(total);
        let said = u32::from_be_bytes(fixed(&bytes, CRC_AT));
        let computed = crc32c::crc32c(&bytes[CHECKED_FROM..]);
        if said != computed {
            return Err(RecordsError::Checksum { said, computed });
        }
        Ok(Batch { head: read_head(&bytes), bytes })
    }
}

impl Iterator for Batches {
    type Item = Result<Batch, RecordsError>;

    fn next(&mut self) -> Option<Result<Batch, RecordsError>> {
        if self.rest.is_empty() {
            return None;
        }
        let batch = self.read();
        if batch.is_err() {
            self.rest.clear();
        }
        Some(batch)
    }
}

fn read_head(bytes: &[u8]) -> Head {
    Head {
        base_offset: i64::from_be_bytes(fixed(bytes, 0)),
        leader_epoch: i32::from_be_bytes(fixed(bytes, 12)),
        attributes: i16::from_be_bytes(fixed(bytes, 21)),
        last_offset_delta: i32::from_be_bytes(fixed(bytes, 23)),
        base_timestamp_ms: i64::from_be_bytes(fixed(bytes, 27)),
        max_timestamp_ms: i64::from_be_bytes(fixed(bytes, 35)),
        producer_id: i64::from_be_bytes(fixed(bytes, 43)),
        producer_epoch: i16::from_be_bytes(fixed(bytes, 51)),
        base_sequence: i32::from_be_bytes(fixed(bytes, 53)),
        record_count: i32::from_be_bytes(fixed(bytes, 57)),
    }
}

/// # Panics
/// If the bytes end before; a head's do not.
fn fixed<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    *bytes[at..].first_chunk().expect("a head is whole")
}
