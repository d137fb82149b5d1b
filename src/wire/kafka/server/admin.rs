//! Topics that clients make, change and delete.

use super::{
    front::KafkaFront,
    offsets,
    settings::Settings,
    topics::{Content, Topic},
};
use crate::{
    calls::{self, CallError},
    clock,
    wire::kafka::identity::TopicId,
    wire::kafka::protocol::{
        ErrorCode,
        create_partitions::{CreatePartitionsRequest, CreatePartitionsResponse, CreatePartitionsTopicResult},
        create_topics::{
            CreatableTopic, CreatableTopicConfigs, CreatableTopicResult, CreateTopicsRequest,
            CreateTopicsResponse,
        },
        delete_records::{
            DeleteRecordsPartitionResult, DeleteRecordsRequest, DeleteRecordsResponse,
            DeleteRecordsTopicResult,
        },
        delete_topics::{DeletableTopicResult, DeleteTopicsRequest, DeleteTopicsResponse},
    },
};
use std::sync::Arc;

/// Of a topic's name; Kafka's limit.
const NAME_BYTES_MAX: usize = 249;
/// Of a topic that clients make.
const PARTITIONS_MAX: i32 = 1000;

/// Why something is not done, with a text for people.
pub(super) type Refused = (ErrorCode, String);

/// Whether a topic may be called that.
pub(super) fn check_name(name: &str) -> Result<(), Refused> {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    let is_legal = (1..=NAME_BYTES_MAX).contains(&name.len()) && name.bytes().all(legal);
    if is_legal && name != "." && name != ".." {
        return Ok(());
    }
    let text = "a topic's name has 1 to 249 of the letters a to z, digits, '.', '_' and '-'";
    Err((ErrorCode::InvalidTopic, text.to_string()))
}

fn failed(error: &CallError) -> Refused {
    let code = if error.is_temporary() { ErrorCode::RequestTimedOut } else { ErrorCode::UnknownServerError };
    (code, error.to_string())
}

impl KafkaFront {
    /// The topic of that name; made, if there is none, this is allowed and the client wants it.
    pub(super) async fn topic_or_make(
        self: &Arc<KafkaFront>,
        name: &str,
        is_wanted: bool,
    ) -> Option<Arc<Topic>> {
        let known = self.topics.named(name);
        if known.is_some() || !is_wanted || !self.shared.config.kafka.auto_create_topics {
            return known;
        }
        let wanted = CreatableTopic { name: name.to_string(), num_partitions: -1, ..Default::default() };
        match make(self, &wanted, false).await {
            Ok(topic) => Some(topic),
            // Somebody else made it meanwhile, or it can't be.
            Err(_) => self.topics.named(name),
        }
    }
}

/// Makes a topic, or only says whether it could be.
async fn make(
    front: &Arc<KafkaFront>,
    wanted: &CreatableTopic,
    only_check: bool,
) -> Result<Arc<Topic>, Refused> {
    check_name(&wanted.name)?;
    let config = &front.shared.config.kafka;
    let mut partitions = wanted.num_partitions;
    if !wanted.assignments.is_empty() {
        if partitions != -1 || wanted.replication_factor != -1 {
            let text = "either partitions are assigned or counted";
            return Err((ErrorCode::InvalidRequest, text.to_string()));
        }
        partitions = wanted.assignments.len() as i32;
    }
    if partitions == -1 {
        partitions = config.topic_partitions;
    }
    if !(1..=PARTITIONS_MAX).contains(&partitions) {
        let text = format!("a topic has 1 to {PARTITIONS_MAX} partitions");
        return Err((ErrorCode::InvalidPartitions, text));
    }
    if ![-1, 0, 1].contains(&wanted.replication_factor) {
        let text = "the cluster has one node: the replication factor is 1, or -1";
        return Err((ErrorCode::InvalidReplicationFactor, text.to_string()));
    }
    let mut settings = Settings::default();
    for config in &wanted.configs {
        let set = settings.set(&config.name, config.value.as_deref());
        set.map_err(|text| (ErrorCode::InvalidConfig, text))?;
    }
    let _changing = front.changing.lock().await;
    let mut id = new_id();
    if front.topics.named(&wanted.name).is_some() {
        return Err((ErrorCode::TopicAlreadyExists, format!("Topic '{}' already exists.", wanted.name)));
    }
    if front.topics.collides(&wanted.name, &[0; 16]) {
        let text = format!("there is a topic whose name differs from '{}' in case only", wanted.name);
        return Err((ErrorCode::InvalidTopic, text));
    }
    while front.topics.collides("", &id) {
        id = new_id();
    }
    let content = Content::Log { made: true };
    let topic = Topic::new(&wanted.name, id, partitions, content, settings.clone());
    if only_check {
        return Ok(Arc::new(topic));
    }
    let made = calls::one(&front.shared, "@TopicMake", Some(0), |set| {
        set.put_str(&wanted.name).put_bytes(&id).put_i32(partitions).put_str(&settings.to_json());
    });
    made.await.map_err(|error| failed(&error))?;
    Ok(front.topics.put(topic))
}

/// A version 4 UUID: clients print it.
fn new_id() -> TopicId {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&clock::entropy().to_be_bytes());
    id[8..].copy_from_slice(&clock::entropy().to_be_bytes());
    id[6] = id[6] & 0x0f | 0x40;
    id[8] = id[8] & 0x3f | 0x80;
    id
}

pub(super) async fn create(front: &Arc<KafkaFront>, request: CreateTopicsRequest) -> CreateTopicsResponse {
    let mut topics = Vec::with_capacity(request.topics.len());
    for wanted in &request.topics {
        let is_twice = request.topics.iter().filter(|other| other.name == wanted.name).count() > 1;
        let made = if is_twice {
            Err((ErrorCode::InvalidRequest, format!("'{}' is asked for twice", wanted.name)))
        } else {
            make(front, wanted, request.validate_only).await
        };
        let name = wanted.name.clone();
        topics.push(match made {
            Ok(topic) => CreatableTopicResult {
                name,
                topic_id: if request.validate_only { [0; 16] } else { topic.id },
                num_partitions: topic.partitions,
                replication_factor: 1,
                configs: own_settings(&topic),
                ..CreatableTopicResult::default()
            },
            Err((error, text)) => {
                let error_message = Some(text);
                CreatableTopicResult { name, error, error_message, ..CreatableTopicResult::default() }
            }
        });
    }
    CreateTopicsResponse { throttle_time_ms: 0, topics }
}

fn own_settings(topic: &Topic) -> Vec<CreatableTopicConfigs> {
    let settings = topic.settings.read();
    let told = super::settings::TOPIC_SETTINGS.iter().map(|setting| {
        let (value, is_own) = settings.get(setting);
        CreatableTopicConfigs {
            name: setting.name.to_string(),
            value: Some(value.to_string()),
            read_only: setting.read_only,
            config_source: super::configs::source(is_own),
            is_sensitive: false,
        }
    });
    told.collect()
}

fn to_change(topic: &Topic) -> Result<(), Refused> {
    if topic.is_declared() {
        let text = format!("{} is declared in the schema, and changed there", topic.name);
        return Err((ErrorCode::PolicyViolation, text));
    }
    Ok(())
}

fn known(front: &KafkaFront, name: &str) -> Result<Arc<Topic>, Refused> {
    let text = "This server does not host this topic-partition.";
    front.topics.named(name).ok_or_else(|| (ErrorCode::UnknownTopicOrPartition, text.to_string()))
}

pub(super) async fn delete(
    front: &Arc<KafkaFront>,
    request: DeleteTopicsRequest,
    version: i16,
) -> DeleteTopicsResponse {
    let named = request.topic_names.into_iter().map(|name| (Some(name), [0; 16]));
    let stated = request.topics.into_iter().map(|topic| (topic.name, topic.topic_id));
    let asked: Vec<_> = if version <= 5 { named.collect() } else { stated.collect() };
    let mut responses = Vec::with_capacity(asked.len());
    for (name, id) in asked {
        let found = match &name {
            Some(name) => known(front, name),
            None => {
                let text = "This server does not host this topic ID.".to_string();
                front.topics.with_id(&id).ok_or((ErrorCode::UnknownTopicId, text))
            }
        };
        let (name, topic_id, gone) = match found {
            Ok(topic) => (Some(topic.name.clone()), topic.id, remove(front, &topic).await),
            Err(refused) => (name, id, Err(refused)),
        };
        let (error, error_message) = match gone {
            Ok(()) => (ErrorCode::None, None),
            Err((error, text)) => (error, Some(text)),
        };
        responses.push(DeletableTopicResult { name, topic_id, error, error_message });
    }
    DeleteTopicsResponse { throttle_time_ms: 0, responses }
}

async fn remove(front: &Arc<KafkaFront>, topic: &Arc<Topic>) -> Result<(), Refused> {
    to_change(topic)?;
    let _changing = front.changing.lock().await;
    let removed = calls::one(&front.shared, "@TopicRemove", Some(0), |set| {
        set.put_str(&topic.name);
    });
    removed.await.map_err(|error| failed(&error))?;
    front.topics.remove(topic);
    topic.grown.notify_waiters();
    // Its records go in small steps, behind whatever was still on its way to them. A crash meanwhile leaves
    // some: they are nobody's, and cost memory only.
    let (front, number) = (front.clone(), topic.number());
    tokio::spawn(async move {
        for partition in 0..front.shared.config.partitions {
            loop {
                let gone = calls::one(&front.shared, "@LogDrop", Some(partition), |set| {
                    set.put_i64(number);
                });
                match gone.await {
                    Ok(gone) if gone.integers(0)[0] > 0 => {}
                    Ok(_) => break,
                    Err(error) => {
                        tracing::warn!(%error, partition, "records of a deleted topic could not be deleted");
                        break;
                    }
                }
            }
        }
    });
    Ok(())
}

pub(super) async fn create_partitions(
    front: &Arc<KafkaFront>,
    request: CreatePartitionsRequest,
) -> CreatePartitionsResponse {
    let mut results = Vec::with_capacity(request.topics.len());
    for asked in request.topics {
        let done = grow(front, &asked.name, asked.count, request.validate_only).await;
        let (error, error_message) = match done {
            Ok(()) => (ErrorCode::None, None),
            Err((error, text)) => (error, Some(text)),
        };
        results.push(CreatePartitionsTopicResult { name: asked.name, error, error_message });
    }
    CreatePartitionsResponse { throttle_time_ms: 0, results }
}

async fn grow(front: &Arc<KafkaFront>, name: &str, count: i32, only_check: bool) -> Result<(), Refused> {
    let topic = known(front, name)?;
    to_change(&topic)?;
    if count <= topic.partitions || count > PARTITIONS_MAX {
        let text = format!("the topic has {} partitions, and may have {PARTITIONS_MAX}", topic.partitions);
        return Err((ErrorCode::InvalidPartitions, text));
    }
    if only_check {
        return Ok(());
    }
    let settings = topic.settings.read().clone();
    change(front, &topic, count, settings).await
}

/// Gives a topic that clients made another number of partitions, or other settings.
pub(super) async fn change(
    front: &Arc<KafkaFront>,
    topic: &Arc<Topic>,
    partitions: i32,
    settings: Settings,
) -> Result<(), Refused> {
    to_change(topic)?;
    let _changing = front.changing.lock().await;
    let changed = calls::one(&front.shared, "@TopicChange", Some(0), |set| {
        set.put_str(&topic.name).put_i32(partitions).put_str(&settings.to_json());
    });
    changed.await.map_err(|error| failed(&error))?;
    if partitions == topic.partitions {
        *topic.settings.write() = settings;
        return Ok(());
    }
    let content = Content::Log { made: true };
    let grown = Topic::new(&topic.name, topic.id, partitions, content, settings);
    for part in 0..topic.partitions {
        topic.end(part).into_iter().for_each(|end| grown.tell_end(part, end));
    }
    front.topics.put(grown);
    topic.grown.notify_waiters();
    Ok(())
}

pub(super) async fn delete_records(
    front: &Arc<KafkaFront>,
    request: DeleteRecordsRequest,
) -> DeleteRecordsResponse {
    let mut topics = Vec::with_capacity(request.topics.len());
    for asked in request.topics {
        let mut partitions = Vec::with_capacity(asked.partitions.len());
        for part in asked.partitions {
            let done = trim(front, &asked.name, part.partition_index, part.offset).await;
            let (low_watermark, error) = match done {
                Ok(first) => (first, ErrorCode::None),
                Err(error) => (-1, error),
            };
            let partition_index = part.partition_index;
            partitions.push(DeleteRecordsPartitionResult { partition_index, low_watermark, error });
        }
        topics.push(DeleteRecordsTopicResult { name: asked.name, partitions });
    }
    DeleteRecordsResponse { throttle_time_ms: 0, topics }
}

/// Lets go of what is before an offset (-1: of everything); the first that is left.
async fn trim(front: &Arc<KafkaFront>, name: &str, part: i32, offset: i64) -> Result<i64, ErrorCode> {
    let topic = front.topics.named(name).filter(|topic| topic.has(part));
    let topic = topic.ok_or(ErrorCode::UnknownTopicOrPartition)?;
    if !matches!(topic.content, Content::Log { .. }) {
        return Err(ErrorCode::PolicyViolation);
    }
    let temporary = |_| ErrorCode::NotLeaderOrFollower;
    let (first, next) = offsets::bounds(front, &topic, part).await.map_err(temporary)?;
    let offset = if offset == -1 { next } else { offset };
    if offset > next || offset < 0 {
        return Err(ErrorCode::OffsetOutOfRange);
    }
    if offset <= first {
        return Ok(first);
    }
    super::keeping::trim(front, &topic, part, offset, i64::MIN + 1, i64::MAX).await.map_err(temporary)
}
