//! What makes the retry of an idempotent producer harmless: for each producer, in each partition of a topic,
//! the batches it sent last. Kept in every partition of the data that carries out a part of a batch, written
//! by the transaction that does, so it is there exactly if what the batch did is there.
//!
//! The rules are Kafka's: sequence numbers have no gap, a batch that came before gets its first answer again,
//! a newer epoch begins at 0, an older one is refused; of a producer that is not known any sequence is taken.

use super::tables::{Tables, TollgateProducers};
use crate::transaction::Tx;
use tollgate_schema::store::WriteError;

/// A batch that a producer numbered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    pub topic: i64,
    pub part: i32,
    pub producer: i64,
    pub epoch: i16,
    /// Of its first record.
    pub sequence: i32,
    /// Its records, at least 1.
    pub count: i32,
}

/// What is to be done with a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It is the next one.
    New,
    /// It came before, and got this offset.
    Repeated { base_offset: i64 },
    /// Something before it is missing.
    OutOfOrder,
    /// A producer with a newer epoch has taken its place.
    Fenced,
}

/// A batch that was taken. Eight of its sixteen bytes are sequences, eight the offset; little-endian.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Taken {
    first: i32,
    last: i32,
    base_offset: i64,
}

/// As many as a producer may have under way at once.
const BATCHES_KEPT: usize = 5;
const TAKEN_BYTES: usize = 16;

impl Claim {
    fn last(&self) -> i32 {
        // Behind the last number comes 0.
        (i64::from(self.sequence) + i64::from(self.count) - 1).rem_euclid(1 << 31) as i32
    }
}

/// Looks the batch up.
pub fn admit(tx: &Tx<'_>, claim: &Claim) -> Admission {
    let known = tx.read();
    let Some(known) = known.tollgate_producers().get(claim.topic, claim.part, claim.producer) else {
        return Admission::New;
    };
    if claim.epoch != known.epoch() {
        return match (claim.epoch > known.epoch(), claim.sequence) {
            (false, _) => Admission::Fenced,
            (true, 0) => Admission::New,
            (true, _) => Admission::OutOfOrder,
        };
    }
    let batches: Vec<Taken> = taken(known.batches()).collect();
    let same = batches.iter().find(|batch| (batch.first, batch.last) == (claim.sequence, claim.last()));
    if let Some(batch) = same {
        return Admission::Repeated { base_offset: batch.base_offset };
    }
    match batches.last() {
        Some(last) if claim.sequence != last.last.checked_add(1).unwrap_or(0) => Admission::OutOfOrder,
        _ => Admission::New,
    }
}

/// Notes that a batch was taken, and which offset it got.
pub fn keep(tx: &mut Tx<'_>, claim: &Claim, base_offset: i64) -> Result<(), WriteError> {
    let mut batches: Vec<Taken> = Vec::with_capacity(BATCHES_KEPT + 1);
    let read = tx.read();
    let known = read.tollgate_producers().get(claim.topic, claim.part, claim.producer);
    if let Some(known) = known.filter(|known| known.epoch() == claim.epoch) {
        batches.extend(taken(known.batches()));
    }
    batches.push(Taken { first: claim.sequence, last: claim.last(), base_offset });
    let kept = &batches[batches.len().saturating_sub(BATCHES_KEPT)..];
    let mut bytes = Vec::with_capacity(BATCHES_KEPT * TAKEN_BYTES);
    for batch in kept {
        bytes.extend_from_slice(&batch.first.to_le_bytes());
        bytes.extend_from_slice(&batch.last.to_le_bytes());
        bytes.extend_from_slice(&batch.base_offset.to_le_bytes());
    }
    let row = TollgateProducers {
        topic: claim.topic,
        part: claim.part,
        producer: claim.producer,
        epoch: claim.epoch,
        at: tx.now_us(),
        batches: &bytes,
    };
    tx.tollgate_producers().upsert(row).map(|_| ())
}

fn taken(bytes: &[u8]) -> impl Iterator<Item = Taken> {
    let (batches, rest) = bytes.as_chunks::<TAKEN_BYTES>();
    assert!(rest.is_empty(), "whole batches are kept");
    batches.iter().map(|batch| {
        let at = |from: usize| i32::from_le_bytes(batch[from..from + 4].try_into().expect("four bytes"));
        let base_offset = i64::from_le_bytes(batch[8..].try_into().expect("eight bytes"));
        Taken { first: at(0), last: at(4), base_offset }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builtin;
    use rand::{Rng, SeedableRng, rngs::SmallRng};
    use std::{collections::BTreeMap, sync::Arc};
    use tollgate_schema::store::Store;

    /// All that a producer ever sent, as a plain list.
    #[derive(Default)]
    struct Model {
        epoch: i16,
        sent: Vec<(i32, i32, i64)>,
    }

    impl Model {
        fn expect(&self, claim: &Claim) -> Admission {
            if claim.epoch < self.epoch {
                return Admission::Fenced;
            }
            if claim.epoch > self.epoch {
                return if claim.sequence == 0 { Admission::New } else { Admission::OutOfOrder };
            }
            let kept = &self.sent[self.sent.len().saturating_sub(5)..];
            let last = (claim.sequence as u32 + claim.count as u32 - 1) & i32::MAX as u32;
            if let Some(batch) = kept.iter().find(|b| (b.0, b.1) == (claim.sequence, last as i32)) {
                return Admission::Repeated { base_offset: batch.2 };
            }
            let next = kept.last().map(|batch| (batch.1 as u32 + 1) & i32::MAX as u32);
            if next.is_none_or(|next| next == claim.sequence as u32) {
                Admission::New
            } else {
                Admission::OutOfOrder
            }
        }
    }

    /// Random batches of some producers in some partitions, with retries, gaps, new epochs and numbers that
    /// wrap around, against the plain list.
    #[test]
    fn producers_are_judged_as_by_a_list_of_all_they_sent() {
        let mut rng = SmallRng::seed_from_u64(11);
        let mut counts = [0; 4];
        let mut store = Store::new(Arc::new(builtin::catalog()));
        let mut models: BTreeMap<(i64, i32, i64), Model> = BTreeMap::new();
        for n in 0..20_000 {
            let key = (rng.random_range(0..2), rng.random_range(0..2), rng.random_range(0..3));
            let model = models.entry(key).or_default();
            let next = model.sent.last().map_or(i32::MAX - 50, |batch| batch.1.wrapping_add(1) & i32::MAX);
            let (mut sequence, mut count) = (next, rng.random_range(1..20));
            let mut epoch = model.epoch;
            match rng.random_range(0..10) {
                0 => sequence = rng.random_range(0..=i32::MAX),
                1 | 2 if !model.sent.is_empty() => {
                    let from = model.sent.len().saturating_sub(7);
                    let again = model.sent[rng.random_range(from..model.sent.len())];
                    sequence = again.0;
                    count = (again.1.wrapping_sub(again.0) & i32::MAX) + 1;
                }
                3 if rng.random_ratio(1, 8) => {
                    epoch += 1;
                    sequence = if rng.random() { 0 } else { sequence };
                }
                4 if epoch > 0 => epoch -= 1,
                _ => {}
            }
            let (topic, part, producer) = key;
            let claim = Claim { topic, part, producer, epoch, sequence, count };
            let mut tx = Tx::new(&mut store, 0, n, 0);
            let found = admit(&tx, &claim);
            assert_eq!(found, model.expect(&claim), "{claim:?} after {:?}", model.sent.last());
            counts[match found {
                Admission::New => 0,
                Admission::Repeated { .. } => 1,
                Admission::OutOfOrder => 2,
                Admission::Fenced => 3,
            }] += 1;
            if found == Admission::New {
                keep(&mut tx, &claim, n).unwrap();
                if epoch > model.epoch {
                    *model = Model { epoch, sent: Vec::new() };
                }
                model.sent.push((sequence, claim.last(), n));
            }
        }
        assert!(counts.iter().all(|&count| count > 200), "{counts:?}");
    }
}
