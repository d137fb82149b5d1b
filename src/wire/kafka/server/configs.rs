//! DescribeConfigs, AlterConfigs and IncrementalAlterConfigs; sizes, and who may do what.

use super::{
    admin,
    front::{KafkaFront, NODE_ID},
    settings::{Settings, TOPIC_SETTINGS},
};
use crate::{
    calls::{self, CallError, integer},
    wire::kafka::protocol::{
        ErrorCode, alter_configs,
        describe_configs::{
            DescribeConfigsRequest, DescribeConfigsResource, DescribeConfigsResourceResult,
            DescribeConfigsResponse, DescribeConfigsResult,
        },
        describe_log_dirs::{
            DescribeLogDirsPartition, DescribeLogDirsRequest, DescribeLogDirsResponse, DescribeLogDirsResult,
            DescribeLogDirsTopic,
        },
        incremental_alter_configs,
    },
};
use std::sync::Arc;

/// Kafka's kinds of things that have settings.
mod resource {
    pub(super) const TOPIC: i8 = 2;
    pub(super) const BROKER: i8 = 4;
}

/// Where a value comes from: the topic's own, the server's own, or the default.
mod origin {
    pub(super) const TOPIC: i8 = 1;
    pub(super) const STATIC_BROKER: i8 = 4;
    pub(super) const DEFAULT: i8 = 5;
}

/// As [`origin`] has it.
pub(super) fn source(is_own: bool) -> i8 {
    if is_own { origin::TOPIC } else { origin::DEFAULT }
}

/// The protocol's level that is served: tools take it for the server's version.
const PROTOCOL_LEVEL: &str = "3.9-IV0";

pub(super) fn describe(front: &KafkaFront, request: &DescribeConfigsRequest) -> DescribeConfigsResponse {
    let results = request.resources.iter().map(|asked| describe_one(front, asked));
    DescribeConfigsResponse { throttle_time_ms: 0, results: results.collect() }
}

fn describe_one(front: &KafkaFront, asked: &DescribeConfigsResource) -> DescribeConfigsResult {
    let is_asked =
        |name: &str| asked.configuration_keys.as_ref().is_none_or(|keys| keys.iter().any(|key| key == name));
    let mut result = DescribeConfigsResult {
        resource_type: asked.resource_type,
        resource_name: asked.resource_name.clone(),
        ..DescribeConfigsResult::default()
    };
    match asked.resource_type {
        resource::TOPIC => match front.topics.named(&asked.resource_name) {
            Some(topic) => {
                let settings = topic.settings.read();
                let told = TOPIC_SETTINGS.iter().filter(|setting| is_asked(setting.name));
                result.configs = told
                    .map(|setting| {
                        let (value, is_own) = settings.get(setting);
                        DescribeConfigsResourceResult {
                            name: setting.name.to_string(),
                            value: Some(value.to_string()),
                            read_only: setting.read_only || topic.is_declared(),
                            config_source: source(is_own),
                            config_type: setting.kind as i8,
                            ..DescribeConfigsResourceResult::default()
                        }
                    })
                    .collect();
            }
            None => {
                result.error = ErrorCode::UnknownTopicOrPartition;
                result.error_message = Some("This server does not host this topic-partition.".to_string());
            }
        },
        resource::BROKER if ["", "1"].contains(&asked.resource_name.as_str()) => {
            let told = broker_settings(front).into_iter().filter(|(name, _)| is_asked(name));
            result.configs = told
                .map(|(name, value)| DescribeConfigsResourceResult {
                    name: name.to_string(),
                    value: Some(value),
                    read_only: true,
                    config_source: origin::STATIC_BROKER,
                    config_type: 2,
                    ..DescribeConfigsResourceResult::default()
                })
                .collect();
        }
        _ => {
            result.error = ErrorCode::InvalidRequest;
            result.error_message = Some("only topics and this broker have settings".to_string());
        }
    }
    result
}

/// What tools look for.
fn broker_settings(front: &KafkaFront) -> Vec<(&'static str, String)> {
    let kafka = &front.shared.config.kafka;
    vec![
        ("auto.create.topics.enable", kafka.auto_create_topics.to_string()),
        ("broker.id", NODE_ID.to_string()),
        ("default.replication.factor", "1".to_string()),
        ("delete.topic.enable", "true".to_string()),
        ("group.initial.rebalance.delay.ms", kafka.group_initial_rebalance_delay_ms.to_string()),
        ("inter.broker.protocol.version", PROTOCOL_LEVEL.to_string()),
        ("log.retention.ms", "604800000".to_string()),
        ("message.max.bytes", super::settings::BATCH_BYTES_MAX.to_string()),
        ("num.partitions", kafka.topic_partitions.to_string()),
    ]
}

/// A change of one setting; without a value, back to its default.
struct Change {
    name: String,
    value: Option<String>,
    operation: i8,
}

/// Kafka's operations on a setting.
mod operation {
    pub(super) const SET: i8 = 0;
    pub(super) const DELETE: i8 = 1;
    pub(super) const APPEND: i8 = 2;
    pub(super) const SUBTRACT: i8 = 3;
}

async fn alter_one(
    front: &Arc<KafkaFront>,
    (kind, name): (i8, &str),
    from_default: bool,
    changes: Vec<Change>,
    only_check: bool,
) -> Result<(), admin::Refused> {
    if kind != resource::TOPIC {
        let text = "only settings of topics can be changed; the server's are in its configuration file";
        return Err((ErrorCode::InvalidRequest, text.to_string()));
    }
    let unknown = || (ErrorCode::UnknownTopicOrPartition, format!("there is no topic '{name}'"));
    let topic = front.topics.named(name).ok_or_else(unknown)?;
    let mut settings = if from_default { Settings::default() } else { topic.settings.read().clone() };
    for change in changes {
        let value = match change.operation {
            operation::SET => change.value,
            operation::DELETE => None,
            operation::APPEND | operation::SUBTRACT => {
                let appends = change.operation == operation::APPEND;
                Some(settings.with_part(&change.name, change.value.as_deref().unwrap_or(""), appends))
            }
            other => return Err((ErrorCode::InvalidRequest, format!("{other} is no operation"))),
        };
        let set = settings.set(&change.name, value.as_deref());
        set.map_err(|text| (ErrorCode::InvalidConfig, text))?;
    }
    if only_check {
        return Ok(());
    }
    admin::change(front, &topic, topic.partitions, settings).await
}

fn told(done: Result<(), admin::Refused>) -> (ErrorCode, Option<String>) {
    match done {
        Ok(()) => (ErrorCode::None, None),
        Err((error, text)) => (error, Some(text)),
    }
}

pub(super) async fn alter(
    front: &Arc<KafkaFront>,
    request: alter_configs::AlterConfigsRequest,
) -> alter_configs::AlterConfigsResponse {
    let mut responses = Vec::with_capacity(request.resources.len());
    for asked in request.resources {
        let change = |config: alter_configs::AlterableConfig| Change {
            name: config.name,
            value: config.value,
            operation: operation::SET,
        };
        let changes = asked.configs.into_iter().map(change).collect();
        let place = (asked.resource_type, asked.resource_name.as_str());
        let done = alter_one(front, place, true, changes, request.validate_only).await;
        let (error, error_message) = told(done);
        let (resource_type, resource_name) = (asked.resource_type, asked.resource_name);
        responses.push(alter_configs::AlterConfigsResourceResponse {
            error,
            error_message,
            resource_type,
            resource_name,
        });
    }
    alter_configs::AlterConfigsResponse { throttle_time_ms: 0, responses }
}

pub(super) async fn alter_incrementally(
    front: &Arc<KafkaFront>,
    request: incremental_alter_configs::IncrementalAlterConfigsRequest,
) -> incremental_alter_configs::IncrementalAlterConfigsResponse {
    let mut responses = Vec::with_capacity(request.resources.len());
    for asked in request.resources {
        let change = |config: incremental_alter_configs::AlterableConfig| Change {
            name: config.name,
            value: config.value,
            operation: config.config_operation,
        };
        let changes = asked.configs.into_iter().map(change).collect();
        let place = (asked.resource_type, asked.resource_name.as_str());
        let done = alter_one(front, place, false, changes, request.validate_only).await;
        let (error, error_message) = told(done);
        let (resource_type, resource_name) = (asked.resource_type, asked.resource_name);
        responses.push(incremental_alter_configs::AlterConfigsResourceResponse {
            error,
            error_message,
            resource_type,
            resource_name,
        });
    }
    incremental_alter_configs::IncrementalAlterConfigsResponse { throttle_time_ms: 0, responses }
}

/// One directory stands for the whole store.
pub(super) async fn log_dirs(
    front: &Arc<KafkaFront>,
    request: DescribeLogDirsRequest,
) -> DescribeLogDirsResponse {
    match sizes(front, request).await {
        Ok(topics) => {
            let log_dir = "/tollgate".to_string();
            let result = DescribeLogDirsResult { log_dir, topics, ..DescribeLogDirsResult::default() };
            DescribeLogDirsResponse { results: vec![result], ..DescribeLogDirsResponse::default() }
        }
        Err(_) => {
            let error = ErrorCode::KafkaStorageError;
            DescribeLogDirsResponse { error, ..DescribeLogDirsResponse::default() }
        }
    }
}

async fn sizes(
    front: &Arc<KafkaFront>,
    request: DescribeLogDirsRequest,
) -> Result<Vec<DescribeLogDirsTopic>, CallError> {
    let mut kept = Vec::new();
    for partition in 0..front.shared.config.partitions {
        let rows = calls::one(&front.shared, "@LogSizes", Some(partition), |_| {}).await?.rows(0);
        kept.extend(rows.iter().map(|row| (integer(&row[0]), integer(&row[1]) as i32, integer(&row[2]))));
    }
    let wanted = |name: &str, part: i32| match &request.topics {
        None => true,
        Some(topics) => topics.iter().any(|topic| topic.topic == name && topic.partitions.contains(&part)),
    };
    let topics = front.topics.all().into_iter().map(|topic| {
        let parts = (0..topic.partitions).filter(|&part| wanted(&topic.name, part));
        let size_of = |part: i32| {
            let of_part = kept.iter().filter(|&&(number, kept, _)| number == topic.number() && kept == part);
            of_part.map(|&(_, _, bytes)| bytes).sum()
        };
        let partition = |partition_index| DescribeLogDirsPartition {
            partition_index,
            partition_size: size_of(partition_index),
            ..DescribeLogDirsPartition::default()
        };
        DescribeLogDirsTopic { name: topic.name.clone(), partitions: parts.map(partition).collect() }
    });
    Ok(topics.filter(|topic| !topic.partitions.is_empty()).collect())
}
