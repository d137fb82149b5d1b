//! CreateTopics: topics are made.

use super::{codes::ErrorCode, field::Uuid, message::message};

message! {
    struct CreateTopicsRequest {
        topics: Vec<CreatableTopic>;
        timeout_ms: i32 = 60000;
        validate_only: bool;
    }

    struct CreatableReplicaAssignment {
        partition_index: i32;
        broker_ids: Vec<i32>;
    }

    struct CreatableTopic {
        name: String;
        /// -1: as many as is usual here.
        num_partitions: i32;
        /// -1: as is usual here.
        replication_factor: i16;
        /// Brokers chosen by hand.
        assignments: Vec<CreatableReplicaAssignment>;
        configs: Vec<CreatableTopicConfig>;
    }

    struct CreatableTopicConfig {
        name: String;
        value: Option<String>;
    }

    struct CreateTopicsResponse {
        throttle_time_ms: i32;
        topics: Vec<CreatableTopicResult>;
    }

    struct CreatableTopicConfigs {
        name: String;
        value: Option<String>;
        read_only: bool;
        config_source: i8 = -1;
        is_sensitive: bool;
    }

    struct CreatableTopicResult {
        name: String;
        topic_id: Uuid [7..];
        error: ErrorCode;
        error_message: Option<String>;
        num_partitions: i32 [5..] = -1;
        replication_factor: i16 [5..] = -1;
        /// Never null: clients in wide use cannot read that, though the format has it.
        configs: Vec<CreatableTopicConfigs> [5..];
    }
}
