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
    clock, limits,
    wire::kafka::{
        protocol::{
            ErrorCode, Pieces,
            fetch::{FetchPartition, FetchRequest, FetchResponse, FetchableTopicResponse, PartitionData},
        },
        records::{BatchWriter, Compression, NewRecord, place},
    },
};
use bytes::Bytes;
use std::{future::Future, pin::Pin, sync::Arc, task::Poll, time::Duration};
use tokio::sync::futures::Notified;
use tollgate_schema::codec::RawParam;

/// Bytes of one partition in an answer.
const PART_BYTES_MAX: usize = 1 << 20;
/// Rows are encoded on the thread of the sockets: no more of them for one answer.
const ENCODED_BYTES_MAX: usize = 256 << 10;
/// A batch is closed behind the row that reaches this.
const BATCH_BYTES: usize = 128 << 10;
/// Partitions that one request may ask for.
const PARTS_MAX: usize = 10_000;
/// A wait may end early: there are readers who say weeks.
const WAIT_MAX: Duration = Duration::from_secs(60);

/// One partition that is asked for, and what is known of the answer.
struct Wanted {
    topic: Option<Arc<Topic>>,
    request: FetchPartition,
    answer: Option<PartitionData>,
    /// The call that reads it.
    call: Option<usize>,
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
            wanted.push(Wanted { topic: topic.clone(), request: part.clone(), answer, call: None });
        }
    }
    wanted
}

fn failed(partition_index: i32, error: ErrorCode) -> PartitionData {
    PartitionData { partition_index, error, high_watermark: -1, ..PartitionData::default() }
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
    let bytes = answers().flat_map(|answer| &answer.records.0).map(|piece| piece.len()).sum();
    (bytes, answers().any(|answer| answer.error.is_error()))
}

/// Reads what there is, up to so many bytes but something of one partition at least.
async fn read(front: &Arc<KafkaFront>, wanted: &mut [Wanted], bytes_max: i32) {
    let mut left = (bytes_max.max(0) as usize).min(limits::KAFKA_FETCH_BYTES_MAX);
    let mut to_encode = ENCODED_BYTES_MAX;
    let mut calls = Calls::new(&front.shared);
    // A client that always asks in the same order must not starve its last partitions.
    let (count, turn) = (wanted.len(), front.encoded.turn(wanted.len()));
    for at in (0..count).map(|at| (at + turn) % count) {
        let one = &mut wanted[at];
        if one.answer.is_some() {
            continue;
        }
        let topic = one.topic.clone().expect("a topic that is not there was answered");
        let (part, offset) = (one.request.partition, one.request.fetch_offset);
        if let Some(end) = front.known_end(&topic, part).filter(|&end| end == offset || left == 0) {
            one.answer = Some(there(part, end, Vec::new()));
            continue;
        }
        let room = (one.request.partition_max_bytes.max(0) as usize).min(PART_BYTES_MAX).min(left);
        if let Content::Stream(_) = &topic.content {
            if !schemas::is_registered(front, &topic).await {
                one.answer = Some(failed(part, ErrorCode::NotLeaderOrFollower));
                continue;
            }
            let pieces = encoded(front, &topic, part, offset, room);
            let bytes: usize = pieces.iter().map(|piece| piece.len()).sum();
            if bytes > 0 {
                left = left.saturating_sub(bytes);
                let end = front.known_end(&topic, part).unwrap_or(-1);
                one.answer = Some(there(part, end, pieces));
                continue;
            }
        }
        let bytes = match &topic.content {
            Content::Stream(_) => room.min(to_encode),
            _ => room,
        };
        match add_read(front, &mut calls, &topic, &one.request, bytes) {
            Ok(call) => one.call = Some(call),
            Err(error) => one.answer = Some(failed(part, temporary(&error))),
        }
        left = left.saturating_sub(room);
        to_encode = to_encode.saturating_sub(bytes);
    }
    if calls.is_empty() {
        return;
    }
    let answers = calls.run().await;
    let mut answers: Vec<Option<Result<Tables, CallError>>> = match answers {
        Ok(answers) => answers.into_iter().map(|answer| Some(answer.tables())).collect(),
        Err(error) => wanted.iter().map(|_| Some(Err(error.clone()))).collect(),
    };
    for one in wanted.iter_mut() {
        let (Some(call), Some(topic)) = (one.call, &one.topic) else { continue };
        let tables = answers[call].take().expect("each call is one partition's");
        one.answer = Some(match tables {
            Ok(tables) => take(front, topic, &one.request, &tables),
            Err(error) => failed(one.request.partition, temporary(&error)),
        });
    }
}

fn temporary(error: &CallError) -> ErrorCode {
    if error.is_temporary() { ErrorCode::NotLeaderOrFollower } else { ErrorCode::UnknownServerError }
}

/// An answer with records, or none.
fn there(partition_index: i32, end: i64, records: Vec<Bytes>) -> PartitionData {
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

fn add_read(
    front: &KafkaFront,
    calls: &mut Calls<'_>,
    topic: &Topic,
    request: &FetchPartition,
    bytes: usize,
) -> Result<usize, CallError> {
    let home = Some(front.home(request.partition));
    let call = match &topic.content {
        Content::Stream(stream) => calls.add("@StreamRows", home, |set| {
            set.put_i32(i32::from(stream.table)).put_i64(request.fetch_offset).put_i32(bytes as i32);
        }),
        Content::Procedure(_) | Content::Log { .. } => calls.add("@LogRead", home, |set| {
            set.put_i64(topic.number()).put_i32(request.partition);
            set.put_i64(request.fetch_offset).put_i32(bytes as i32);
        }),
    };
    Ok(call?)
}

/// What the call read, as an answer.
fn take(front: &KafkaFront, topic: &Topic, request: &FetchPartition, tables: &Tables) -> PartitionData {
    let bounds = tables.integers(0);
    let (first, next, offset) = (bounds[0], bounds[1], request.fetch_offset);
    if !matches!(topic.content, Content::Stream(_)) {
        topic.tell_end(request.partition, next);
    }
    if offset < first || offset > next {
        let error = failed(request.partition, ErrorCode::OffsetOutOfRange);
        return PartitionData { high_watermark: next, log_start_offset: first, ..error };
    }
    let records = match &topic.content {
        Content::Stream(stream) => encode(front, topic, stream, request.partition, offset, tables),
        _ => batches(tables),
    };
    PartitionData { log_start_offset: first, ..there(request.partition, next, records) }
}

/// Batches of a log, each told its place.
fn batches(tables: &Tables) -> Vec<Bytes> {
    let readers = tables.readers();
    let rows = readers[1].rows().map(|row| {
        let mut cells = row.expect("our own tables are well formed");
        let base_offset = cells.next().and_then(Result::ok).and_then(|cell| cell.as_integer());
        let Some(Ok(RawParam::Varbinary(batch))) = cells.next() else { panic!("a batch was expected") };
        let mut batch = batch.to_vec();
        place(&mut batch, base_offset.expect("an offset"), LEADER_EPOCH);
        Bytes::from(batch)
    });
    rows.collect()
}

/// Encodes rows of a stream, and keeps them for the next reader.
fn encode(
    front: &KafkaFront,
    topic: &Topic,
    stream: &StreamTopic,
    part: i32,
    mut base_offset: i64,
    tables: &Tables,
) -> Vec<Bytes> {
    let def = front.shared.gate.registry().catalog().table(stream.table);
    let encoder = stream.encoder().expect("it was asked for before the rows were");
    let readers = tables.readers();
    let mut left = readers[1].row_count();
    let (mut pieces, mut writer) = (Vec::new(), BatchWriter::new());
    let (mut key, mut value) = (Vec::new(), Vec::new());
    for row in readers[1].rows() {
        let mut cells = row.expect("our own tables are well formed");
        let Some(Ok(RawParam::Timestamp(time_us))) = cells.next() else { panic!("a time was expected") };
        let Some(Ok(RawParam::Varbinary(image))) = cells.next() else { panic!("a row was expected") };
        let (row, _) = def.layout.split(image).expect("a row of the stream");
        key.clear();
        value.clear();
        let has_key = encoder.key(row, &mut key);
        encoder.value(row, &mut value);
        writer.push(&NewRecord {
            timestamp_ms: time_us.div_euclid(1000),
            key: has_key.then_some(&key),
            value: Some(&value),
            headers: &[],
        });
        left -= 1;
        if writer.bytes() >= BATCH_BYTES || left == 0 {
            let full = std::mem::take(&mut writer);
            let next_offset = base_offset + i64::from(full.count());
            let mut batch = full.finish(Compression::None, None).expect("nothing is compressed");
            place(&mut batch, base_offset, LEADER_EPOCH);
            let piece = Piece { next_offset, batch: batch.freeze() };
            front.encoded.put((topic.number(), part), base_offset, piece.clone());
            base_offset = next_offset;
            pieces.push(piece.batch);
        }
    }
    pieces
}

fn response(request: FetchRequest, wanted: Vec<Wanted>) -> FetchResponse {
    let mut wanted = wanted.into_iter();
    let responses = request.topics.into_iter().map(|topic| FetchableTopicResponse {
        topic: topic.topic,
        topic_id: topic.topic_id,
        partitions: wanted
            .by_ref()
            .take(topic.partitions.len())
            .map(|one| one.answer.unwrap_or_else(|| there(one.request.partition, -1, Vec::new())))
            .collect(),
    });
    FetchResponse { responses: responses.collect(), ..FetchResponse::default() }
}
