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
    /// Of the last record of [`BatchWriter::push_with`].
    last_value_bytes: usize,
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

    /// Room for about so many bytes of records more.
    pub fn reserve(&mut self, bytes: usize) {
        self.bytes.reserve(bytes);
    }

    pub fn push(&mut self, record: &NewRecord<'_>) {
        let timestamp_delta = self.begin(record.timestamp_ms);
        let offset_delta = i64::from(self.count);
        let header_count = record.headers.len() as i64;
        let headers = record.headers.iter();
        let length = known_bytes(timestamp_delta, offset_delta, record.key)
            + nullable_bytes(record.value)
            + varlong_bytes(header_count)
            + headers.map(|(k, v)| nullable_bytes(Some(k.as_bytes())) + nullable_bytes(*v)).sum::<usize>();
        let out = &mut self.bytes;
        out.reserve(VARLONG_BYTES_MAX + length);
        put_varlong(out, length as i64);
        let start = out.len();
        put_known(out, timestamp_delta, offset_delta, record.key);
        put_nullable(out, record.value);
        put_varlong(out, header_count);
        for (key, value) in record.headers {
            put_nullable(out, Some(key.as_bytes()));
            put_nullable(out, *value);
        }
        assert_eq!(out.len() - start, length, "a record is as long as was said");
        self.count += 1;
    }

    /// A record without headers whose value `write` appends: it is written where it stays.
    #[inline]
    pub fn push_with(&mut self, timestamp_ms: i64, key: Option<&[u8]>, write: impl FnOnce(&mut Vec<u8>)) {
        let timestamp_delta = self.begin(timestamp_ms);
        let offset_delta = i64::from(self.count);
        // All before the value but the two lengths that depend on it, which are mostly as long as they were.
        let known = known_bytes(timestamp_delta, offset_delta, key);
        let head = |value_bytes| known + lengths_bytes(known, value_bytes);
        let start = self.bytes.len();
        let guessed = start + head(self.last_value_bytes);
        self.bytes.resize(guessed, 0);
        write(&mut self.bytes);
        let end = self.bytes.len();
        let value_bytes = end.checked_sub(guessed).expect("a value is only appended");
        let value_at = start + head(value_bytes);
        if value_at != guessed {
            self.bytes.resize(end.max(value_at + value_bytes), 0);
            self.bytes.copy_within(guessed..end, value_at);
            self.bytes.truncate(value_at + value_bytes);
        }
        let mut out = &mut self.bytes[start..value_at];
        put_varlong(&mut out, record_length(known, value_bytes) as i64);
        put_known(&mut out, timestamp_delta, offset_delta, key);
        put_varlong(&mut out, value_bytes as i64);
        assert!(out.is_empty(), "a record's head is as long as was said");
        self.bytes.push(NO_HEADERS);
        self.last_value_bytes = value_bytes;
        self.count += 1;
    }

    /// Says how much later a record is than the first one.
    fn begin(&mut self, timestamp_ms: i64) -> i64 {
        if self.count == 0 {
            self.base_timestamp_ms = timestamp_ms;
            self.max_timestamp_ms = timestamp_ms;
            self.bytes.resize(HEAD_BYTES, 0);
        }
        self.max_timestamp_ms = self.max_timestamp_ms.max(timestamp_ms);
        // Wraps as the reader's sum does.
        timestamp_ms.wrapping_sub(self.base_timestamp_ms)
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
const ATTRIBUTES_BYTES: usize = 1;
/// A count of 0.
const NO_HEADERS: u8 = 0;

/// Bytes of what stands between a record's length and its value: attributes, times, key.
fn known_bytes(timestamp_delta: i64, offset_delta: i64, key: Option<&[u8]>) -> usize {
    ATTRIBUTES_BYTES + varlong_bytes(timestamp_delta) + varlong_bytes(offset_delta) + nullable_bytes(key)
}

/// Those bytes. No attribute is in use.
fn put_known(out: &mut impl BufMut, timestamp_delta: i64, offset_delta: i64, key: Option<&[u8]>) {
    out.put_u8(0);
    put_varlong(out, timestamp_delta);
    put_varlong(out, offset_delta);
    put_nullable(out, key);
}

/// What a record without headers says of its length. `known`: bytes between that and the value's length.
fn record_length(known: usize, value_bytes: usize) -> usize {
    known + varlong_bytes(value_bytes as i64) + value_bytes + size_of_val(&NO_HEADERS)
}

/// Bytes of both lengths, the record's and the value's.
fn lengths_bytes(known: usize, value_bytes: usize) -> usize {
    varlong_bytes(record_length(known, value_bytes) as i64) + varlong_bytes(value_bytes as i64)
}

fn varlong_bytes(value: i64) -> usize {
    let bits = (value << 1 ^ value >> 63) as u64;
    (64 - (bits | 1).leading_zeros()).div_ceil(7) as usize
}

fn nullable_bytes(bytes: Option<&[u8]>) -> usize {
    bytes.map_or(varlong_bytes(-1), |bytes| varlong_bytes(bytes.len() as i64) + bytes.len())
}

pub(super) fn put_varlong(out: &mut impl BufMut, value: i64) {
    let mut bits = (value << 1 ^ value >> 63) as u64;
    while bits >= 0x80 {
        out.put_u8(bits as u8 | 0x80);
        bits >>= 7;
    }
    out.put_u8(bits as u8);
}

pub(super) fn put_nullable(out: &mut impl BufMut, bytes: Option<&[u8]>) {
    match bytes {
        None => put_varlong(out, -1),
        Some(bytes) => {
            put_varlong(out, bytes.len() as i64);
            out.put_slice(bytes);
        }
    }
}
