//! Produce: a batch of records is appended to a log, or carried out record by record. What belongs to one
//! request is handed over together; the reply comes when all of it is committed.

use super::{
    front::KafkaFront,
    inbound::{self, Added, Inbound},
    schemas,
    settings::BATCH_BYTES_MAX,
    topics::{Content, Topic},
};
use crate::{
    calls::{Answer, CallError, Calls, Pending},
    gate::Refusal,
    limits,
    wire::kafka::{
        protocol::{
            ErrorCode,
            produce::{
                BatchIndexAndErrorMessage, PartitionProduceData, PartitionProduceResponse, ProduceRequest,
                ProduceResponse, TopicProduceResponse,
            },
        },
        records::{Batch, Batches, Fault, RecordsError},
    },
};
use bytes::Bytes;
use std::{sync::Arc, time::Duration};

/// Kafka's acks that there are: none, the leader's, all replicas'. The last two mean the same here.
const ACKS: [i16; 3] = [0, 1, -1];

/// A request whose records are on their way.
pub(super) struct Produced {
    topics: Vec<(String, Vec<Part>)>,
    answers: Result<Pending, Refusal>,
    is_answered: bool,
}

/// What became of one partition's records so far.
pub(super) struct Part {
    index: i32,
    outcome: Outcome,
}

enum Outcome {
    Refused(Refused),
    /// The calls that carry them out, and which of them gives the offset.
    Waits {
        topic: Arc<Topic>,
        count: i32,
        calls: Vec<usize>,
        offset_from: usize,
    },
}

/// Why records are not taken.
pub(super) struct Refused {
    pub(super) error: ErrorCode,
    pub(super) message: Option<String>,
    /// Single records, by their place in the batch.
    pub(super) records: Vec<(i32, String)>,
}

impl Refused {
    pub(super) fn new(error: ErrorCode, message: impl Into<String>) -> Refused {
        Refused { error, message: Some(message.into()), records: Vec::new() }
    }
}

impl From<RecordsError> for Refused {
    fn from(error: RecordsError) -> Refused {
        let code = match error.fault() {
            Fault::Corrupt => ErrorCode::CorruptMessage,
            Fault::Invalid => ErrorCode::InvalidRecord,
            Fault::Version => ErrorCode::UnsupportedForMessageFormat,
            Fault::Compression => ErrorCode::UnsupportedCompressionType,
            Fault::TooLarge => ErrorCode::MessageTooLarge,
        };
        Refused::new(code, error.to_string())
    }
}

impl From<&CallError> for Refused {
    fn from(error: &CallError) -> Refused {
        let code = match error {
            CallError::Refused(Refusal::WritesRefused(_)) => ErrorCode::KafkaStorageError,
            _ if error.is_temporary() => ErrorCode::RequestTimedOut,
            _ => ErrorCode::UnknownServerError,
        };
        Refused::new(code, error.to_string())
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Refused {
        Refused::from(&CallError::from(refusal))
    }
}

/// Reads the records and hands them over. Waits for room only.
pub(super) async fn start(front: &Arc<KafkaFront>, request: ProduceRequest) -> Produced {
    let mut calls = Calls::new(&front.shared);
    let mut topics = Vec::with_capacity(request.topic_data.len());
    for data in request.topic_data {
        let topic = front.topic_or_make(&data.name, true).await;
        let mut parts = Vec::with_capacity(data.partition_data.len());
        for part in data.partition_data {
            let index = part.index;
            let outcome = if !ACKS.contains(&request.acks) {
                Err(Refused::new(ErrorCode::InvalidRequiredAcks, "acks is 0, 1 or -1"))
            } else if request.transactional_id.is_some() {
                Err(Refused::new(ErrorCode::InvalidTxnState, "there are no transactions of clients"))
            } else {
                match &topic {
                    Some(topic) => take(front, &mut calls, topic, part).await,
                    None => Err(Refused::new(ErrorCode::UnknownTopicOrPartition, "there is no such topic")),
                }
            };
            let outcome = outcome.unwrap_or_else(Outcome::Refused);
            parts.push(Part { index, outcome });
        }
        topics.push((data.name, parts));
    }
    Produced { topics, answers: calls.submit().await, is_answered: request.acks != 0 }
}

/// Adds the calls that one partition's records become.
async fn take(
    front: &Arc<KafkaFront>,
    calls: &mut Calls<'_>,
    topic: &Arc<Topic>,
    data: PartitionProduceData,
) -> Result<Outcome, Refused> {
    if !topic.has(data.index) {
        return Err(Refused::new(ErrorCode::UnknownTopicOrPartition, "the topic has no such partition"));
    }
    let batch = the_batch(data.records)?;
    let count = batch.head.record_count;
    let (calls, offset_from) = match &topic.content {
        Content::Stream(_) => {
            let text = format!("{} is written by procedures only", topic.name);
            return Err(Refused::new(ErrorCode::TopicAuthorizationFailed, text));
        }
        Content::Log { .. } => {
            let compacts = topic.settings.read().compacts();
            inbound::check_records(&batch, compacts)?;
            let call = append(front, calls, topic, data.index, &batch)?;
            (vec![call], call)
        }
        Content::Procedure(procedure) => {
            let inbound =
                Inbound { front, topic, procedure, part: data.index, batch: &batch, has_asked: false };
            carry_out(inbound, calls).await?
        }
    };
    Ok(Outcome::Waits { topic: topic.clone(), count, calls, offset_from })
}

/// Adds the calls of records that become calls, as soon as their schemas are known.
async fn carry_out(mut inbound: Inbound<'_>, calls: &mut Calls<'_>) -> Result<(Vec<usize>, usize), Refused> {
    loop {
        match inbound.add_to(calls)? {
            Added::Calls { places, offset_from } => return Ok((places, offset_from)),
            Added::UnknownSchemas(ids) => {
                assert!(!inbound.has_asked, "what is unknown then is a bad record");
                schemas::learn(inbound.front, inbound.procedure, &ids).await?;
                inbound.has_asked = true;
            }
        }
    }
}

/// The one batch that a request of these versions has for a partition, checked as far as it can be without
/// its records.
fn the_batch(records: Option<Bytes>) -> Result<Batch, Refused> {
    let records = records.unwrap_or_default();
    if records.len() > BATCH_BYTES_MAX {
        let text = format!("a batch has at most {BATCH_BYTES_MAX} bytes, this one has {}", records.len());
        return Err(Refused::new(ErrorCode::MessageTooLarge, text));
    }
    let mut batches = Batches::new(records);
    let batch =
        batches.next().ok_or_else(|| Refused::new(ErrorCode::InvalidRecord, "there is no batch"))??;
    if batches.next().is_some() {
        return Err(Refused::new(ErrorCode::InvalidRecord, "one batch belongs to a partition, not several"));
    }
    batch.check_dense()?;
    let head = batch.head;
    head.compression()?;
    if head.is_control() || head.is_transactional() {
        return Err(Refused::new(ErrorCode::InvalidRecord, "there are no transactions of clients"));
    }
    if head.producer_id >= 0 && (head.base_sequence < 0 || head.producer_epoch < 0) {
        return Err(Refused::new(ErrorCode::InvalidRecord, "a producer with an id numbers its batches"));
    }
    Ok(batch)
}

fn append(
    front: &KafkaFront,
    calls: &mut Calls<'_>,
    topic: &Topic,
    part: i32,
    batch: &Batch,
) -> Result<usize, Refusal> {
    let head = &batch.head;
    calls.add("@LogAppend", Some(front.home(part)), |set| {
        set.put_i64(topic.number()).put_i32(part).put_i32(head.record_count);
        set.put_timestamp(head.max_timestamp_ms.saturating_mul(1000).max(i64::MIN + 1));
        set.put_i64(head.producer_id).put_i16(head.producer_epoch).put_i32(head.base_sequence);
        set.put_bytes(&batch.bytes);
    })
}

impl Produced {
    /// Waits until all is committed; `None`: the client wants no answer.
    pub(super) async fn response(self) -> Option<ProduceResponse> {
        let (answers, throttle_time_ms) = match self.answers {
            Ok(pending) => {
                let throttle_time_ms = throttle_time_ms(pending.waited);
                (pending.answers().await, throttle_time_ms)
            }
            Err(refusal) => (Err(refusal), 0),
        };
        let mut admitted: Vec<Result<Admitted, CallError>> = match answers {
            Ok(answers) => answers.into_iter().map(Admitted::read).collect(),
            Err(refusal) => {
                let waits = self.topics.iter().flat_map(|(_, parts)| parts);
                let count: usize = waits.map(|part| part.calls()).sum();
                (0..count).map(|_| Err(refusal.clone().into())).collect()
            }
        };
        let responses = self.topics.into_iter().map(|(name, parts)| TopicProduceResponse {
            name,
            partition_responses: parts.into_iter().map(|part| part.response(&mut admitted)).collect(),
        });
        let response = ProduceResponse { responses: responses.collect(), throttle_time_ms };
        self.is_answered.then_some(response)
    }
}

/// A producer whose records found an executor's queue full leaves it alone for as long as they waited: more
/// of the same makes it no shorter.
fn throttle_time_ms(waited: Duration) -> i32 {
    let ms = waited.as_millis().min(u128::from(*limits::KAFKA_THROTTLE_MS.end())) as u64;
    if limits::KAFKA_THROTTLE_MS.contains(&ms) { ms as i32 } else { 0 }
}

/// What the call that took a batch answers.
#[derive(Clone, Copy)]
struct Admitted {
    code: i64,
    base_offset: i64,
    first_offset: i64,
}

impl Admitted {
    fn read(answer: Answer) -> Result<Admitted, CallError> {
        let row = answer.tables()?.integers(0);
        Ok(Admitted { code: row[0], base_offset: row[1], first_offset: row[2] })
    }
}

impl Part {
    fn calls(&self) -> usize {
        match &self.outcome {
            Outcome::Refused(_) => 0,
            Outcome::Waits { calls, .. } => calls.len(),
        }
    }

    fn response(self, admitted: &mut [Result<Admitted, CallError>]) -> PartitionProduceResponse {
        match self.outcome {
            Outcome::Refused(refused) => refusal(self.index, refused),
            Outcome::Waits { topic, count, calls, offset_from } => {
                // The first that failed: a batch is taken as a whole, or comes again.
                let mut codes = calls.iter().map(|&call| match &admitted[call] {
                    Ok(admitted) => refused_of(admitted.code),
                    Err(error) => Some(Refused::from(error)),
                });
                if let Some(refused) = codes.find_map(|refused| refused) {
                    return refusal(self.index, refused);
                }
                let Ok(gave) = &admitted[offset_from] else { unreachable!("none of them failed") };
                topic.tell_end(self.index, gave.base_offset + i64::from(count));
                PartitionProduceResponse {
                    index: self.index,
                    base_offset: gave.base_offset,
                    log_start_offset: gave.first_offset,
                    ..PartitionProduceResponse::default()
                }
            }
        }
    }
}

/// Of [`tollgate_procedures::builtin::logs::code_of`].
fn refused_of(code: i64) -> Option<Refused> {
    match code {
        0 | 1 => None,
        2 => Some(Refused::new(ErrorCode::OutOfOrderSequenceNumber, "a batch before this one is missing")),
        _ => Some(Refused::new(ErrorCode::InvalidProducerEpoch, "a newer producer has this one's id")),
    }
}

fn refusal(index: i32, refused: Refused) -> PartitionProduceResponse {
    let record_errors = refused.records.into_iter().map(|(place, reason)| BatchIndexAndErrorMessage {
        batch_index: place,
        batch_index_error_message: Some(reason),
    });
    PartitionProduceResponse {
        index,
        error: refused.error,
        base_offset: -1,
        record_errors: record_errors.collect(),
        error_message: refused.message,
        ..PartitionProduceResponse::default()
    }
}
