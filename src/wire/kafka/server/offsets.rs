//! ListOffsets and OffsetForLeaderEpoch: where a partition begins, ends, or was at some time.

use super::{
    front::{KafkaFront, LEADER_EPOCH},
    topics::{Content, Topic},
};
use crate::{
    call::PartitionId,
    calls::{self, CallError, integer},
    limits,
    slices::{self, Wanted},
    wire::kafka::{
        protocol::{
            ErrorCode,
            list_offsets::{
                ListOffsetsPartition, ListOffsetsPartitionResponse, ListOffsetsRequest, ListOffsetsResponse,
                ListOffsetsTopicResponse,
            },
            offset_for_leader_epoch::{
                EpochEndOffset, OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse,
                OffsetForLeaderTopicResult,
            },
        },
        records::Batches,
    },
};
use bytes::Bytes;
use std::sync::Arc;

/// Kafka's times that are none.
mod time {
    pub(super) const LATEST: i64 = -1;
    pub(super) const EARLIEST: i64 = -2;
    pub(super) const MAX_TIMESTAMP: i64 = -3;
    pub(super) const EARLIEST_LOCAL: i64 = -4;
    pub(super) const LATEST_TIERED: i64 = -5;
}

pub(super) async fn list(front: &Arc<KafkaFront>, request: ListOffsetsRequest) -> ListOffsetsResponse {
    let mut topics = Vec::with_capacity(request.topics.len());
    for asked in request.topics {
        let topic = front.topics.named(&asked.name);
        let mut partitions = Vec::with_capacity(asked.partitions.len());
        for part in asked.partitions {
            partitions.push(list_one(front, topic.as_deref(), &part).await);
        }
        topics.push(ListOffsetsTopicResponse { name: asked.name, partitions });
    }
    ListOffsetsResponse { throttle_time_ms: 0, topics }
}

async fn list_one(
    front: &KafkaFront,
    topic: Option<&Topic>,
    asked: &ListOffsetsPartition,
) -> ListOffsetsPartitionResponse {
    let partition_index = asked.partition_index;
    let failed = |error| ListOffsetsPartitionResponse { partition_index, error, ..Default::default() };
    let Some(topic) = topic.filter(|topic| topic.has(partition_index)) else {
        return failed(ErrorCode::UnknownTopicOrPartition);
    };
    match find(front, topic, partition_index, asked.timestamp).await {
        Ok((offset, timestamp)) => ListOffsetsPartitionResponse {
            partition_index,
            timestamp,
            offset,
            leader_epoch: if offset < 0 { -1 } else { LEADER_EPOCH },
            ..Default::default()
        },
        Err(error) if error.is_temporary() => failed(ErrorCode::NotLeaderOrFollower),
        Err(_) => failed(ErrorCode::UnknownServerError),
    }
}

/// Offset and time in milliseconds; -1 for none.
async fn find(
    front: &KafkaFront,
    topic: &Topic,
    part: i32,
    timestamp_ms: i64,
) -> Result<(i64, i64), CallError> {
    match timestamp_ms {
        time::LATEST => Ok((bounds(front, topic, part).await?.1, -1)),
        time::EARLIEST | time::EARLIEST_LOCAL => Ok((bounds(front, topic, part).await?.0, -1)),
        time::LATEST_TIERED => Ok((-1, -1)),
        time::MAX_TIMESTAMP => latest(front, topic, part).await,
        timestamp_ms => by_time(front, topic, part, timestamp_ms).await,
    }
}

/// The first offset that is kept, and the next that will be given.
pub(super) async fn bounds(front: &KafkaFront, topic: &Topic, part: i32) -> Result<(i64, i64), CallError> {
    let partition = front.home(part);
    if let Content::Stream(stream) = &topic.content {
        let nothing = Wanted { stream: stream.table, partition, from: u64::MAX, bytes: 0 };
        let (first, next) = slices::read(&front.shared, nothing).await?.bounds();
        return Ok((first as i64, next as i64));
    }
    let log = calls::one(&front.shared, "@LogRead", Some(partition), topic.log_bounds(part));
    let bounds = log.await?.integers(0);
    Ok((bounds[0], bounds[1]))
}

async fn by_time(
    front: &KafkaFront,
    topic: &Topic,
    part: i32,
    timestamp_ms: i64,
) -> Result<(i64, i64), CallError> {
    let home: Option<PartitionId> = Some(front.home(part));
    let time_us = timestamp_ms.saturating_mul(1000).max(i64::MIN + 1);
    if let Content::Stream(stream) = &topic.content {
        let found = calls::one(&front.shared, "@StreamTime", home, |set| {
            set.put_i32(i32::from(stream.table)).put_timestamp(time_us);
        });
        let found = found.await?.integers(0);
        let none = integer(&tollgate_schema::value::Value::Null);
        return Ok(if found[1] == none { (-1, -1) } else { (found[0], found[1].div_euclid(1000)) });
    }
    let found = calls::one(&front.shared, "@LogFind", home, |set| {
        set.put_i64(topic.number()).put_i32(part).put_timestamp(time_us);
    });
    let found = found.await?;
    let rows = found.rows(1);
    let Some([base_offset, batch]) = rows.first().map(|row| &row[..]) else { return Ok((-1, -1)) };
    let batch = Bytes::from(calls::binary(batch).unwrap_or_default().to_vec());
    let first = found.integers(0)[0];
    Ok(within(integer(base_offset), batch, first, |time_ms| time_ms >= timestamp_ms).unwrap_or((-1, -1)))
}

/// The record with the latest time: in the log's last batches the times may go up and down.
async fn latest(front: &KafkaFront, topic: &Topic, part: i32) -> Result<(i64, i64), CallError> {
    let (first, next) = bounds(front, topic, part).await?;
    if first == next {
        return Ok((-1, -1));
    }
    if matches!(topic.content, Content::Stream(_)) {
        // Times increase along a stream.
        let (mut low_ms, mut high_ms) = (0_i64, i64::MAX / 1000);
        while high_ms - low_ms > 1 {
            let middle_ms = low_ms + (high_ms - low_ms) / 2;
            match by_time(front, topic, part, middle_ms).await? {
                (-1, _) => high_ms = middle_ms,
                _ => low_ms = middle_ms,
            }
        }
        return Ok((next - 1, low_ms));
    }
    let (mut offset, mut best) = (first, (-1, -1));
    while offset < next {
        let from_there = topic.log_read(part, offset, 1 << 20);
        let read = calls::one(&front.shared, "@LogRead", Some(front.home(part)), from_there);
        let before = offset;
        for row in read.await?.rows(1) {
            let batch = Bytes::from(calls::binary(&row[1]).unwrap_or_default().to_vec());
            let base_offset = integer(&row[0]);
            let Some(Ok(batch)) = Batches::new(batch).next() else { continue };
            offset = offset.max(base_offset + i64::from(batch.head.last_offset_delta) + 1);
            let max_ms = batch.head.max_timestamp_ms;
            if max_ms > best.1
                && let Some(found) = within(base_offset, batch.bytes, first, |time_ms| time_ms >= max_ms)
            {
                best = found;
            }
        }
        if offset == before {
            break;
        }
    }
    Ok(best)
}

/// The first record of a batch, not before `first`, whose time is wanted.
fn within(base_offset: i64, batch: Bytes, first: i64, is_wanted: impl Fn(i64) -> bool) -> Option<(i64, i64)> {
    let batch = Batches::new(batch).next()?.ok()?;
    let base_ms = batch.head.base_timestamp_ms;
    let records = batch.records(limits::KAFKA_PLAIN_BYTES_MAX).ok()?.map_while(Result::ok);
    let mut places = records.map(|record| {
        (base_offset + i64::from(record.offset_delta), base_ms.saturating_add(record.timestamp_delta_ms))
    });
    places.find(|&(offset, time_ms)| offset >= first && is_wanted(time_ms))
}

/// There is one epoch, and it reaches to the end.
pub(super) async fn leader_epochs(
    front: &Arc<KafkaFront>,
    request: OffsetForLeaderEpochRequest,
) -> OffsetForLeaderEpochResponse {
    let mut topics = Vec::with_capacity(request.topics.len());
    for asked in request.topics {
        let topic = front.topics.named(&asked.topic);
        let mut partitions = Vec::with_capacity(asked.partitions.len());
        for part in asked.partitions {
            let failed = |error| EpochEndOffset { error, partition: part.partition, ..Default::default() };
            let Some(topic) = topic.as_deref().filter(|topic| topic.has(part.partition)) else {
                partitions.push(failed(ErrorCode::UnknownTopicOrPartition));
                continue;
            };
            if part.current_leader_epoch > LEADER_EPOCH {
                partitions.push(failed(ErrorCode::UnknownLeaderEpoch));
                continue;
            }
            partitions.push(match bounds(front, topic, part.partition).await {
                Ok((_, next)) => EpochEndOffset {
                    error: ErrorCode::None,
                    partition: part.partition,
                    leader_epoch: LEADER_EPOCH,
                    end_offset: next,
                },
                Err(_) => failed(ErrorCode::NotLeaderOrFollower),
            });
        }
        topics.push(OffsetForLeaderTopicResult { topic: asked.topic, partitions });
    }
    OffsetForLeaderEpochResponse { throttle_time_ms: 0, topics }
}
