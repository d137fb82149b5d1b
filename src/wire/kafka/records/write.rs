//! Making a batch. Never knows where it goes; its place in a log is written into it afterwards.

use super::{
    batch::{CHECKED_FROM, CRC_AT, HEAD_BYTES, LENGTH_FROM, MAGIC},
    compress::{self, Compression},
};
use bytes::BufMut;
use std::io;

/// A record to be written.
#[derive(Clone, Copy, Debug, Default)]
pub struct NewRecord<'a> {
    /// Milliseconds since 1970.
    pub timestamp_ms: i64,
    pub key: Option<&'a [u8]>,
    pub value: Option<&'a [u8]>,
    pub headers: &'a [(&'a str, Option<&'a [u8]>)],
}

/// Who wrote a batch, if it is to be taken once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Producer {
    pub id: i64,
    pub epoch: i16,
    pub base_sequence: i32,
}

/// Gathers the records of one batch.
#[derive(Debug, Default)]
pub struct BatchWriter {
    /// Room for the batch's head, once there is a record; then the records.
    bytes: Vec<u8>,
    count: i32,
    base_timestamp_ms: i64,
    max_timestamp_ms: i64,
}

impl BatchWriter {
    pub fn new() -> BatchWriter {
        BatchWriter::default()
    }

    pub fn count(&self) -> i32 {
        self.count
    }

    /// Bytes of the records so far, not compressed.
    pub fn bytes(&self) -> usize {
        self.bytes.len().saturating_sub(HEAD_BYTES)
    }

    /// Room for about so many bytes of records.
    pub fn reserve(&mut self, bytes: usize) {
        self.bytes.reserve(HEAD_BYTES + bytes);
    }

    pub fn push(&mut self, record: &NewRecord<'_>) {
        if self.count == 0 {
            self.base_timestamp_ms = record.timestamp_ms;
            self.max_timestamp_ms = record.timestamp_ms;
            self.bytes.resize(HEAD_BYTES, 0);
        }
        self.max_timestamp_ms = self.max_timestamp_ms.max(record.timestamp_ms);
        // Wraps as the reader's sum does.
        let timestamp_delta = record.timestamp_ms.wrapping_sub(self.base_timestamp_ms);
        let offset_delta = i64::from(self.count);
        let header_count = record.headers.len() as i64;
        let headers = record.headers.iter();
        let length = 1
            + varlong_bytes(timestamp_delta)
            + varlong_bytes(offset_delta)
            + nullable_bytes(record.key)
            + nullable_bytes(record.value)
            + varlong_bytes(header_count)
            + headers.map(|(k, v)| nullable_bytes(Some(k.as_bytes())) + nullable_bytes(*v)).sum::<usize>();
        let out = &mut self.bytes;
        out.reserve(VARLONG_BYTES_MAX + length);
        put_varlong(out, length as i64);
        let start = out.len();
        out.push(0);
        put_varlong(out, timestamp_delta);
        put_varlong(out, offset_delta);
        put_nullable(out, record.key);
        put_nullable(out, record.value);
        put_varlong(out, header_count);
        for (key, value) in record.headers {
            put_nullable(out, Some(key.as_bytes()));
            put_nullable(out, *value);
        }
        assert_eq!(out.len() - start, length, "a record is as long as was said before it");
        self.count += 1;
    }

    /// The batch, at offset 0 and epoch 0: [`place`] says where it stands.
    ///
    /// # Errors
    /// If a compression's library fails.
    ///
    /// # Panics
    /// If there is no record, or more than a batch can hold.
    pub fn finish(self, compression: Compression, producer: Option<Producer>) -> io::Result<Vec<u8>> {
        assert!(self.count > 0, "a batch has a record");
        let mut out = match compression {
            Compression::None => self.bytes,
            _ => {
                let body = compress::compress(compression, &self.bytes[HEAD_BYTES..])?;
                [&self.bytes[..HEAD_BYTES], &body].concat()
            }
        };
        let producer = producer.unwrap_or(Producer { id: -1, epoch: -1, base_sequence: -1 });
        let length = i32::try_from(out.len() - LENGTH_FROM).expect("a batch has a bound");
        let mut head = &mut out[..HEAD_BYTES];
        head.put_i64(0);
        head.put_i32(length);
        head.put_i32(0);
        head.put_i8(MAGIC);
        head.put_u32(0);
        head.put_i16(compression as i16);
        head.put_i32(self.count - 1);
        head.put_i64(self.base_timestamp_ms);
        head.put_i64(self.max_timestamp_ms);
        head.put_i64(producer.id);
        head.put_i16(producer.epoch);
        head.put_i32(producer.base_sequence);
        head.put_i32(self.count);
        assert!(head.is_empty(), "the records come next");
        let crc = crc32c::crc32c(&out[CHECKED_FROM..]);
        out[CRC_AT..CRC_AT + 4].copy_from_slice(&crc.to_be_bytes());
        Ok(out)
    }
}

/// Writes into a batch where it stands: both lie outside what the checksum covers, so that a batch is encoded
/// once.
///
/// # Panics
/// If it is shorter than a batch's head.
pub fn place(batch: &mut [u8], base_offset: i64, leader_epoch: i32) {
    assert!(batch.len() >= HEAD_BYTES, "a whole batch");
    batch[..8].copy_from_slice(&base_offset.to_be_bytes());
    batch[LENGTH_FROM..LENGTH_FROM + 4].copy_from_slice(&leader_epoch.to_be_bytes());
}

const VARLONG_BYTES_MAX: usize = 10;

fn varlong_bytes(value: i64) -> usize {
    let bits = (value << 1 ^ value >> 63) as u64;
    (64 - (bits | 1).leading_zeros()).div_ceil(7) as usize
}

fn nullable_bytes(bytes: Option<&[u8]>) -> usize {
    bytes.map_or(varlong_bytes(-1), |bytes| varlong_bytes(bytes.len() as i64) + bytes.len())
}

pub(super) fn put_varlong(out: &mut Vec<u8>, value: i64) {
    let mut bits = (value << 1 ^ value >> 63) as u64;
    while bits >= 0x80 {
        out.push(bits as u8 | 0x80);
        bits >>= 7;
    }
    out.push(bits as u8);
}

pub(super) fn put_nullable(out: &mut Vec<u8>, bytes: Option<&[u8]>) {
    match bytes {
        None => put_varlong(out, -1),
        Some(bytes) => {
            put_varlong(out, bytes.len() as i64);
            out.extend_from_slice(bytes);
        }
    }
}
