//! The schemas of topics in Avro: registered before the first row leaves, learned when the first record comes
//! that has one. Subjects are named as Confluent's clients name them, after the topic. Never knows which
//! registry it is.

use super::{
    front::KafkaFront,
    produce::Refused,
    topics::{Content, ProcedureTopic, Topic},
};
use crate::{clock, schemas::SchemasError, wire::kafka::protocol::ErrorCode};
use std::{collections::BTreeSet, sync::Arc, time::Duration};

/// Schemas that one batch may bring that are not known: each is asked for.
const NEW_SCHEMAS_MAX: usize = 64;
/// A batch waits so long for a registry that does not answer. A producer's next batch would not be taken
/// before it in any case, so it waits here, and nothing gets out of order.
const LEARN_MAX: Duration = Duration::from_secs(20);
const LEARN_AGAIN: Duration = Duration::from_millis(500);
/// A registry that refuses, or does not answer, is not asked for each fetch.
const REGISTER_AGAIN: Duration = Duration::from_secs(1);

/// Registers those of all topics whose rows leave. What fails is tried again when a topic is read.
pub(super) async fn register_all(front: &Arc<KafkaFront>) {
    for topic in front.topics.all() {
        ensure_registered(front, &topic).await;
    }
}

/// Whether rows of a topic can be written: its schemas are registered, now if they were not before.
pub(super) async fn ensure_registered(front: &Arc<KafkaFront>, topic: &Topic) -> bool {
    let Content::Stream(stream) = &topic.content else { return true };
    if stream.encoder().is_some() {
        return true;
    }
    let mut not_before = stream.register_not_before.lock().await;
    if stream.encoder().is_some() || clock::now() < *not_before {
        return stream.encoder().is_some();
    }
    match front.shared.schemas.numbered(&front.shared, &topic.name, stream.draft()).await {
        Ok(encoder) => stream.tell_encoder(encoder),
        Err(error) => {
            tracing::warn!(topic = topic.name, "rows of a topic can't be read for now: {error}");
            *not_before = clock::now() + REGISTER_AGAIN;
        }
    }
    stream.encoder().is_some()
}

/// Learns schemas that a batch has. Those that the registry has not stay unknown.
pub(super) async fn learn(
    front: &Arc<KafkaFront>,
    procedure: &ProcedureTopic,
    ids: &BTreeSet<u32>,
) -> Result<(), Refused> {
    if ids.len() > NEW_SCHEMAS_MAX {
        let text = format!("{} schemas are not known; of a batch at most {NEW_SCHEMAS_MAX}", ids.len());
        return Err(Refused::new(ErrorCode::InvalidRecord, text));
    }
    let until = clock::now() + LEARN_MAX;
    for &id in ids {
        let text = loop {
            match front.shared.schemas.text(&front.shared, id).await {
                Ok(text) => break text,
                Err(error @ SchemasError::Damaged(_)) => {
                    return Err(Refused::new(ErrorCode::UnknownServerError, error.to_string()));
                }
                Err(error) if clock::now() >= until => {
                    return Err(Refused::new(ErrorCode::RequestTimedOut, error.to_string()));
                }
                Err(_) => tokio::time::sleep(LEARN_AGAIN).await,
            }
        };
        if let Some(text) = text {
            procedure.learn(id, &text);
        }
    }
    Ok(())
}
