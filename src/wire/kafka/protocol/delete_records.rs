//! DeleteRecords: partitions forget what stands before an offset.

use super::{codes::ErrorCode, message::message};

message! {
    struct DeleteRecordsRequest {
        topics: Vec<DeleteRecordsTopic>;
        timeout_ms: i32;
    }

    struct DeleteRecordsPartition {
        partition_index: i32;
        /// What stands before it goes; -1: everything that is committed.
        offset: i64;
    }

    struct DeleteRecordsTopic {
        name: String;
        partitions: Vec<DeleteRecordsPartition>;
    }

    struct DeleteRecordsResponse {
        throttle_time_ms: i32;
        topics: Vec<DeleteRecordsTopicResult>;
    }

    struct DeleteRecordsPartitionResult {
        partition_index: i32;
        /// The first offset that is left; -1 if there is an error.
        low_watermark: i64;
        error: ErrorCode;
    }

    struct DeleteRecordsTopicResult {
        name: String;
        partitions: Vec<DeleteRecordsPartitionResult>;
    }
}
