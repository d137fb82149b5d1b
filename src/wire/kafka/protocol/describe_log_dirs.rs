//! DescribeLogDirs: how much room partitions take.

use super::{codes::ErrorCode, message::message};

message! {
    struct DescribeLogDirsRequest {
        /// `None`: all.
        topics: Option<Vec<DescribableLogDirTopic>>;
    }

    struct DescribableLogDirTopic {
        topic: String;
        partitions: Vec<i32>;
    }

    struct DescribeLogDirsResponse {
        throttle_time_ms: i32;
        error: ErrorCode [3..];
        results: Vec<DescribeLogDirsResult>;
    }

    struct DescribeLogDirsPartition {
        partition_index: i32;
        partition_size: i64;
        /// How far this copy is behind the end.
        offset_lag: i64;
        is_future_key: bool;
    }

    struct DescribeLogDirsResult {
        error: ErrorCode;
        log_dir: String;
        topics: Vec<DescribeLogDirsTopic>;
        /// -1: not known.
        total_bytes: i64 [4..] = -1;
        usable_bytes: i64 [4..] = -1;
    }

    struct DescribeLogDirsTopic {
        name: String;
        partitions: Vec<DescribeLogDirsPartition>;
    }
}
