//! OffsetCommit: how far a group has read.

use super::{codes::ErrorCode, message::message};

message! {
    struct OffsetCommitRequest {
        group_id: String;
        /// -1: no member, but someone who keeps offsets in the group only.
        generation_id_or_member_epoch: i32 = -1;
        member_id: String;
        group_instance_id: Option<String> [7..];
        retention_time_ms: i64 [..=4] = -1;
        topics: Vec<OffsetCommitRequestTopic>;
    }

    struct OffsetCommitRequestPartition {
        partition_index: i32;
        committed_offset: i64;
        /// -1: not known.
        committed_leader_epoch: i32 [6..] = -1;
        committed_metadata: Option<String>;
    }

    struct OffsetCommitRequestTopic {
        name: String;
        partitions: Vec<OffsetCommitRequestPartition>;
    }

    struct OffsetCommitResponse {
        throttle_time_ms: i32 [3..];
        topics: Vec<OffsetCommitResponseTopic>;
    }

    struct OffsetCommitResponsePartition {
        partition_index: i32;
        error: ErrorCode;
    }

    struct OffsetCommitResponseTopic {
        name: String;
        partitions: Vec<OffsetCommitResponsePartition>;
    }
}
