//! What the target remembers of an export that writes exactly once: a topic with one record for each
//! transactional id, of which the last counts.

use super::{
    target::{Carrier, PROGRESS_TOPIC, REQUEST_MAX},
    trouble::Trouble,
};
use crate::stop::Stop;
use rdkafka::{
    ClientConfig, Message, Offset, TopicPartitionList,
    config::FromClientConfigAndContext,
    consumer::{BaseConsumer, Consumer, ConsumerContext},
    error::KafkaError,
};
use serde::{Deserialize, Serialize};
use std::time::Duration;

impl ConsumerContext for Carrier {}

/// How long to wait for a record.
const POLL: Duration = Duration::from_millis(100);

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Note {
    next_offset: u64,
}

/// A record's value: all rows before it are there.
pub(super) fn note(next_offset: u64) -> String {
    serde_json::to_string(&Note { next_offset }).expect("a number is JSON")
}

fn consumer(config: &ClientConfig, isolation: &str) -> Result<BaseConsumer<Carrier>, Trouble> {
    let mut config = config.clone();
    config.set("isolation.level", isolation);
    // Nothing is committed under it; the library wants a name.
    config.set("group.id", "tollgate-export").set("enable.auto.commit", "false");
    config.set("enable.partition.eof", "true").set("auto.offset.reset", "earliest");
    BaseConsumer::from_config_and_context(&config, Carrier::default())
        .map_err(Trouble::while_("making a consumer"))
}

fn end(consumer: &BaseConsumer<Carrier>) -> Result<i64, Trouble> {
    let doing = "asking where what is remembered ends";
    let (_, high) =
        consumer.fetch_watermarks(PROGRESS_TOPIC, 0, REQUEST_MAX).map_err(Trouble::while_(doing))?;
    Ok(high)
}

/// What is remembered under that key, by now. `None`: told to stop before it was known.
///
/// Others write to the same topic. What they have begun hides what lies behind it, so first it is waited for
/// until all that is there now is decided: that takes as long as a transaction.
pub(super) fn read(config: &ClientConfig, key: &str, stop: &Stop) -> Result<Option<Option<u64>>, Trouble> {
    let written = end(&consumer(config, "read_uncommitted")?)?;
    let consumer = consumer(config, "read_committed")?;
    while end(&consumer)? < written {
        if stop.wait_until(crate::clock::now() + POLL) {
            return Ok(None);
        }
    }
    let mut assignment = TopicPartitionList::new();
    let added = assignment.add_partition_offset(PROGRESS_TOPIC, 0, Offset::Beginning);
    added
        .and_then(|()| consumer.assign(&assignment))
        .map_err(Trouble::while_("reading what is remembered"))?;
    let mut found = None;
    while !stop.is_stopped() {
        match consumer.poll(POLL) {
            None => {}
            Some(Err(KafkaError::PartitionEOF(_))) => return Ok(Some(found)),
            Some(Err(error)) => return Err(Trouble::Kafka { doing: "reading what is remembered", error }),
            Some(Ok(message)) if message.key() == Some(key.as_bytes()) => {
                let note = serde_json::from_slice::<Note>(message.payload().unwrap_or_default());
                found = Some(note.map_err(|error| Trouble::Memory(error.to_string()))?.next_offset);
            }
            Some(Ok(_)) => {}
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_json() {
        assert_eq!(note(7), r#"{"next_offset":7}"#);
        let read: Note = serde_json::from_str(&note(u64::MAX)).unwrap();
        assert_eq!(read, Note { next_offset: u64::MAX });
    }
}
