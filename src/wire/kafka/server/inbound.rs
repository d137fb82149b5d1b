//! Records that become calls: each is decoded, and goes where its row belongs, whatever partition of the
//! topic its producer chose.

use super::{
    front::KafkaFront,
    produce::Refused,
    topics::{OnError, ProcedureTopic, Topic},
};
use crate::{
    call::{PartitionId, Target},
    calls::Calls,
    feed::{self, FeedCall, FeedRecord, FeedWriter, Head},
    format::DecodeError,
    limits,
    wire::kafka::{protocol::ErrorCode, records::Batch},
};
use std::{collections::BTreeSet, sync::Arc};

/// Records that a refusal names.
const NAMED_MAX: usize = 100;

/// A batch for a topic that runs a procedure.
pub(super) struct Inbound<'a> {
    pub(super) front: &'a Arc<KafkaFront>,
    pub(super) topic: &'a Topic,
    pub(super) procedure: &'a ProcedureTopic,
    pub(super) part: i32,
    pub(super) batch: &'a Batch,
    /// The registry was asked for the schemas: those that are not known are nowhere.
    pub(super) has_asked: bool,
}

/// What became of a batch's records.
pub(super) enum Added {
    /// The calls that they became, and which of them gives the batch its offset.
    Calls { places: Vec<usize>, offset_from: usize },
    /// Nothing: these schemas have to be learned first.
    UnknownSchemas(BTreeSet<u32>),
}

/// What is kept as it came is what consumers get: the records must be there, as many as the batch says. A
/// compacted topic takes only records with a key; those without one are named, so that a producer can send
/// the others again.
pub(super) fn check_records(batch: &Batch, compacts: bool) -> Result<(), Refused> {
    const TEXT: &str = "a compacted topic takes no record without a key";
    let mut records = Vec::new();
    let mut all = batch.records(limits::KAFKA_PLAIN_BYTES_MAX)?;
    while let Some(record) = all.next_ref() {
        let record = record?;
        if compacts && record.key.is_none() {
            records.push((record.offset_delta, TEXT.to_string()));
        }
    }
    if records.is_empty() {
        return Ok(());
    }
    Err(Refused { records, ..Refused::new(ErrorCode::InvalidRecord, TEXT) })
}

impl Inbound<'_> {
    /// Makes calls of the batch's records.
    pub(super) fn add_to(&self, calls: &mut Calls<'_>) -> Result<Added, Refused> {
        let partitions = self.front.shared.config.partitions;
        let home = self.front.home(self.part);
        let mut feeds: Vec<Option<FeedWriter>> = (0..partitions).map(|_| None).collect();
        let is_numbered = self.batch.head.producer_id >= 0;
        for partition in 0..partitions {
            // Each partition must see each batch of a producer that numbers them, or it could not tell a gap.
            if is_numbered || partition == home {
                feeds[usize::from(partition)] = Some(self.feed(partition == home));
            }
        }
        let unknown_schemas = self.sort(&mut feeds, home)?;
        if !unknown_schemas.is_empty() {
            return Ok(Added::UnknownSchemas(unknown_schemas));
        }
        calls.reserve(feeds.iter().flatten().map(|feed| feed.bytes.len()).sum());
        let (mut places, mut offset_from) = (Vec::new(), 0);
        for (partition, feed) in (0..).zip(feeds) {
            let Some(feed) = feed else { continue };
            let place = calls.add_feed(self.procedure.procedure, partition, &feed.bytes)?;
            places.push(place);
            if partition == home {
                offset_from = place;
            }
        }
        Ok(Added::Calls { places, offset_from })
    }

    fn feed(&self, gives_offsets: bool) -> FeedWriter {
        let head = &self.batch.head;
        let takes_dead = self.procedure.on_error != OnError::Skip;
        FeedWriter::new(&Head {
            topic: self.topic.number(),
            part: self.part,
            producer: head.producer_id,
            epoch: head.producer_epoch,
            sequence: head.base_sequence,
            count: head.record_count,
            gives_offsets,
            dead_letters: takes_dead.then_some(self.procedure.dead_letters),
            topic_name: &self.topic.name,
        })
    }

    /// Puts each record into the feed of its partition; those that can't be read into `home`'s. Schemas that
    /// are not known and were not asked for: without them the feeds are of no use.
    fn sort(&self, feeds: &mut [Option<FeedWriter>], home: PartitionId) -> Result<BTreeSet<u32>, Refused> {
        let mut refused: Vec<(i32, String)> = Vec::new();
        let mut unknown_schemas = BTreeSet::new();
        let decoder = self.procedure.decoder();
        let (mut set, mut headers) = (Vec::new(), Vec::new());
        let mut records = self.batch.records(limits::KAFKA_PLAIN_BYTES_MAX)?;
        while let Some(record) = records.next_ref() {
            let record = record?;
            set.clear();
            let read = match decoder.decode(record.key, record.value, &mut set) {
                Ok(()) => self.partition_of(&set),
                Err(DecodeError::UnknownSchema { id }) if !self.has_asked => {
                    unknown_schemas.insert(id);
                    continue;
                }
                Err(error) => Err(error.to_string()),
            };
            let (partition, call) = match &read {
                Ok(partition) => (*partition, FeedCall::Parameters(&set)),
                Err(reason) => {
                    if self.procedure.on_error == OnError::Reject && refused.len() < NAMED_MAX {
                        refused.push((record.offset_delta, reason.clone()));
                    }
                    (home, FeedCall::Unreadable(reason))
                }
            };
            headers.clear();
            for (key, value) in &record.headers {
                feed::put(&mut headers, Some(key));
                feed::put(&mut headers, *value);
            }
            let place = &mut feeds[usize::from(partition)];
            place.get_or_insert_with(|| self.feed(false)).push(&FeedRecord {
                offset_delta: record.offset_delta,
                timestamp_ms: self.batch.head.base_timestamp_ms.saturating_add(record.timestamp_delta_ms),
                call,
                key: record.key,
                value: record.value,
                headers: &headers,
            });
        }
        if !unknown_schemas.is_empty() || refused.is_empty() {
            return Ok(unknown_schemas);
        }
        let text = format!("{} can't be read; nothing of the batch was done", refused[0].1);
        Err(Refused { records: refused, ..Refused::new(ErrorCode::InvalidRecord, text) })
    }

    /// Where a parameter set's row belongs.
    fn partition_of(&self, set: &[u8]) -> Result<PartitionId, String> {
        let target = self.front.shared.gate.target(self.procedure.procedure, set, None);
        match target.map_err(|refusal| refusal.to_string())? {
            Target::Partition(partition) => Ok(partition),
            Target::All => unreachable!("such procedures are not for topics"),
        }
    }
}
