//! OffsetForLeaderEpoch: where a leader's epoch ended.

use super::{codes::ErrorCode, message::message};

message! {
    struct OffsetForLeaderEpochRequest {
        /// Every negative one is a consumer.
        replica_id: i32 [3..] = -2;
        topics: Vec<OffsetForLeaderTopic>;
    }

    struct OffsetForLeaderPartition {
        partition: i32;
        current_leader_epoch: i32 = -1;
        leader_epoch: i32;
    }

    struct OffsetForLeaderTopic {
        topic: String;
        partitions: Vec<OffsetForLeaderPartition>;
    }

    struct OffsetForLeaderEpochResponse {
        throttle_time_ms: i32;
        topics: Vec<OffsetForLeaderTopicResult>;
    }

    struct EpochEndOffset {
        error: ErrorCode;
        partition: i32;
        leader_epoch: i32 = -1;
        /// The offset behind the last record of that epoch; -1: nothing is known of it.
        end_offset: i64 = -1;
    }

    struct OffsetForLeaderTopicResult {
        topic: String;
        partitions: Vec<EpochEndOffset>;
    }
}
