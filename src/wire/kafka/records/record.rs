//! The records of one batch, decompressed. Never knows what keys and values mean.

use super::{cursor::Cursor, error::RecordsError};
use bytes::Bytes;

/// A record; its bytes are shared with the batch.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    pub offset_delta: i32,
    /// Milliseconds behind the batch's base timestamp.
    pub timestamp_delta_ms: i64,
    pub key: Option<Bytes>,
    /// `None` deletes the key, in a compacted topic.
    pub value: Option<Bytes>,
    /// In the order they came; a key may come again.
    pub headers: Vec<RecordHeader>,
}

/// A header; its key is UTF-8.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordHeader {
    pub key: Bytes,
    pub value: Option<Bytes>,
}

/// A record where it lies in its batch: see [`Record`].
#[derive(Clone, Debug, PartialEq)]
pub struct RecordRef<'a> {
    pub offset_delta: i32,
    pub timestamp_delta_ms: i64,
    pub key: Option<&'a [u8]>,
    pub value: Option<&'a [u8]>,
    /// Key and value of each.
    pub headers: Vec<(&'a [u8], Option<&'a [u8]>)>,
}

/// Reads one record after another; ends after the first that is wrong. As many come as the batch says, their
/// offsets increase, and nothing stands behind them.
#[derive(Debug)]
pub struct Records {
    plain: Bytes,
    /// Where the next record begins.
    at: usize,
    left: usize,
    previous_delta: i32,
    last_delta: i32,
}

/// Each of length, attributes, times, offsets, key, value and headers takes a byte at least.
const RECORD_BYTES_MIN: usize = 7;
/// A header's two lengths.
const HEADER_BYTES_MIN: usize = 2;

impl Records {
    pub(super) fn new(plain: Bytes, count: i32, last_delta: i32) -> Result<Records, RecordsError> {
        let field = "record count";
        let wrong = |_| RecordsError::Value { field, value: i64::from(count) };
        let left = usize::try_from(count).map_err(wrong)?;
        if left > plain.len() / RECORD_BYTES_MIN {
            let needed = left.saturating_mul(RECORD_BYTES_MIN);
            return Err(RecordsError::Truncated { field, needed, left: plain.len() });
        }
        if left == 0 {
            Cursor::new(&plain).end("records")?;
        }
        Ok(Records { plain, at: 0, left, previous_delta: -1, last_delta })
    }

    /// The next record, without a share in the batch's bytes: the quickest way to look at all of them.
    pub fn next_ref(&mut self) -> Option<Result<RecordRef<'_>, RecordsError>> {
        let Records { plain, at, left, previous_delta, last_delta } = self;
        if *left == 0 {
            return None;
        }
        let mut cursor = Cursor::new(&plain[*at..]);
        let record = read(&mut cursor, left, previous_delta, *last_delta);
        if record.is_err() {
            *left = 0;
        }
        *at = plain.len() - cursor.left();
        Some(record)
    }
}

fn read<'a>(
    cursor: &mut Cursor<'a>,
    left: &mut usize,
    previous_delta: &mut i32,
    last_delta: i32,
) -> Result<RecordRef<'a>, RecordsError> {
    let length = cursor.length("record length")?;
    let record = read_record(Cursor::new(cursor.take(length, "record")?))?;
    if record.offset_delta <= *previous_delta || record.offset_delta > last_delta {
        let value = i64::from(record.offset_delta);
        return Err(RecordsError::Value { field: "offset delta", value });
    }
    *previous_delta = record.offset_delta;
    *left -= 1;
    if *left == 0 {
        cursor.end("records")?;
    }
    Ok(record)
}

impl Iterator for Records {
    type Item = Result<Record, RecordsError>;

    fn next(&mut self) -> Option<Result<Record, RecordsError>> {
        let plain = self.plain.clone();
        let share = |bytes: &[u8]| plain.slice_ref(bytes);
        let record = self.next_ref()?;
        Some(record.map(|record| {
            Record {
                offset_delta: record.offset_delta,
                timestamp_delta_ms: record.timestamp_delta_ms,
                key: record.key.map(share),
                value: record.value.map(share),
                headers: record
                    .headers
                    .iter()
                    .map(|(key, value)| RecordHeader { key: share(key), value: value.map(share) })
                    .collect(),
            }
        }))
    }
}

fn read_record(mut cursor: Cursor<'_>) -> Result<RecordRef<'_>, RecordsError> {
    // No attribute of a record is in use; one that comes into use must not refuse older servers.
    cursor.u8("record attributes")?;
    let timestamp_delta_ms = cursor.varlong("timestamp delta")?;
    let offset_delta = cursor.varint("offset delta")?;
    let key = cursor.nullable("key")?;
    let value = cursor.nullable("value")?;
    let field = "header count";
    let count = cursor.length(field)?;
    if count > cursor.left() / HEADER_BYTES_MIN {
        return Err(RecordsError::Truncated { field, needed: count * HEADER_BYTES_MIN, left: cursor.left() });
    }
    let mut headers = Vec::with_capacity(count);
    for _ in 0..count {
        let length = cursor.length("header key")?;
        let key = cursor.take(length, "header key")?;
        if std::str::from_utf8(key).is_err() {
            return Err(RecordsError::NotUtf8 { field: "header key" });
        }
        headers.push((key, cursor.nullable("header value")?));
    }
    cursor.end("record")?;
    Ok(RecordRef { offset_delta, timestamp_delta_ms, key, value, headers })
}
