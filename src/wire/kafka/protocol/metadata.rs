//! Metadata: brokers, topics, and who leads each partition.

use super::{codes::ErrorCode, field::Uuid, message::message};

message! {
    struct MetadataRequest {
        /// `None`, and in version 0 an empty list: all of them.
        topics: Option<Vec<MetadataRequestTopic>> [.., nullable 1..];
        allow_auto_topic_creation: bool [4..] = true;
        /// Bits of what the client may do; asked for by some tools only.
        include_cluster_authorized_operations: bool [8..=10];
        include_topic_authorized_operations: bool [8..];
    }

    struct MetadataRequestTopic {
        topic_id: Uuid [10..];
        /// `None`: the id says which topic.
        name: Option<String> [.., nullable 10..];
    }

    struct MetadataResponse {
        throttle_time_ms: i32 [3..];
        brokers: Vec<MetadataResponseBroker>;
        cluster_id: Option<String> [2..];
        /// Some broker that is alive; clients of administration wait until there is one.
        controller_id: i32 [1..] = -1;
        topics: Vec<MetadataResponseTopic>;
        /// A bit per operation; the lowest number: was not asked for.
        cluster_authorized_operations: i32 [8..=10] = i32::MIN;
        error: ErrorCode [13..];
    }

    struct MetadataResponseBroker {
        node_id: i32;
        host: String;
        port: i32;
        rack: Option<String> [1..];
    }

    struct MetadataResponsePartition {
        error: ErrorCode;
        partition_index: i32;
        /// -1: there is none.
        leader_id: i32;
        /// Never goes back: clients drop what has an older one than they know.
        leader_epoch: i32 [7..] = -1;
        replica_nodes: Vec<i32>;
        isr_nodes: Vec<i32>;
        offline_replicas: Vec<i32> [5..];
    }

    struct MetadataResponseTopic {
        error: ErrorCode;
        name: Option<String> [.., nullable 12..];
        topic_id: Uuid [10..];
        is_internal: bool [1..];
        partitions: Vec<MetadataResponsePartition>;
        /// A bit per operation; the lowest number: was not asked for.
        topic_authorized_operations: i32 [8..] = i32::MIN;
    }
}
