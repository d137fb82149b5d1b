//! Compaction: of the records of a key only the last is kept. A log is read twice: for the last offset of
//! each key, then batch by batch, and a batch with records that are no longer needed is replaced by what is
//! left.

use super::{front::KafkaFront, topics::Topic};
use crate::{
    calls::{self, CallError, integer},
    limits,
    wire::kafka::records::{Batch, Batches, Record, Retained, retain},
};
use bytes::Bytes;
use rustc_hash::FxHashMap;

/// Read at a time.
const READ_BYTES: usize = 1 << 20;
/// Keys that are remembered for one log, in bytes; records of others stay until a later time.
const KEY_BYTES_MAX: usize = 64 << 20;

/// A batch of a log.
struct Kept {
    base_offset: i64,
    batch: Batch,
}

impl Kept {
    fn next_offset(&self) -> i64 {
        self.base_offset + i64::from(self.batch.head.last_offset_delta) + 1
    }

    fn offset(&self, record: &Record) -> i64 {
        self.base_offset + i64::from(record.offset_delta)
    }

    fn time_ms(&self, record: &Record) -> i64 {
        self.batch.head.base_timestamp_ms.saturating_add(record.timestamp_delta_ms)
    }
}

/// The batches from the one that holds an offset on, some of them, and where the log ends.
async fn read(
    front: &KafkaFront,
    topic: &Topic,
    part: i32,
    offset: i64,
) -> Result<(Vec<Kept>, i64), CallError> {
    let from_there = topic.log_read(part, offset, READ_BYTES);
    let tables = calls::one(&front.shared, "@LogRead", Some(front.home(part)), from_there).await?;
    let rows = tables.rows(1).into_iter().filter_map(|row| {
        let bytes = Bytes::from(calls::binary(&row[1])?.to_vec());
        let batch = Batches::new(bytes).next()?.ok()?;
        Some(Kept { base_offset: integer(&row[0]), batch })
    });
    Ok((rows.collect(), tables.integers(0)[1]))
}

/// Compacts one partition's log. Records younger than `before_ms` stay as they are; the deletion of a key is
/// told until it is older than `deleted_before_ms`. How many records went.
pub(super) async fn compact(
    front: &KafkaFront,
    topic: &Topic,
    part: i32,
    before_ms: i64,
    deleted_before_ms: i64,
) -> Result<u64, CallError> {
    let mut last: FxHashMap<Bytes, i64> = FxHashMap::default();
    let (mut key_bytes, mut offset, mut end) = (0, 0, 0);
    loop {
        let (batches, next) = read(front, topic, part, offset).await?;
        end = next.max(end);
        let Some(behind) = batches.last().map(Kept::next_offset) else { break };
        for kept in &batches {
            let Ok(records) = kept.batch.records(limits::KAFKA_PLAIN_BYTES_MAX) else { continue };
            for record in records.map_while(Result::ok) {
                let Some(key) = record.key.clone() else { continue };
                let at = kept.offset(&record);
                if let Some(known) = last.get_mut(&key) {
                    *known = at;
                } else if key_bytes < KEY_BYTES_MAX {
                    key_bytes += key.len() + size_of::<(Bytes, i64)>();
                    // A copy, or one key would hold its whole batch.
                    last.insert(Bytes::copy_from_slice(&key), at);
                }
            }
        }
        offset = behind;
    }
    let (mut offset, mut gone) = (0, 0);
    loop {
        let (batches, _) = read(front, topic, part, offset).await?;
        let Some(behind) = batches.last().map(Kept::next_offset) else { return Ok(gone) };
        for kept in batches.iter().filter(|kept| kept.next_offset() < end) {
            let is_needed = |record: &Record| {
                let time_ms = kept.time_ms(record);
                let Some(at) = record.key.as_ref().and_then(|key| last.get(key)) else { return true };
                let is_last = *at == kept.offset(record);
                time_ms >= before_ms || is_last && (record.value.is_some() || time_ms >= deleted_before_ms)
            };
            // What can't be read stays.
            let left = match retain(&kept.batch, limits::KAFKA_PLAIN_BYTES_MAX, is_needed) {
                Ok(Retained::Some(bytes)) => bytes,
                Ok(Retained::Nothing) => Bytes::new(),
                Ok(Retained::All) | Err(_) => continue,
            };
            let count =
                Batches::new(left.clone()).next().and_then(Result::ok).map_or(0, |b| b.head.record_count);
            let replaced = calls::one(&front.shared, "@LogReplace", Some(front.home(part)), |set| {
                set.put_i64(topic.number()).put_i32(part).put_i64(kept.next_offset()).put_bytes(&left);
            });
            replaced.await?;
            gone += (kept.batch.head.record_count - count) as u64;
        }
        offset = behind;
    }
}
