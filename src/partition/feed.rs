//! Runs a feed: each of its records is a call that stands or falls by itself, yet all of them become durable
//! together, with what is known of the producer, so that a batch that comes again is not done again.

use super::{Partition, Ran, write_abort};
use crate::{
    ahead::{Ahead, Turn},
    call::{Batch, Call},
    feed::{FeedCall, FeedReader, FeedRecord, Head},
    wire::{
        kafka::records::{BatchWriter, Compression, NewRecord},
        volt::response::{self, Tables},
    },
};
use tollgate_procedures::{
    Abort, Results, Tx,
    builtin::{
        logs,
        producers::{self, Admission, Claim},
    },
    registry::Registered,
};
use tollgate_schema::store::Mark;

/// The server's own tables come first in every catalogue.
const OWN_TABLES: u16 = 0;
/// A batch of dead letters is closed behind the one that reaches this: it stays below what a batch may be,
/// since no record is longer than the difference.
const DEAD_BATCH_BYTES: usize = 32 << 10;
/// Of a reason, in bytes.
const REASON_BYTES_MAX: usize = 2 << 10;

/// A record that is not carried out, and why.
struct DeadLetter<'a> {
    record: FeedRecord<'a>,
    reason: String,
}

impl Partition {
    /// Runs a feed and keeps its reply with the open block; `count` is told what became of each record.
    pub fn run_feed(
        &mut self,
        registered: &Registered,
        batch: &Batch,
        call: &Call,
        now_us: i64,
        count: &mut dyn FnMut(Ran),
    ) -> Ran {
        let (head, records) = FeedReader::new(batch.parameters(call));
        let mark = self.store.mark();
        let outcome = self.carry_out(registered, &head, records, now_us, count);
        let ran = match outcome {
            Ok((admission, base_offset)) => {
                self.tables.clear();
                let mut results = Results::new(&mut self.tables);
                logs::admitted(admission, base_offset, 0)(&mut results);
                let tables = Tables { count: results.tables(), bytes: &self.tables };
                response::write_success(&mut self.open.replies.bytes, call.handle, tables);
                self.wrote_since(mark);
                Ran::Committed(Default::default())
            }
            Err(abort) => {
                self.store.rollback_to(mark);
                write_abort(&mut self.open.replies.bytes, call.handle, &abort, self.store.catalog())
            }
        };
        self.open.replies.close_frame(&batch.sink, batch.received_us);
        ran
    }

    fn wrote_since(&mut self, mark: Mark) {
        if self.store.mark() != mark {
            self.joined();
        }
    }

    fn carry_out<'a>(
        &mut self,
        registered: &Registered,
        head: &Head<'a>,
        records: FeedReader<'a>,
        now_us: i64,
        count: &mut dyn FnMut(Ran),
    ) -> Result<(Admission, i64), Abort> {
        let Head { topic, part, producer, epoch, sequence, .. } = *head;
        let claim = Claim { topic, part, producer, epoch, sequence, count: head.count };
        let claim = Some(claim).filter(|claim| claim.producer >= 0);
        let own_us = self.next_timestamp_us(now_us);
        let tx = Tx::new(&mut self.store, OWN_TABLES, own_us, 0);
        match claim.as_ref().map_or(Admission::New, |claim| producers::admit(&tx, claim)) {
            Admission::New => {}
            Admission::Repeated { base_offset } => {
                return Ok((Admission::Repeated { base_offset }, base_offset));
            }
            refused => return Ok((refused, -1)),
        }
        let dead = self.run_records(registered, records, now_us, count);
        let own_us = self.next_timestamp_us(now_us);
        let place = self.id;
        let mut tx = Tx::new(&mut self.store, OWN_TABLES, own_us, 0);
        let mut base_offset = -1;
        if head.gives_offsets {
            base_offset = logs::advance(&mut tx, (topic, part), head.count, 0)?;
            logs::keep_none(&mut tx, (topic, part))?;
        }
        if let Some(claim) = &claim {
            producers::keep(&mut tx, claim, base_offset)?;
        }
        if let Some(dead_letters) = head.dead_letters {
            bury(&mut tx, head, (dead_letters, i32::from(place)), &dead)?;
        }
        Ok((Admission::New, base_offset))
    }

    fn run_records<'a>(
        &mut self,
        registered: &Registered,
        records: FeedReader<'a>,
        now_us: i64,
        count: &mut dyn FnMut(Ran),
    ) -> Vec<DeadLetter<'a>> {
        let mut dead = Vec::new();
        let id = self.id;
        let turns = records.clone().map(|record| match record.call {
            FeedCall::Parameters(parameters) => Turn::in_partition(registered, id, parameters),
            FeedCall::Unreadable(_) => Turn::in_partition(registered, id, &[]),
        });
        let mut ahead = Ahead::new(turns, &self.store);
        for record in records {
            ahead.advance(&self.store);
            let reason = match record.call {
                FeedCall::Unreadable(reason) => reason.to_string(),
                FeedCall::Parameters(parameters) => {
                    let timestamp_us = self.next_timestamp_us(now_us);
                    let mark = self.store.mark();
                    self.tables.clear();
                    match self.execute(registered, parameters, timestamp_us) {
                        Ok((_, decision)) => {
                            count(Ran::Committed(decision));
                            continue;
                        }
                        Err(abort) => {
                            self.store.rollback_to(mark);
                            count(if matches!(abort, Abort::User(_)) { Ran::Aborted } else { Ran::Failed });
                            super::abort_text(&abort, self.store.catalog())
                        }
                    }
                }
            };
            dead.push(DeadLetter { record, reason });
        }
        dead
    }
}

/// Writes dead letters to the log that takes them: each record with its key, value and headers, and behind
/// those the headers `tollgate.error`, `tollgate.topic`, `tollgate.partition` and `tollgate.record` (its
/// place in its batch).
fn bury(tx: &mut Tx<'_>, head: &Head<'_>, log: (i64, i32), dead: &[DeadLetter<'_>]) -> Result<(), Abort> {
    let mut writer = BatchWriter::new();
    let mut max_time_ms = i64::MIN;
    for (number, DeadLetter { record, reason }) in dead.iter().enumerate() {
        let (part, delta) = (head.part.to_string(), record.offset_delta.to_string());
        let reason = &reason[..reason.floor_char_boundary(REASON_BYTES_MAX)];
        let mut headers: Vec<(&str, Option<&[u8]>)> = FeedReader::headers(record.headers).collect();
        headers.push(("tollgate.error", Some(reason.as_bytes())));
        headers.push(("tollgate.topic", Some(head.topic_name.as_bytes())));
        headers.push(("tollgate.partition", Some(part.as_bytes())));
        headers.push(("tollgate.record", Some(delta.as_bytes())));
        let FeedRecord { timestamp_ms, key, value, .. } = *record;
        writer.push(&NewRecord { timestamp_ms, key, value, headers: &headers });
        max_time_ms = max_time_ms.max(timestamp_ms);
        if writer.bytes() >= DEAD_BATCH_BYTES || number + 1 == dead.len() {
            let full = std::mem::take(&mut writer);
            let count = full.count();
            let batch = full.finish(Compression::None, None);
            let batch = batch.map_err(|error| Abort::Internal(error.to_string()))?;
            logs::append(tx, log, count, max_time_ms.saturating_mul(1000), &batch)?;
            max_time_ms = i64::MIN;
        }
    }
    Ok(())
}
