//! OffsetFetch: how far a group said it has read.

use super::{codes::ErrorCode, message::message};

message! {
    struct OffsetFetchRequest {
        group_id: String [..=7];
        /// `None`: all that the group has.
        topics: Option<Vec<OffsetFetchRequestTopic>> [..=7, nullable 2..];
        groups: Vec<OffsetFetchRequestGroup> [8..];
        /// Offsets that an open transaction may still change are an error.
        require_stable: bool [7..];
    }

    struct OffsetFetchRequestGroup {
        group_id: String;
        member_id: Option<String> [9..];
        member_epoch: i32 [9..] = -1;
        topics: Option<Vec<OffsetFetchRequestTopic>>;
    }

    struct OffsetFetchRequestTopic {
        name: String;
        partition_indexes: Vec<i32>;
    }

    struct OffsetFetchResponse {
        throttle_time_ms: i32 [3..];
        topics: Vec<OffsetFetchResponseTopic> [..=7];
        error: ErrorCode [2..=7];
        groups: Vec<OffsetFetchResponseGroup> [8..];
    }

    struct OffsetFetchResponseGroup {
        group_id: String;
        topics: Vec<OffsetFetchResponseTopic>;
        error: ErrorCode;
    }

    struct OffsetFetchResponsePartition {
        partition_index: i32;
        /// -1: none was ever committed, which is no error.
        committed_offset: i64;
        committed_leader_epoch: i32 [5..] = -1;
        metadata: Option<String>;
        error: ErrorCode;
    }

    struct OffsetFetchResponseTopic {
        name: String;
        partitions: Vec<OffsetFetchResponsePartition>;
    }
}

/// Since which version a request has more than one group.
const BATCHED_FROM: i16 = 8;

impl OffsetFetchRequest {
    /// What is asked for, whichever version asks.
    pub fn into_groups(self, version: i16) -> Vec<OffsetFetchRequestGroup> {
        if version >= BATCHED_FROM {
            return self.groups;
        }
        let OffsetFetchRequest { group_id, topics, .. } = self;
        vec![OffsetFetchRequestGroup { group_id, topics, ..OffsetFetchRequestGroup::default() }]
    }
}

impl OffsetFetchResponse {
    /// One answer per group that was asked for.
    pub fn new(version: i16, groups: Vec<OffsetFetchResponseGroup>) -> OffsetFetchResponse {
        if version >= BATCHED_FROM {
            return OffsetFetchResponse { groups, ..OffsetFetchResponse::default() };
        }
        let OffsetFetchResponseGroup { topics, error, .. } = groups.into_iter().next().unwrap_or_default();
        OffsetFetchResponse { topics, error, ..OffsetFetchResponse::default() }
    }
}
