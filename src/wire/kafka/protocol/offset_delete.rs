//! OffsetDelete: a group forgets how far it read a topic.

use super::{codes::ErrorCode, message::message};

message! {
    struct OffsetDeleteRequest {
        group_id: String;
        topics: Vec<OffsetDeleteRequestTopic>;
    }

    struct OffsetDeleteRequestPartition {
        partition_index: i32;
    }

    struct OffsetDeleteRequestTopic {
        name: String;
        partitions: Vec<OffsetDeleteRequestPartition>;
    }

    struct OffsetDeleteResponse {
        error: ErrorCode;
        throttle_time_ms: i32;
        topics: Vec<OffsetDeleteResponseTopic>;
    }

    struct OffsetDeleteResponsePartition {
        partition_index: i32;
        error: ErrorCode;
    }

    struct OffsetDeleteResponseTopic {
        name: String;
        partitions: Vec<OffsetDeleteResponsePartition>;
    }
}
