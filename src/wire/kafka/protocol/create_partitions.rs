//! CreatePartitions: topics get more partitions.

use super::{codes::ErrorCode, message::message};

message! {
    struct CreatePartitionsRequest {
        topics: Vec<CreatePartitionsTopic>;
        timeout_ms: i32;
        validate_only: bool;
    }

    struct CreatePartitionsAssignment {
        broker_ids: Vec<i32>;
    }

    struct CreatePartitionsTopic {
        name: String;
        /// As many as there shall be in all.
        count: i32;
        /// Brokers chosen by hand, for the new ones.
        assignments: Option<Vec<CreatePartitionsAssignment>>;
    }

    struct CreatePartitionsResponse {
        throttle_time_ms: i32;
        results: Vec<CreatePartitionsTopicResult>;
    }

    struct CreatePartitionsTopicResult {
        name: String;
        error: ErrorCode;
        error_message: Option<String>;
    }
}
