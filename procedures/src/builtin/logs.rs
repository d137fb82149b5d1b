//! Topics whose records are kept as they came: each partition of one is a log of batches, numbered by the
//! offsets of their records. What is in a batch is its producer's business.
//!
//! All procedures here are directed, and the server's own: `@LogAppend`, `@LogRead`, `@LogFind`, `@LogTrim`,
//! `@LogReplace`, `@LogDrop`, `@LogSizes`.

use super::{
    producers::{self, Admission, Claim},
    tables::{Tables, TollgateBatches, TollgateBatchesRef, TollgateLogs},
};
use crate::{abort::Abort, parameter::Timestamp, procedure::Procedure, results::Results, transaction::Tx};
use std::ops::Bound;
use tollgate_schema::{
    codec::TableHeader,
    store::key,
    typed::Access,
    types::{Type, VALUE_BYTES_MAX},
};

/// A batch, and a log's entry: no longer than this.
pub const BATCH_BYTES_MAX: usize = VALUE_BYTES_MAX as usize;
/// Batches that one `@LogRead` answers with, and that one `@LogTrim` or `@LogDrop` deletes.
pub const BATCHES_AT_ONCE_MAX: usize = 500;

/// See the module.
pub(super) fn procedures() -> Vec<Procedure> {
    let of_append = ["topic", "part", "count", "max_time", "producer", "epoch", "sequence", "batch"];
    let of_trim = ["topic", "part", "before_offset", "before_time", "bytes_kept"];
    vec![
        Procedure::directed("@LogAppend", of_append, append_once).internal(),
        Procedure::directed("@LogRead", ["topic", "part", "offset", "bytes"], read).read_only().internal(),
        Procedure::directed("@LogFind", ["topic", "part", "time"], find).read_only().internal(),
        Procedure::directed("@LogTrim", of_trim, trim).internal(),
        Procedure::directed("@LogReplace", ["topic", "part", "next_offset", "batch"], replace).internal(),
        Procedure::directed("@LogDrop", ["topic"], drop_topic).internal(),
        Procedure::directed("@LogSizes", [], sizes).read_only().internal(),
    ]
}

/// Appends a batch of `count` records and says the offset of the first.
pub fn append(
    tx: &mut Tx<'_>,
    (topic, part): (i64, i32),
    count: i32,
    max_time_us: i64,
    batch: &[u8],
) -> Result<i64, Abort> {
    let base_offset = advance(tx, (topic, part), count, batch.len() as i64)?;
    let next_offset = base_offset + i64::from(count);
    tx.tollgate_batches().insert(TollgateBatches {
        topic,
        part,
        next_offset,
        base_offset,
        max_time: max_time_us,
        batch,
    })?;
    Ok(base_offset)
}

/// Gives out the next `count` offsets of a log: the first of them. Records that are not kept have offsets,
/// too.
pub fn advance(tx: &mut Tx<'_>, (topic, part): (i64, i32), count: i32, bytes: i64) -> Result<i64, Abort> {
    assert!(count > 0, "a batch has records");
    let Some(found) = tx.read().tollgate_logs().find(topic, part) else {
        let next_offset = i64::from(count);
        tx.tollgate_logs().insert(TollgateLogs { topic, part, first_offset: 0, next_offset, bytes })?;
        return Ok(0);
    };
    let base_offset = tx.read().tollgate_logs().at(found).next_offset();
    let next_offset =
        base_offset.checked_add(i64::from(count)).ok_or_else(|| Abort::user("the log is full"))?;
    tx.tollgate_logs().update_at(found, |log| {
        log.set_next_offset(next_offset);
        log.set_bytes(log.bytes().saturating_add(bytes));
    })?;
    Ok(base_offset)
}

/// Moves a log's beginning up to its end, for records that are not kept.
pub fn keep_none(tx: &mut Tx<'_>, (topic, part): (i64, i32)) -> Result<(), Abort> {
    tx.tollgate_logs().update(topic, part, |log| log.set_first_offset(log.next_offset()))?;
    Ok(())
}

/// `@LogAppend`: appends a batch, unless its producer sent it before (`producer` below 0: it does not count
/// them). Answers `ADMISSION` (see [`code_of`]), `BASE_OFFSET`, `FIRST_OFFSET` of the log.
#[allow(clippy::too_many_arguments, reason = "they are the procedure's parameters")]
fn append_once(
    tx: &mut Tx<'_>,
    topic: i64,
    part: i32,
    count: i32,
    max_time: Timestamp,
    producer: i64,
    epoch: i16,
    sequence: i32,
    batch: Vec<u8>,
) -> Result<impl FnOnce(&mut Results<'_>) + use<>, Abort> {
    if count < 1 {
        return Err(Abort::user("a batch has records"));
    }
    let claim = (producer >= 0).then_some(Claim { topic, part, producer, epoch, sequence, count });
    let admission = claim.as_ref().map_or(Admission::New, |claim| producers::admit(tx, claim));
    let base_offset = match admission {
        Admission::New => {
            let base_offset = append(tx, (topic, part), count, max_time.0, &batch)?;
            if let Some(claim) = &claim {
                producers::keep(tx, claim, base_offset)?;
            }
            base_offset
        }
        Admission::Repeated { base_offset } => base_offset,
        Admission::OutOfOrder | Admission::Fenced => -1,
    };
    let (first_offset, _) = bounds(tx, topic, part);
    Ok(admitted(admission, base_offset, first_offset))
}

/// One row: what `@LogAppend` answers.
pub fn admitted(
    admission: Admission,
    base_offset: i64,
    first_offset: i64,
) -> impl FnOnce(&mut Results<'_>) + use<> {
    move |results| {
        let columns =
            [("ADMISSION", Type::TinyInt), ("BASE_OFFSET", Type::BigInt), ("FIRST_OFFSET", Type::BigInt)];
        results.one_row(&TableHeader::new(columns), |row| {
            row.put_i8(code_of(admission)).put_i64(base_offset).put_i64(first_offset);
        });
    }
}

/// How an admission is told in a result: 0 new, 1 repeated, 2 out of order, 3 fenced.
pub fn code_of(admission: Admission) -> i8 {
    match admission {
        Admission::New => 0,
        Admission::Repeated { .. } => 1,
        Admission::OutOfOrder => 2,
        Admission::Fenced => 3,
    }
}

fn bounds(tx: &Tx<'_>, topic: i64, part: i32) -> (i64, i64) {
    let log = tx.read().tollgate_logs().get(topic, part);
    log.map_or((0, 0), |log| (log.first_offset(), log.next_offset()))
}

fn bounds_row(results: &mut Results<'_>, (first, next): (i64, i64)) {
    let header = TableHeader::new([("FIRST_OFFSET", Type::BigInt), ("NEXT_OFFSET", Type::BigInt)]);
    results.one_row(&header, |row| {
        row.put_i64(first).put_i64(next);
    });
}

/// The bounds of a log, then some of its batches.
fn with_batches(bounds: (i64, i64), batches: Vec<(i64, Vec<u8>)>) -> impl FnOnce(&mut Results<'_>) + use<> {
    move |results: &mut Results<'_>| {
        bounds_row(results, bounds);
        let columns = [("BASE_OFFSET", Type::BigInt), ("BATCH", Type::Varbinary { max: VALUE_BYTES_MAX })];
        results.table(&TableHeader::new(columns), |table| {
            for (base_offset, batch) in &batches {
                table.row(|cells| {
                    cells.put_i64(*base_offset).put_bytes(batch);
                });
            }
        });
    }
}

/// The batches of a log that end behind an offset, in order.
fn behind<'t>(
    tx: &'t Tx<'_>,
    topic: i64,
    part: i32,
    offset: i64,
) -> impl Iterator<Item = TollgateBatchesRef<'t>> + use<'t> {
    const IN_ORDER: usize = 0;
    let mut from = Vec::with_capacity(20);
    key::push_integer(topic, Type::BigInt, &mut from);
    key::push_integer(i64::from(part), Type::Integer, &mut from);
    let mut to = from.clone();
    key::push_integer(offset, Type::BigInt, &mut from);
    key::push_integer(i64::MAX, Type::BigInt, &mut to);
    let (from, to) = (Bound::Excluded(from.as_slice()), Bound::Included(to.as_slice()));
    let table = TollgateBatches::ID;
    tx.store().index_range(table, IN_ORDER, from, to).map(TollgateBatchesRef::from)
}

/// `@LogRead`: the log's `FIRST_OFFSET` and `NEXT_OFFSET`; then `BASE_OFFSET`, `BATCH` from the one that
/// holds the offset on, up to so many bytes, but one at least.
fn read(
    tx: &mut Tx<'_>,
    topic: i64,
    part: i32,
    offset: i64,
    bytes: i32,
) -> Result<impl FnOnce(&mut Results<'_>) + use<>, Abort> {
    let bounds = bounds(tx, topic, part);
    let (mut batches, mut taken) = (Vec::new(), 0);
    for row in behind(tx, topic, part, offset).take(BATCHES_AT_ONCE_MAX) {
        taken += row.batch().len();
        if taken > bytes.max(0) as usize && !batches.is_empty() {
            break;
        }
        batches.push((row.base_offset(), row.batch().to_vec()));
    }
    Ok(with_batches(bounds, batches))
}

/// `@LogFind`: the bounds, then the first batch that has a record of that time or a later one.
fn find(
    tx: &mut Tx<'_>,
    topic: i64,
    part: i32,
    time: Timestamp,
) -> Result<impl FnOnce(&mut Results<'_>) + use<>, Abort> {
    let bounds = bounds(tx, topic, part);
    let found = behind(tx, topic, part, bounds.0).find(|row| row.max_time() >= time.0);
    let found: Vec<_> = found.into_iter().map(|row| (row.base_offset(), row.batch().to_vec())).collect();
    Ok(with_batches(bounds, found))
}

/// `@LogTrim`: lets go of records before an offset, and of whole batches that are older than a time or beyond
/// so many bytes, the oldest first; the last batch is not too much by itself. Answers the bounds after it;
/// when there is more to delete than is done in one go, the next call goes on.
fn trim(
    tx: &mut Tx<'_>,
    topic: i64,
    part: i32,
    before_offset: i64,
    before_time: Timestamp,
    bytes_kept: i64,
) -> Result<impl FnOnce(&mut Results<'_>) + use<>, Abort> {
    let Some(log) = tx.read().tollgate_logs().get(topic, part) else {
        return Ok(bounds_after((0, 0)));
    };
    let (mut first, next, mut bytes) = (log.first_offset(), log.next_offset(), log.bytes());
    first = first.max(before_offset.min(next));
    let mut gone = Vec::new();
    for row in behind(tx, topic, part, i64::MIN).take(BATCHES_AT_ONCE_MAX) {
        let is_too_much = bytes > bytes_kept && row.next_offset() < next;
        if row.next_offset() > first && row.max_time() >= before_time.0 && !is_too_much {
            break;
        }
        bytes -= row.batch().len() as i64;
        first = first.max(row.next_offset());
        gone.push(row.next_offset());
    }
    for next_offset in gone {
        tx.tollgate_batches().delete(topic, part, next_offset)?;
    }
    tx.tollgate_logs().update(topic, part, |log| {
        log.set_first_offset(first);
        log.set_bytes(bytes);
    })?;
    Ok(bounds_after((first, next)))
}

fn bounds_after(bounds: (i64, i64)) -> impl FnOnce(&mut Results<'_>) + use<> {
    move |results: &mut Results<'_>| bounds_row(results, bounds)
}

/// `@LogReplace`: puts a batch in place of the one that ends there; without bytes, deletes it. Answers 1, or
/// 0 if there is none.
fn replace(tx: &mut Tx<'_>, topic: i64, part: i32, next_offset: i64, batch: Vec<u8>) -> Result<i64, Abort> {
    let Some(found) = tx.read().tollgate_batches().find(topic, part, next_offset) else { return Ok(0) };
    let before = tx.read().tollgate_batches().at(found).batch().len() as i64;
    if batch.is_empty() {
        tx.tollgate_batches().delete(topic, part, next_offset)?;
    } else {
        tx.tollgate_batches().update_at(found, |row| row.set_batch(&batch))?;
    }
    let grown = batch.len() as i64 - before;
    tx.tollgate_logs().update(topic, part, |log| log.set_bytes(log.bytes() + grown))?;
    Ok(1)
}

/// `@LogDrop`: deletes a topic's logs of this partition; answers how many batches and logs went. When that is
/// 0, nothing is left.
fn drop_topic(tx: &mut Tx<'_>, topic: i64) -> Result<i64, Abort> {
    let read = tx.read();
    let of_topic = read.tollgate_logs().scan().filter(|log| log.topic() == topic);
    let parts: Vec<i32> = of_topic.map(|log| log.part()).collect();
    let mut gone = 0;
    for part in parts {
        let batches = behind(tx, topic, part, i64::MIN).take(BATCHES_AT_ONCE_MAX);
        let batches: Vec<i64> = batches.map(|row| row.next_offset()).collect();
        gone += batches.len() as i64;
        if batches.len() < BATCHES_AT_ONCE_MAX {
            tx.tollgate_logs().delete(topic, part)?;
            gone += 1;
        }
        for next_offset in batches {
            tx.tollgate_batches().delete(topic, part, next_offset)?;
        }
    }
    Ok(gone)
}

/// `@LogSizes`: the logs of this partition: `TOPIC`, `PART`, `BYTES`.
fn sizes(tx: &mut Tx<'_>) -> Result<impl FnOnce(&mut Results<'_>) + use<>, Abort> {
    let logs = tx.read().tollgate_logs().scan();
    let mut logs: Vec<_> = logs.map(|log| (log.topic(), log.part(), log.bytes())).collect();
    logs.sort_unstable();
    Ok(move |results: &mut Results<'_>| {
        let columns = [("TOPIC", Type::BigInt), ("PART", Type::Integer), ("BYTES", Type::BigInt)];
        results.table(&TableHeader::new(columns), |table| {
            for (topic, part, bytes) in &logs {
                table.row(|row| {
                    row.put_i64(*topic).put_i32(*part).put_i64(*bytes);
                });
            }
        });
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builtin;
    use rand::{Rng, SeedableRng, rngs::SmallRng};
    use std::sync::Arc;
    use tollgate_schema::{codec::TableReader, store::Store, value::Value};

    /// A log as a plain list.
    #[derive(Default)]
    struct Model {
        first: i64,
        next: i64,
        /// Base offset, next offset, time in microseconds, bytes.
        batches: Vec<(i64, i64, i64, Vec<u8>)>,
    }

    impl Model {
        fn bytes(&self) -> i64 {
            self.batches.iter().map(|batch| batch.3.len() as i64).sum()
        }

        fn trim(&mut self, before_offset: i64, before_us: i64, bytes_kept: i64) {
            self.first = self.first.max(before_offset.min(self.next));
            while let Some((_, next, time_us, _)) = self.batches.first() {
                let too_much = self.bytes() > bytes_kept && *next < self.next;
                if *next > self.first && *time_us >= before_us && !too_much {
                    break;
                }
                self.first = self.first.max(*next);
                self.batches.remove(0);
            }
        }
    }

    type Written = Vec<Vec<Vec<Value>>>;

    fn tables(results: impl FnOnce(&mut Results<'_>)) -> Written {
        let mut bytes = Vec::new();
        results(&mut Results::new(&mut bytes));
        let (mut tables, mut rest) = (Vec::new(), &bytes[..]);
        while let Some((length, after)) = rest.split_first_chunk() {
            let (table, after) = after.split_at(i32::from_be_bytes(*length) as usize);
            tables.push(TableReader::new(table).unwrap().to_values().unwrap());
            rest = after;
        }
        tables
    }

    fn expected(model: &Model, batches: &[(i64, i64, i64, Vec<u8>)]) -> Written {
        let row = |batch: &(i64, i64, i64, Vec<u8>)| {
            vec![Value::BigInt(batch.0), Value::Varbinary(batch.3.clone())]
        };
        let bounds = vec![Value::BigInt(model.first), Value::BigInt(model.next)];
        vec![vec![bounds], batches.iter().map(row).collect()]
    }

    /// Random appends, reads, searches and trims of four logs against plain lists, with undo.
    #[test]
    fn a_log_is_a_list_of_batches() {
        let mut rng = SmallRng::seed_from_u64(5);
        let mut store = Store::new(Arc::new(builtin::catalog()));
        let mut models: [Model; 4] = Default::default();
        for n in 0..20_000_i64 {
            let place = rng.random_range(0..4);
            let (topic, part) = (place as i64 / 2, place as i32 % 2);
            let model = &mut models[place];
            let mut tx = Tx::new(&mut store, 0, n, 0);
            match rng.random_range(0..10) {
                0..5 => {
                    let (count, time_us) = (rng.random_range(1..9), n * 1000 - rng.random_range(0..5000));
                    let batch = vec![n as u8; rng.random_range(1..50)];
                    let mark = tx.store().mark();
                    let base = append(&mut tx, (topic, part), count, time_us, &batch).unwrap();
                    assert_eq!(base, model.next);
                    if rng.random_ratio(1, 5) {
                        store.rollback_to(mark);
                        continue;
                    }
                    model.next += i64::from(count);
                    model.batches.push((base, model.next, time_us, batch));
                }
                5..8 => {
                    let offset = rng.random_range(model.first..=model.next);
                    let bytes = rng.random_range(0..300);
                    let mut left = bytes as usize;
                    let from = model.batches.iter().filter(|batch| batch.1 > offset);
                    let wanted: Vec<_> = from
                        .enumerate()
                        .take_while(|(at, batch)| {
                            let fits = *at == 0 || batch.3.len() <= left;
                            left = left.saturating_sub(batch.3.len());
                            fits
                        })
                        .map(|(_, batch)| batch.clone())
                        .collect();
                    let read = tables(read(&mut tx, topic, part, offset, bytes).unwrap());
                    assert_eq!(read, expected(model, &wanted), "{offset} {bytes}");
                }
                8 => {
                    let time_us = n * 1000 - rng.random_range(0..50_000);
                    let found: Vec<_> = model.batches.iter().filter(|batch| batch.2 >= time_us).collect();
                    let found: Vec<_> = found.into_iter().take(1).cloned().collect();
                    let read = tables(find(&mut tx, topic, part, Timestamp(time_us)).unwrap());
                    assert_eq!(read, expected(model, &found));
                }
                _ => {
                    let offset = rng.random_range(model.first - 5..=model.next + 5);
                    let offset = if rng.random() { offset } else { 0 };
                    let time_us = if rng.random() { (n - 2000) * 1000 } else { 0 };
                    let kept = if rng.random() { rng.random_range(1000..4000) } else { i64::MAX };
                    model.trim(offset, time_us, kept);
                    let trimmed = trim(&mut tx, topic, part, offset, Timestamp(time_us), kept).unwrap();
                    assert_eq!(tables(trimmed)[0], expected(model, &[])[0]);
                    let log = tx.read().tollgate_logs().get(topic, part).map(|log| log.bytes());
                    assert_eq!(log.unwrap_or(0), model.bytes());
                }
            }
        }
        assert!(models.iter().all(|model| model.first > 0 && model.next > model.first));
        let mut tx = Tx::new(&mut store, 0, 0, 0);
        while drop_topic(&mut tx, 1).unwrap() > 0 {}
        assert_eq!(tx.read().tollgate_logs().count(), 2, "the other topic's are there");
        let batches = models[0].batches.len() + models[1].batches.len();
        assert_eq!(tx.read().tollgate_batches().count(), batches as u64);
    }
}
