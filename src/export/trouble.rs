//! Why an export does not go on for now, or for ever.

use super::{calls::CallError, verdict::NoBeginning};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

#[derive(Clone, Debug, thiserror::Error)]
pub(super) enum Trouble {
    #[error(transparent)]
    Call(#[from] CallError),
    #[error("{doing}: {error}")]
    Kafka { doing: &'static str, error: KafkaError },
    #[error("row {offset} was not taken: {code}")]
    Row { offset: u64, code: RDKafkaErrorCode },
    #[error("the target has no topic {0}")]
    NoTopic(String),
    #[error("{0}; the target has no topic {1}")]
    NotMade(String, String),
    #[error(transparent)]
    NoBeginning(#[from] NoBeginning),
    #[error("another exporter has taken over: {0}")]
    Fenced(KafkaError),
    #[error("schemas: {0}")]
    Schemas(String),
    #[error("what the target remembers could not be read: {0}")]
    Memory(String),
}

impl Trouble {
    pub(super) fn while_(doing: &'static str) -> impl Fn(KafkaError) -> Trouble {
        move |error| Trouble::Kafka { doing, error }
    }

    /// Nothing gets better by trying again.
    pub(super) fn is_final(&self) -> bool {
        matches!(self, Trouble::NoBeginning(_) | Trouble::Fenced(_))
    }
}
