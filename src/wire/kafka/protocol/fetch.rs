//! Fetch: record batches to be read; waits until there are enough. Topics have names up to version 12, ids
//! from then on.

use super::{
    codes::ErrorCode,
    field::{Pieces, Uuid},
    message::message,
};

message! {
    struct FetchRequest {
        /// -1: not a replica, but a consumer.
        replica_id: i32 [..=14] = -1;
        /// How long to wait for `min_bytes`.
        max_wait_ms: i32;
        min_bytes: i32;
        max_bytes: i32 = i32::MAX;
        /// 0: everything; 1: only what is committed.
        isolation_level: i8;
        /// 0: of none so far.
        session_id: i32 [7..];
        /// -1: a full fetch without a session; 0: a full fetch that begins one.
        session_epoch: i32 [7..] = -1;
        topics: Vec<FetchTopic>;
        /// What the session no longer has to answer.
        forgotten_topics_data: Vec<ForgottenTopic> [7..];
        rack_id: String [11..];
    }

    struct FetchPartition {
        partition: i32;
        /// -1: the client does not know it; otherwise it must be ours.
        current_leader_epoch: i32 [9..] = -1;
        fetch_offset: i64;
        last_fetched_epoch: i32 [12..] = -1;
        /// Only replicas tell it.
        log_start_offset: i64 [5..] = -1;
        partition_max_bytes: i32;
    }

    struct FetchTopic {
        topic: String [..=12];
        topic_id: Uuid [13..];
        partitions: Vec<FetchPartition>;
    }

    struct ForgottenTopic {
        topic: String [..=12];
        topic_id: Uuid [13..];
        partitions: Vec<i32>;
    }

    struct FetchResponse {
        throttle_time_ms: i32;
        error: ErrorCode [7..];
        /// 0: there is no session, each fetch has to be full.
        session_id: i32 [7..];
        responses: Vec<FetchableTopicResponse>;
    }

    struct AbortedTransaction {
        producer_id: i64;
        first_offset: i64;
    }

    struct FetchableTopicResponse {
        topic: String [..=12];
        topic_id: Uuid [13..];
        partitions: Vec<PartitionData>;
    }

    struct PartitionData {
        partition_index: i32;
        error: ErrorCode;
        /// The offset behind the last record that is committed.
        high_watermark: i64;
        /// The offset behind the last record that no open transaction comes before.
        last_stable_offset: i64 = -1;
        log_start_offset: i64 [5..] = -1;
        /// `None` where a reader of everything asks.
        aborted_transactions: Option<Vec<AbortedTransaction>>;
        /// -1: none.
        preferred_read_replica: i32 [11..] = -1;
        records: Pieces;
    }
}
