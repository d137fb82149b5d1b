//! OffsetCommit, OffsetFetch and OffsetDelete: what groups have read.

use super::{
    front::KafkaFront,
    groups::{self, Read, code},
    topics::Topics,
};
use crate::{
    calls::Calls,
    wire::kafka::{
        groups::Identity,
        protocol::{
            ErrorCode,
            offset_commit::{
                OffsetCommitRequest, OffsetCommitResponse, OffsetCommitResponsePartition,
                OffsetCommitResponseTopic,
            },
            offset_delete::{
                OffsetDeleteRequest, OffsetDeleteResponse, OffsetDeleteResponsePartition,
                OffsetDeleteResponseTopic,
            },
            offset_fetch::{
                OffsetFetchRequest, OffsetFetchRequestTopic, OffsetFetchResponse, OffsetFetchResponseGroup,
                OffsetFetchResponsePartition, OffsetFetchResponseTopic,
            },
        },
    },
};

/// Of the text that a consumer may leave with an offset; the column's limit.
const METADATA_BYTES_MAX: usize = 4096;

pub(super) async fn commit(front: &KafkaFront, request: OffsetCommitRequest) -> OffsetCommitResponse {
    let identity = Identity {
        group: request.group_id.clone(),
        generation: request.generation_id_or_member_epoch,
        member_id: request.member_id,
        instance_id: request.group_instance_id,
    };
    let refused = front.groups.check_commit(&front.shared, &identity).err().map(code);
    let mut read: Vec<Read> = Vec::new();
    let mut topics = Vec::with_capacity(request.topics.len());
    for topic in request.topics {
        let known = front.topics.named(&topic.name);
        let mut partitions = Vec::with_capacity(topic.partitions.len());
        for part in topic.partitions {
            let metadata = part.committed_metadata.unwrap_or_default();
            let error = match (&known, refused) {
                (_, Some(refused)) => refused,
                (Some(known), None) if known.has(part.partition_index) => {
                    if metadata.len() > METADATA_BYTES_MAX {
                        ErrorCode::OffsetMetadataTooLarge
                    } else {
                        let (index, offset) = (part.partition_index, part.committed_offset);
                        read.push((topic.name.clone(), index, offset, part.committed_leader_epoch, metadata));
                        ErrorCode::None
                    }
                }
                _ => ErrorCode::UnknownTopicOrPartition,
            };
            let partition_index = part.partition_index;
            partitions.push(OffsetCommitResponsePartition { partition_index, error });
        }
        topics.push(OffsetCommitResponseTopic { name: topic.name, partitions });
    }
    if !read.is_empty() && groups::commit(front, &request.group_id, &read).await.is_err() {
        let all = topics.iter_mut().flat_map(|topic| &mut topic.partitions);
        all.filter(|part| part.error == ErrorCode::None)
            .for_each(|part| part.error = ErrorCode::CoordinatorNotAvailable);
    }
    OffsetCommitResponse { throttle_time_ms: 0, topics }
}

pub(super) async fn fetch(
    front: &KafkaFront,
    request: OffsetFetchRequest,
    version: i16,
) -> OffsetFetchResponse {
    if version <= 7 {
        let answer = fetch_group(front, request.group_id, request.topics).await;
        let OffsetFetchResponseGroup { topics, error, .. } = answer;
        return OffsetFetchResponse { topics, error, ..OffsetFetchResponse::default() };
    }
    let mut groups = Vec::with_capacity(request.groups.len());
    for group in request.groups {
        groups.push(fetch_group(front, group.group_id, group.topics).await);
    }
    OffsetFetchResponse { groups, ..OffsetFetchResponse::default() }
}

/// `topics`: `None` for all that are known.
async fn fetch_group(
    front: &KafkaFront,
    group_id: String,
    topics: Option<Vec<OffsetFetchRequestTopic>>,
) -> OffsetFetchResponseGroup {
    let Ok(read) = groups::offsets(front, &group_id).await else {
        let error = ErrorCode::CoordinatorNotAvailable;
        return OffsetFetchResponseGroup { group_id, topics: Vec::new(), error };
    };
    let asked = topics.unwrap_or_else(|| all(&front.topics, &read));
    let part_of = |name: &str, partition_index: i32| {
        let found = read.iter().find(|row| row.0 == name && row.1 == partition_index);
        let (offset, epoch, metadata) =
            found.map_or((-1, -1, String::new()), |row| (row.2, row.3, row.4.clone()));
        OffsetFetchResponsePartition {
            partition_index,
            committed_offset: offset,
            committed_leader_epoch: epoch,
            metadata: Some(metadata),
            error: ErrorCode::None,
        }
    };
    let topics = asked.into_iter().map(|topic| OffsetFetchResponseTopic {
        partitions: topic.partition_indexes.iter().map(|&index| part_of(&topic.name, index)).collect(),
        name: topic.name,
    });
    OffsetFetchResponseGroup { group_id, topics: topics.collect(), error: ErrorCode::None }
}

/// Of the topics that are still there.
fn all(topics: &Topics, read: &[Read]) -> Vec<OffsetFetchRequestTopic> {
    let mut all: Vec<OffsetFetchRequestTopic> = Vec::new();
    for (topic, part, ..) in read.iter().filter(|row| topics.named(&row.0).is_some()) {
        match all.iter_mut().find(|known| known.name == *topic) {
            Some(known) => known.partition_indexes.push(*part),
            None => {
                let name = topic.clone();
                all.push(OffsetFetchRequestTopic { name, partition_indexes: vec![*part] });
            }
        }
    }
    all
}

pub(super) async fn delete(front: &KafkaFront, request: OffsetDeleteRequest) -> OffsetDeleteResponse {
    let mut calls = Calls::new(&front.shared);
    let mut failed = false;
    let topics = request.topics.into_iter().map(|topic| {
        let partitions = topic.partitions.into_iter().map(|part| {
            let partition_index = part.partition_index;
            let added = calls.add("@GroupForgetOffset", None, |set| {
                set.put_str(&request.group_id).put_str(&topic.name).put_i32(partition_index);
            });
            failed |= added.is_err();
            OffsetDeleteResponsePartition { partition_index, error: ErrorCode::None }
        });
        let partitions = partitions.collect();
        OffsetDeleteResponseTopic { name: topic.name, partitions }
    });
    let topics: Vec<_> = topics.collect();
    let done = calls.run().await;
    failed |= done.is_err() || done.into_iter().flatten().any(|answer| answer.tables().is_err());
    let error = if failed { ErrorCode::CoordinatorNotAvailable } else { ErrorCode::None };
    OffsetDeleteResponse { error, throttle_time_ms: 0, topics }
}
