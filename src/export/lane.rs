//! One partition of a stream on its way: its rows are read from the partition, turned into messages and
//! handed to a producer; its position is kept in the partition; rows that the target refuses are kept among
//! the dead letters. Never knows: which promise is kept.

use super::{
    calls::{CallError, Caller, Pending, PendingRows},
    dead_letters::{self, DeadLetter},
    facts::LaneFacts,
    progress::Progress,
    target::Producer,
    trouble::Trouble,
    verdict,
};
use crate::{format::Encoder, slices::Wanted};
use rdkafka::{
    error::{KafkaError, RDKafkaErrorCode as Code},
    message::{Header, OwnedHeaders},
    producer::BaseRecord,
};
use std::sync::{Arc, atomic::Ordering::Relaxed};
use tollgate_schema::{
    codec::{RawParam, RowReader},
    row::RowRef,
    store::StreamSlice,
};

/// Of rows that are read at once.
const READ_BYTES: usize = 1 << 20;
/// What goes with each row takes about so many bytes more.
const ROW_OVERHEAD_BYTES: usize = 200;
/// In what a row is sent as, the offset has so many bits.
const OFFSET_BITS: u32 = 48;

/// See the module.
pub(super) struct Lane {
    pub(super) facts: Arc<LaneFacts>,
    pub(super) progress: Progress,
    /// What was kept when it was last asked for; `None`: nothing ever was.
    pub(super) position: Option<u64>,
    /// Of the target's topic.
    pub(super) target_partition: i32,
    encoder: Encoder,
    /// The encoder knows the numbers of its schemas, or has none.
    is_registered: bool,
    headers: CommonHeaders,
    /// The last read reached the stream's end.
    is_at_end: bool,
    keeping: Option<(u64, Pending)>,
    value: Vec<u8>,
    key: Vec<u8>,
}

/// What stands on each row of a lane.
#[derive(Clone, Debug)]
struct CommonHeaders {
    cluster: String,
    stream: String,
    partition: String,
}

/// What became of an attempt to send rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Went {
    /// All of them.
    All,
    /// There was no room for more.
    Some,
}

impl Lane {
    pub(super) fn new(facts: Arc<LaneFacts>, encoder: Encoder, cluster_start_ms: i64) -> Lane {
        let headers = CommonHeaders {
            cluster: format!("{cluster_start_ms:016x}"),
            stream: facts.stream_name.clone(),
            partition: facts.partition.to_string(),
        };
        let is_registered = !encoder.has_schemas();
        Lane {
            facts,
            progress: Progress::new(0),
            position: None,
            target_partition: 0,
            encoder,
            is_registered,
            headers,
            is_at_end: false,
            keeping: None,
            value: Vec::new(),
            key: Vec::new(),
        }
    }

    /// Asks the partition how far the export came.
    pub(super) fn learn_position(&mut self, caller: &Caller) -> Result<(), CallError> {
        self.keeping = None;
        let answer = caller.call("@Exports", self.facts.partition, |_| {})?;
        let rows = answer.tables()[0].rows();
        let mine = rows.filter_map(|row| {
            let mut row = row.expect("our own tables are well formed");
            match (cell(&mut row), cell(&mut row), cell(&mut row)) {
                (RawParam::Varchar(export), RawParam::Varchar(stream), RawParam::BigInt(position)) => {
                    let is_mine = export == self.facts.export && stream == self.facts.stream_name;
                    is_mine.then_some(position as u64)
                }
                other => panic!("a position was expected, not {other:?}"),
            }
        });
        self.position = mine.last();
        self.is_at_end = false;
        Ok(())
    }

    /// Rows in Avro name their schemas.
    pub(super) fn register_schemas(&mut self, caller: &Caller) -> Result<(), Trouble> {
        if self.is_registered {
            return Ok(());
        }
        let shared = &caller.shared;
        let numbered = shared.schemas.numbered(shared, &self.facts.topic, &self.encoder);
        let numbered = caller.wait_for(numbered);
        self.encoder = numbered.map_err(|error| Trouble::Schemas(error.to_string()))?;
        self.is_registered = true;
        Ok(())
    }

    /// Whoever carried its rows is gone.
    pub(super) fn restart(&mut self) {
        self.progress.restart();
        self.is_at_end = false;
    }

    /// The stream's first and next offset.
    pub(super) fn bounds(&mut self, caller: &Caller) -> Result<(u64, u64), CallError> {
        let slice = self.read(caller, 0)?.wait(caller)?;
        Ok(self.take_bounds(&slice))
    }

    /// Keeps a position and waits until it is durable.
    pub(super) fn keep_now(&mut self, caller: &Caller, position: u64, now_ms: u64) -> Result<(), CallError> {
        self.keep(caller, position)?.wait(caller)?;
        self.position = Some(position);
        self.progress.kept(position, now_ms);
        Ok(())
    }

    /// Keeps the position if it is time, and waits for nothing.
    pub(super) fn keep_when_due(&mut self, caller: &Caller, now_ms: u64) -> Result<(), CallError> {
        if let Some((position, pending)) = &mut self.keeping {
            let Some(answer) = pending.poll() else { return Ok(()) };
            let position = *position;
            self.keeping = None;
            answer?;
            self.progress.kept(position, now_ms);
        }
        if let Some(position) = self.progress.keep_due(now_ms) {
            self.keeping = Some((position, self.keep(caller, position)?));
        }
        Ok(())
    }

    fn keep(&self, caller: &Caller, position: u64) -> Result<Pending, CallError> {
        let LaneFacts { export, stream_name, partition, .. } = &*self.facts;
        caller.start("@ExportKeep", *partition, |parameters| {
            parameters.put_str(export).put_str(stream_name).put_i64(position as i64);
        })
    }

    /// Whether there is something to be read, and room for it.
    pub(super) fn wants_rows(&self, caller: &Caller) -> bool {
        self.progress.has_room()
            && (!self.is_at_end
                || caller.shared.ends.end(self.facts.stream, self.facts.partition) > self.progress.next())
    }

    /// Asks for the next rows.
    pub(super) fn start_reading(&self, caller: &Caller) -> Result<PendingRows, CallError> {
        self.read(caller, if self.progress.goes_alone() { 0 } else { READ_BYTES })
    }

    fn read(&self, caller: &Caller, bytes: usize) -> Result<PendingRows, CallError> {
        let LaneFacts { stream, partition, .. } = *self.facts;
        caller.rows(Wanted { stream, partition, from: self.progress.next(), bytes })
    }

    fn take_bounds(&mut self, slice: &StreamSlice) -> (u64, u64) {
        let (first, next) = slice.bounds();
        self.facts.first.store(first, Relaxed);
        self.facts.end.store(next, Relaxed);
        (first, next)
    }

    /// Sends rows that were read, as many as there is room for.
    pub(super) fn send(
        &mut self,
        caller: &Caller,
        producer: &Producer,
        number: usize,
        slice: &StreamSlice,
    ) -> Result<Went, Trouble> {
        let (first, end) = self.take_bounds(slice);
        match self.progress.lost(first) {
            Some(0) => {}
            Some(lost) => self.facts.loses(lost, first),
            None => return Ok(Went::Some),
        }
        for (_, time_us, row) in slice.rows() {
            if !self.progress.has_room() {
                return Ok(Went::Some);
            }
            let (value, key) = (std::mem::take(&mut self.value), std::mem::take(&mut self.key));
            let mut message = Message { time_us, value, key, has_key: false };
            message.write(&self.encoder, row);
            let went = self.send_one(caller, producer, number, &message);
            (self.value, self.key) = (message.value, message.key);
            if went? == Went::Some {
                return Ok(Went::Some);
            }
        }
        self.is_at_end = self.progress.next() >= end;
        Ok(Went::All)
    }

    fn send_one(
        &mut self,
        caller: &Caller,
        producer: &Producer,
        number: usize,
        message: &Message,
    ) -> Result<Went, Trouble> {
        let offset = self.progress.next();
        if self.progress.is_poison() {
            self.bury(caller, message, "the target refused it")?;
            return Ok(Went::All);
        }
        let record = BaseRecord::with_opaque_to(&self.facts.topic, tag(number, offset))
            .partition(self.target_partition)
            .payload(message.value.as_slice())
            .timestamp(message.time_us.div_euclid(1000))
            .headers(self.headers.with(offset));
        let record = if message.has_key { record.key(message.key.as_slice()) } else { record };
        match producer.send(record) {
            Ok(()) => {
                self.progress.sent(message.value.len() + message.key.len() + ROW_OVERHEAD_BYTES);
                Ok(Went::All)
            }
            Err((KafkaError::MessageProduction(Code::QueueFull), _)) => Ok(Went::Some),
            Err((error, _)) if verdict::is_too_large(&error) => {
                self.bury(caller, message, &error.to_string())?;
                Ok(Went::All)
            }
            Err((error, _)) => Err(Trouble::Kafka { doing: "sending a row", error }),
        }
    }

    /// Keeps the next row among the dead letters instead of sending it.
    fn bury(&mut self, caller: &Caller, message: &Message, reason: &str) -> Result<(), CallError> {
        let LaneFacts { stream_name, partition, export, .. } = &*self.facts;
        let offset = self.progress.next();
        let letter = DeadLetter {
            stream: stream_name,
            partition: *partition,
            offset,
            export,
            reason,
            time_us: message.time_us,
            key: message.has_key.then_some(&message.key[..]),
            value: &message.value,
        };
        dead_letters::keep(caller, &letter)?;
        tracing::warn!(export, stream = stream_name, partition, offset, "a row is a dead letter: {reason}");
        self.facts.dead_letters.fetch_add(1, Relaxed);
        self.progress.buried();
        self.tell();
        Ok(())
    }

    /// Shows how far it came.
    pub(super) fn tell(&self) {
        self.facts.acknowledged.store(self.progress.acknowledged(), Relaxed);
    }
}

/// A row as it leaves.
struct Message {
    time_us: i64,
    value: Vec<u8>,
    key: Vec<u8>,
    has_key: bool,
}

impl Message {
    fn write(&mut self, encoder: &Encoder, row: RowRef<'_>) {
        self.value.clear();
        self.key.clear();
        encoder.value(row, &mut self.value);
        self.has_key = encoder.key(row, &mut self.key);
    }
}

impl CommonHeaders {
    /// With the row's offset, big endian.
    fn with(&self, offset: u64) -> OwnedHeaders {
        OwnedHeaders::new_with_capacity(4)
            .insert(Header { key: "tollgate-cluster", value: Some(&self.cluster) })
            .insert(Header { key: "tollgate-stream", value: Some(&self.stream) })
            .insert(Header { key: "tollgate-partition", value: Some(&self.partition) })
            .insert(Header { key: "tollgate-offset", value: Some(&offset.to_be_bytes()[..]) })
    }
}

/// What a row is sent as: a lane's number and the offset.
fn tag(number: usize, offset: u64) -> usize {
    assert!(number < 1 << 16 && offset < 1 << OFFSET_BITS, "50,000 rows a second for 178 years");
    number << OFFSET_BITS | offset as usize
}

/// The lane's number and the row's offset.
pub(super) fn untag(tag: usize) -> (usize, u64) {
    (tag >> OFFSET_BITS, tag as u64 & ((1 << OFFSET_BITS) - 1))
}

fn cell<'a>(row: &mut RowReader<'a>) -> RawParam<'a> {
    row.next().expect("as many cells as columns").expect("our own tables are well formed")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_says_lane_and_offset() {
        for (number, offset) in [(0, 0), (1, 7), (65_535, (1 << 48) - 1)] {
            assert_eq!(untag(tag(number, offset)), (number, offset));
        }
    }
}
