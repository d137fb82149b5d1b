//! Fetch: committed records from an offset on, in whole batches. When there are not enough, the answer waits
//! for more, as long as the client says.

use super::{
    encoded::Piece,
    front::{KafkaFront, LEADER_EPOCH},
    schemas,
    topics::{Content, StreamTopic, Topic},
};
use crate::{
    calls::{CallError, Calls, Tables},
    clock,
    gate::Refusal,
    limits,
    node::desk::By,
    slices,
    wire::kafka::{
        protocol::{
            ErrorCode, Pieces,
            fetch::{FetchPartition, FetchRequest, FetchResponse, FetchableTopicResponse, PartitionData},
        },
        records::{BatchWriter, Compression, place},
    },
};
use bytes::Bytes;
use std::{future::Future, ops::Range, pin::Pin, sync::Arc, task::Poll, time::Duration};
use tokio::sync::futures::Notified;
use tollgate_schema::{codec::RawParam, store::StreamSlice};

/// Bytes of one partition in an answer.
const PART_BYTES_MAX: usize = 1 << 20;
/// Rows are encoded on the thread of the sockets: no more of them for one answer. Others have their turn
/// whenever as much as a batch was encoded, of whichever partitions.
const ENCODED_BYTES_MAX: usize = 1 << 20;
/// A batch is closed behind the row that reaches this.
const BATCH_BYTES: usize = 128 << 10;
/// Partitions that one request may ask for.
const PARTS_MAX: usize = 10_000;
/// What Kafka's clients take for no high watermark.
const UNKNOWN_END: i64 = -1;
/// A wait may end early: there are readers who say weeks.
const WAIT_MAX: Duration = Duration::from_secs(60);

/// One partition that is asked for, and what is known of the answer.
struct Wanted {
    topic: Option<Arc<Topic>>,
    request: FetchPartition,
    answer: Option<PartitionData>,
}

/// Answers a request. `wants_ids`: topics are asked for by id.
pub(super) async fn answer(front: &Arc<KafkaFront>, request: FetchRequest, version: i16) -> FetchResponse {
    let wants_ids = version >= 13;
    let parts: usize = request.topics.iter().map(|topic| topic.partitions.len()).sum();
    if parts > PARTS_MAX {
        return FetchResponse { error: ErrorCode::InvalidRequest, ..FetchResponse::default() };
    }
    let wait = Duration::from_millis(request.max_wait_ms.max(0) as u64).min(WAIT_MAX);
    let deadline = clock::now() + wait;
    loop {
        let mut wanted = look_up(front, &request, wants_ids);
        let topics: Vec<Arc<Topic>> = distinct(&wanted);
        // Told of whatever comes after this: what came before is read now.
        let mut growing: Vec<_> = topics.iter().map(|topic| Box::pin(grown(front, topic))).collect();
        growing.iter_mut().for_each(|grown| _ = grown.as_mut().enable());
        read(front, &mut wanted, request.max_bytes).await;
        let (bytes, is_final) = weigh(&wanted);
        let left = deadline.saturating_duration_since(clock::now());
        if is_final || bytes >= request.min_bytes.max(0) as usize || left.is_zero() || growing.is_empty() {
            return response(request, wanted);
        }
        if tokio::time::timeout(left, any(&mut growing)).await.is_err() {
            return response(request, wanted);
        }
    }
}

/// Ends with the first of them.
async fn any(waiting: &mut [Pin<Box<Notified<'_>>>]) {
    let first = std::future::poll_fn(|context| {
        let is_told = waiting.iter_mut().any(|one| one.as_mut().poll(context).is_ready());
        if is_told { Poll::Ready(()) } else { Poll::Pending }
    });
    first.await;
}

fn grown<'a>(front: &'a KafkaFront, topic: &'a Topic) -> Notified<'a> {
    match &topic.content {
        Content::Stream(stream) => front.shared.ends.grown(stream.table),
        _ => topic.grown.notified(),
    }
}

fn look_up(front: &KafkaFront, request: &FetchRequest, wants_ids: bool) -> Vec<Wanted> {
    let mut wanted = Vec::new();
    for asked in &request.topics {
        let topic =
            if wants_ids { front.topics.with_id(&asked.topic_id) } else { front.topics.named(&asked.topic) };
        for part in &asked.partitions {
            let error = match &topic {
                None if wants_ids => Some(ErrorCode::UnknownTopicId),
                None => Some(ErrorCode::UnknownTopicOrPartition),
                Some(topic) if !topic.has(part.partition) => Some(ErrorCode::UnknownTopicOrPartition),
                Some(_) if part.current_leader_epoch > LEADER_EPOCH => Some(ErrorCode::UnknownLeaderEpoch),
                Some(_) => None,
            };
            let answer = error.map(|error| failed(part.partition, error));
            wanted.push(Wanted { topic: topic.clone(), request: part.clone(), answer });
        }
    }
    wanted
}

fn failed(partition_index: i32, error: ErrorCode) -> PartitionData {
    PartitionData { partition_index, error, high_watermark: UNKNOWN_END, ..PartitionData::default() }
}

fn distinct(wanted: &[Wanted]) -> Vec<Arc<Topic>> {
    let mut topics: Vec<Arc<Topic>> = Vec::new();
    for topic in wanted.iter().filter(|wanted| wanted.answer.is_none()).filter_map(|w| w.topic.as_ref()) {
        if !topics.iter().any(|known| Arc::ptr_eq(known, topic)) {
            topics.push(topic.clone());
        }
    }
    topics
}

/// Bytes of records, and whether there is something that waiting does not change.
fn weigh(wanted: &[Wanted]) -> (usize, bool) {
    let answers = || wanted.iter().filter_map(|wanted| wanted.answer.as_ref());
    let bytes = answers().map(bytes_of).sum();
    (bytes, answers().any(|answer| answer.error.is_error()))
}

fn bytes_of(answer: &PartitionData) -> usize {
    answer.records.0.iter().map(Bytes::len).sum()
}

/// What an answer may still have.
struct Budget {
    bytes: usize,
    to_encode: usize,
}

/// Where the records of a partition come from.
enum Reading {
    Rows(slices::Pending),
    Log,
}

/// Reads what there is, up to so many bytes but something of one partition at least. In rounds: what many
/// partitions could have is not known before they are asked, and mostly little.
async fn read(front: &Arc<KafkaFront>, wanted: &mut [Wanted], bytes_max: i32) {
    let bytes = (bytes_max.max(0) as usize).min(limits::KAFKA_FETCH_BYTES_MAX);
    let mut budget = Budget { bytes, to_encode: ENCODED_BYTES_MAX };
    // A client that always asks in the same order must not starve its last partitions.
    let (count, turn) = (wanted.len(), front.encoded.turn(wanted.len()));
    let mut order: Vec<usize> = (0..count).map(|at| (at + turn) % count).collect();
    order.retain(|&at| !at_end(front, &mut wanted[at]));
    let mut order = order.into_iter().peekable();
    let mut is_first = true;
    while order.peek().is_some() && (is_first || budget.bytes > 0) {
        let mut calls = Calls::new(&front.shared);
        let (mut readings, mut promised) = (Vec::new(), 0);
        while let Some(at) = order.next_if(|_| is_first || promised < budget.bytes) {
            is_first = false;
            if let Some((reading, room)) = start(front, &mut wanted[at], &mut calls, &mut budget).await {
                readings.push((at, reading));
                promised += room;
            }
        }
        finish(front, wanted, calls, readings, &mut budget).await;
    }
    for at in order {
        let one = &mut wanted[at];
        let (part, topic) = (one.request.partition, one.topic.as_ref());
        let end = topic.and_then(|topic| front.known_end(topic, part));
        one.answer = Some(there(part, end, Vec::new()));
    }
}

/// Whether there is nothing to read: it was answered, or all is read.
fn at_end(front: &KafkaFront, one: &mut Wanted) -> bool {
    if one.answer.is_none() {
        let topic = one.topic.as_ref().expect("a topic that is not there was answered");
        let (part, offset) = (one.request.partition, one.request.fetch_offset);
        let end = front.known_end(topic, part).filter(|&end| end == offset);
        one.answer = end.map(|end| there(part, Some(end), Vec::new()));
    }
    one.answer.is_some()
}

/// Answers what was encoded before, or begins to read: how many bytes it may be, then.
async fn start(
    front: &Arc<KafkaFront>,
    one: &mut Wanted,
    calls: &mut Calls<'_>,
    budget: &mut Budget,
) -> Option<(Reading, usize)> {
    let topic = one.topic.clone().expect("a topic that is not there was answered");
    let (part, offset) = (one.request.partition, one.request.fetch_offset);
    let room = (one.request.partition_max_bytes.max(0) as usize).min(PART_BYTES_MAX).min(budget.bytes);
    let (reading, room) = match &topic.content {
        Content::Stream(stream) => {
            if !schemas::ensure_registered(front, &topic).await {
                one.answer = Some(failed(part, ErrorCode::NotLeaderOrFollower));
                return None;
            }
            let pieces = encoded(front, &topic, part, offset, room);
            if !pieces.is_empty() {
                let answer = there(part, front.known_end(&topic, part), pieces);
                budget.bytes = budget.bytes.saturating_sub(bytes_of(&answer));
                one.answer = Some(answer);
                return None;
            }
            let room = room.min(ENCODED_BYTES_MAX);
            (start_slice(front, stream, &one.request, room).map(Reading::Rows), room)
        }
        _ => {
            let read = topic.log_read(part, offset, room);
            let added = calls.add("@LogRead", Some(front.home(part)), read);
            (added.map(|_| Reading::Log), room)
        }
    };
    match reading {
        Ok(reading) => Some((reading, room)),
        Err(refusal) => {
            one.answer = Some(failed(part, temporary(&refusal.into())));
            None
        }
    }
}

/// Waits for what was begun.
async fn finish(
    front: &Arc<KafkaFront>,
    wanted: &mut [Wanted],
    calls: Calls<'_>,
    readings: Vec<(usize, Reading)>,
    budget: &mut Budget,
) {
    let mut answers = match calls.is_empty() {
        true => Ok(Vec::new().into_iter()),
        false => calls.run().await.map(Vec::into_iter),
    };
    for (at, reading) in readings {
        let one = &mut wanted[at];
        let Some(topic) = &one.topic else { unreachable!("it is read") };
        let read = match reading {
            Reading::Rows(pending) => match pending.slice().await {
                Ok(slice) => {
                    let Content::Stream(stream) = &topic.content else { unreachable!("its rows are read") };
                    Ok(rows(front, topic, stream, &one.request, &slice, &mut budget.to_encode).await)
                }
                Err(refusal) => Err(CallError::from(refusal)),
            },
            Reading::Log => match &mut answers {
                Ok(answers) => {
                    let answer = answers.next().expect("each log's call has its answer");
                    answer.tables().map(|tables| log(topic, &one.request, tables))
                }
                Err(error) => Err(error.clone()),
            },
        };
        let answer = read.unwrap_or_else(|error| failed(one.request.partition, temporary(&error)));
        budget.bytes = budget.bytes.saturating_sub(bytes_of(&answer));
        one.answer = Some(answer);
    }
}

fn temporary(error: &CallError) -> ErrorCode {
    if error.is_temporary() { ErrorCode::NotLeaderOrFollower } else { ErrorCode::UnknownServerError }
}

/// An answer with records, or none. `end`: of the partition, if it is known.
fn there(partition_index: i32, end: Option<i64>, records: Vec<Bytes>) -> PartitionData {
    let end = end.unwrap_or(UNKNOWN_END);
    PartitionData {
        partition_index,
        high_watermark: end,
        last_stable_offset: end,
        // There are no transactions, so none was aborted.
        aborted_transactions: Some(Vec::new()),
        records: Pieces(records),
        ..PartitionData::default()
    }
}

/// Batches that were encoded before, one behind the other from an offset on.
fn encoded(front: &KafkaFront, topic: &Topic, part: i32, mut offset: i64, bytes_max: usize) -> Vec<Bytes> {
    let (mut pieces, mut bytes) = (Vec::new(), 0);
    while let Some(piece) = front.encoded.get((topic.number(), part), offset) {
        bytes += piece.batch.len();
        if bytes > bytes_max && !pieces.is_empty() {
            break;
        }
        offset = piece.next_offset;
        pieces.push(piece.batch);
    }
    pieces
}

fn start_slice(
    front: &KafkaFront,
    stream: &StreamTopic,
    request: &FetchPartition,
    bytes: usize,
) -> Result<slices::Pending, Refusal> {
    let (stream, partition) = (stream.table, front.home(request.partition));
    // An offset below zero is behind what is kept, and told so.
    let from = request.fetch_offset.max(0) as u64;
    slices::start(&front.shared, slices::Wanted { stream, partition, from, bytes }, By::Helper)
}

fn out_of_range(request: &FetchPartition, (first, next): (i64, i64)) -> Option<PartitionData> {
    let is_out = request.fetch_offset < first || request.fetch_offset > next;
    let error = failed(request.partition, ErrorCode::OffsetOutOfRange);
    is_out.then_some(PartitionData { high_watermark: next, log_start_offset: first, ..error })
}

/// Batches of a log, each told its place.
fn log(topic: &Topic, request: &FetchPartition, tables: Tables) -> PartitionData {
    let bounds = tables.integers(0);
    let (first, next) = (bounds[0], bounds[1]);
    topic.tell_end(request.partition, next);
    if let Some(error) = out_of_range(request, (first, next)) {
        return error;
    }
    let batches: Vec<(i64, Range<usize>)> = tables.readers()[1]
        .rows()
        .map(|row| {
            let mut cells = row.expect("our own tables are well formed");
            let base_offset = cells.next().and_then(Result::ok).and_then(|cell| cell.as_integer());
            let Some(Ok(RawParam::Varbinary(batch))) = cells.next() else { panic!("a batch was expected") };
            (base_offset.expect("an offset"), tables.range_of(batch))
        })
        .collect();
    // They are sent from where they lie in the reply.
    let mut frame = tables.into_frame();
    for (base_offset, range) in &batches {
        place(&mut frame[range.clone()], *base_offset, LEADER_EPOCH);
    }
    let frame = Bytes::from(frame);
    let pieces = batches.into_iter().map(|(_, range)| frame.slice(range)).collect();
    PartitionData { log_start_offset: first, ..there(request.partition, Some(next), pieces) }
}

/// Rows of a stream as batches, which are kept for the next reader; as many as may still be encoded for this
/// answer.
async fn rows(
    front: &KafkaFront,
    topic: &Topic,
    stream: &StreamTopic,
    request: &FetchPartition,
    slice: &StreamSlice,
    to_encode: &mut usize,
) -> PartitionData {
    let (first, next) = slice.bounds();
    let (first, next) = (first as i64, next as i64);
    if let Some(error) = out_of_range(request, (first, next)) {
        return error;
    }
    let encoder = stream.encoder().expect("it was asked for before the rows were");
    let (mut pieces, mut writer) = (Vec::new(), BatchWriter::new());
    let mut key = Vec::new();
    let (mut base_offset, mut rows) = (request.fetch_offset, slice.rows());
    while *to_encode > 0
        && let Some((offset, time_us, row)) = rows.next()
    {
        assert_eq!(offset as i64, base_offset + i64::from(writer.count()), "rows follow each other");
        key.clear();
        let has_key = encoder.key(row, &mut key);
        let timestamp_ms = time_us.div_euclid(1000);
        writer.push_with(timestamp_ms, has_key.then_some(&key), |out| encoder.value(row, out));
        if writer.count() == 1 {
            // About what the batch will take: it is kept with all that was reserved.
            let bytes = writer.bytes();
            writer.reserve((bytes * rows.len()).min(BATCH_BYTES.min(*to_encode) + bytes));
        }
        if writer.bytes() >= BATCH_BYTES.min(*to_encode) || rows.len() == 0 {
            let turns_before = turns(*to_encode);
            *to_encode = to_encode.saturating_sub(writer.bytes());
            let full = std::mem::take(&mut writer);
            let next_offset = base_offset + i64::from(full.count());
            let mut batch = full.finish(Compression::None, None).expect("nothing is compressed");
            place(&mut batch, base_offset, LEADER_EPOCH);
            let piece = Piece { next_offset, batch: batch.into() };
            front.encoded.put((topic.number(), request.partition), base_offset, piece.clone());
            base_offset = next_offset;
            pieces.push(piece.batch);
            if turns(*to_encode) > turns_before {
                tokio::task::yield_now().await;
            }
        }
    }
    PartitionData { log_start_offset: first, ..there(request.partition, Some(next), pieces) }
}

/// How often others have had their turn when an answer may still encode so much.
fn turns(to_encode: usize) -> usize {
    (ENCODED_BYTES_MAX - to_encode) / BATCH_BYTES
}

fn response(request: FetchRequest, wanted: Vec<Wanted>) -> FetchResponse {
    let mut wanted = wanted.into_iter();
    let responses = request.topics.into_iter().map(|topic| FetchableTopicResponse {
        topic: topic.topic,
        topic_id: topic.topic_id,
        partitions: wanted
            .by_ref()
            .take(topic.partitions.len())
            .map(|one| one.answer.expect("each was answered when it was read"))
            .collect(),
    });
    FetchResponse { responses: responses.collect(), ..FetchResponse::default() }
}
