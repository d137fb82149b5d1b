//! Metadata, DescribeCluster and FindCoordinator: which topics there are, and where. One node has it all.

use super::{
    admin,
    front::{KafkaFront, LEADER_EPOCH, NODE_ID},
    topics::Topic,
};
use crate::wire::kafka::protocol::{
    ErrorCode,
    describe_cluster::{DescribeClusterBroker, DescribeClusterRequest, DescribeClusterResponse},
    find_coordinator::{Coordinator, FindCoordinatorRequest, FindCoordinatorResponse},
    metadata::{
        MetadataRequest, MetadataResponse, MetadataResponseBroker, MetadataResponsePartition,
        MetadataResponseTopic,
    },
};
use std::sync::Arc;

/// Where this node is reached, as this client was told or reached it.
#[derive(Clone, Debug)]
pub(super) struct Address {
    pub(super) host: String,
    pub(super) port: u16,
}

/// Operations on a topic: read, write, create, delete, alter, describe, describe and alter configs.
const TOPIC_OPERATIONS: i32 = 1 << 3 | 1 << 4 | 1 << 5 | 1 << 6 | 1 << 7 | 1 << 8 | 1 << 10 | 1 << 11;
/// On the cluster: create, alter, describe, cluster action, describe and alter configs, idempotent write.
const CLUSTER_OPERATIONS: i32 = 1 << 5 | 1 << 7 | 1 << 8 | 1 << 9 | 1 << 10 | 1 << 11 | 1 << 12;
/// On a group: read, delete, describe.
pub(super) const GROUP_OPERATIONS: i32 = 1 << 3 | 1 << 6 | 1 << 8;

pub(super) async fn answer(
    front: &Arc<KafkaFront>,
    request: MetadataRequest,
    version: i16,
    address: &Address,
) -> MetadataResponse {
    let asks_all = match &request.topics {
        None => true,
        Some(topics) => topics.is_empty() && version == 0,
    };
    let with_operations = request.include_topic_authorized_operations;
    let mut topics = Vec::new();
    if asks_all {
        topics.extend(front.topics.all().iter().map(|topic| describe(topic, with_operations)));
    }
    for asked in request.topics.into_iter().flatten() {
        topics.push(match &asked.name {
            Some(name) => match front.topic_or_make(name, request.allow_auto_topic_creation).await {
                Some(topic) => describe(&topic, with_operations),
                None => unknown(
                    asked.name.clone(),
                    asked.topic_id,
                    match admin::check_name(name) {
                        Ok(()) => ErrorCode::UnknownTopicOrPartition,
                        Err(_) => ErrorCode::InvalidTopic,
                    },
                ),
            },
            None => match front.topics.with_id(&asked.topic_id) {
                Some(topic) => describe(&topic, with_operations),
                None => unknown(None, asked.topic_id, ErrorCode::UnknownTopicId),
            },
        });
    }
    let broker = MetadataResponseBroker {
        node_id: NODE_ID,
        host: address.host.clone(),
        port: i32::from(address.port),
        rack: None,
    };
    MetadataResponse {
        brokers: vec![broker],
        cluster_id: Some(front.cluster_id()),
        controller_id: NODE_ID,
        topics,
        cluster_authorized_operations: operations(
            request.include_cluster_authorized_operations,
            CLUSTER_OPERATIONS,
        ),
        ..MetadataResponse::default()
    }
}

/// What a client that did not ask is told, too: nothing.
pub(super) fn operations(is_asked: bool, operations: i32) -> i32 {
    if is_asked { operations } else { i32::MIN }
}

fn unknown(name: Option<String>, topic_id: [u8; 16], error: ErrorCode) -> MetadataResponseTopic {
    MetadataResponseTopic { error, name, topic_id, ..MetadataResponseTopic::default() }
}

fn describe(topic: &Topic, with_operations: bool) -> MetadataResponseTopic {
    let partition = |partition_index| MetadataResponsePartition {
        error: ErrorCode::None,
        partition_index,
        leader_id: NODE_ID,
        leader_epoch: LEADER_EPOCH,
        replica_nodes: vec![NODE_ID],
        isr_nodes: vec![NODE_ID],
        offline_replicas: Vec::new(),
    };
    MetadataResponseTopic {
        error: ErrorCode::None,
        name: Some(topic.name.clone()),
        topic_id: topic.id,
        is_internal: false,
        partitions: (0..topic.partitions).map(partition).collect(),
        topic_authorized_operations: operations(with_operations, TOPIC_OPERATIONS),
    }
}

pub(super) fn describe_cluster(
    front: &KafkaFront,
    request: &DescribeClusterRequest,
    address: &Address,
) -> DescribeClusterResponse {
    DescribeClusterResponse {
        cluster_id: front.cluster_id(),
        controller_id: NODE_ID,
        brokers: vec![DescribeClusterBroker {
            broker_id: NODE_ID,
            host: address.host.clone(),
            port: i32::from(address.port),
            ..DescribeClusterBroker::default()
        }],
        cluster_authorized_operations: operations(
            request.include_cluster_authorized_operations,
            CLUSTER_OPERATIONS,
        ),
        endpoint_type: request.endpoint_type,
        ..DescribeClusterResponse::default()
    }
}

/// Groups are coordinated here; transactions nowhere.
pub(super) fn find_coordinator(
    request: FindCoordinatorRequest,
    version: i16,
    address: &Address,
) -> FindCoordinatorResponse {
    const GROUP: i8 = 0;
    let keys = if version >= 4 { request.coordinator_keys } else { vec![request.key] };
    let coordinator = |key| match request.key_type {
        GROUP => Coordinator {
            key,
            node_id: NODE_ID,
            host: address.host.clone(),
            port: i32::from(address.port),
            error: ErrorCode::None,
            error_message: None,
        },
        _ => Coordinator {
            key,
            node_id: -1,
            host: String::new(),
            port: -1,
            error: ErrorCode::TransactionalIdAuthorizationFailed,
            error_message: Some("there are no transactions of clients".to_string()),
        },
    };
    let coordinators: Vec<Coordinator> = keys.into_iter().map(coordinator).collect();
    let Some(first) = coordinators.first().filter(|_| version < 4).cloned() else {
        return FindCoordinatorResponse { coordinators, ..FindCoordinatorResponse::default() };
    };
    FindCoordinatorResponse {
        error: first.error,
        error_message: first.error_message,
        node_id: first.node_id,
        host: first.host,
        port: first.port,
        ..FindCoordinatorResponse::default()
    }
}
