//! ListOffsets: the first, last, or next offset by time.

use super::{codes::ErrorCode, message::message};

message! {
    struct ListOffsetsRequest {
        /// -1: not a replica, but a consumer.
        replica_id: i32;
        /// 0: the end is the last committed record's; 1: the last stable one's.
        isolation_level: i8 [2..];
        topics: Vec<ListOffsetsTopic>;
    }

    struct ListOffsetsPartition {
        partition_index: i32;
        current_leader_epoch: i32 [4..] = -1;
        /// Milliseconds since 1970, or what is asked for: -1 the end, -2 the start, -3 the record of the
        /// highest time, -4 the start of what is held locally, -5 the end of what is held elsewhere.
        timestamp: i64;
    }

    struct ListOffsetsTopic {
        name: String;
        partitions: Vec<ListOffsetsPartition>;
    }

    struct ListOffsetsResponse {
        throttle_time_ms: i32 [2..];
        topics: Vec<ListOffsetsTopicResponse>;
    }

    struct ListOffsetsPartitionResponse {
        partition_index: i32;
        error: ErrorCode;
        /// Of the record that was found; -1: of none.
        timestamp: i64 = -1;
        /// -1: there is no record of that time or later.
        offset: i64 = -1;
        leader_epoch: i32 [4..] = -1;
    }

    struct ListOffsetsTopicResponse {
        name: String;
        partitions: Vec<ListOffsetsPartitionResponse>;
    }
}
