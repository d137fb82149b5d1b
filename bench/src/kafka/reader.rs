//! A consumer of librdkafka that waits in long polls at every partition of a topic, on a thread of its own,
//! and notes when each record came.

use crate::{clock::now_ns, load::poll};
use anyhow::{Context as _, anyhow, ensure};
use rdkafka::{
    ClientConfig, Message as _, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer as _},
    error::KafkaError,
};
use std::{net::SocketAddr, thread::JoinHandle, time::Duration};

/// Nothing comes any more after so long without a record.
const SILENCE_LIMIT: Duration = Duration::from_secs(20);
const METADATA_LIMIT: Duration = Duration::from_secs(30);

/// A record and when it was there.
pub(super) struct Receipt {
    /// What its value begins with.
    pub(super) number: u64,
    pub(super) at_ns: u64,
}

pub(super) struct Reader {
    thread: JoinHandle<anyhow::Result<Vec<Receipt>>>,
}

impl Reader {
    /// Returns when it has seen the end of each partition and waits there; it then reads so many records.
    pub(super) fn start(at: SocketAddr, topic: &str, records: u64) -> anyhow::Result<Reader> {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", at.to_string()).set("group.id", "bench-latency");
        config.set("enable.auto.commit", "false").set("enable.partition.eof", "true");
        config.set("fetch.wait.max.ms", "500").set("fetch.min.bytes", "1");
        config.set("socket.nagle.disable", "true");
        let consumer: BaseConsumer = config.create()?;
        let partitions = partitions(&consumer, topic)?;
        let mut assignment = TopicPartitionList::new();
        for &partition in &partitions {
            assignment.add_partition_offset(topic, partition, Offset::Beginning)?;
        }
        consumer.assign(&assignment)?;
        let mut ends = 0;
        while ends < partitions.len() {
            match consumer.poll(SILENCE_LIMIT) {
                Some(Err(KafkaError::PartitionEOF(_))) => ends += 1,
                Some(Err(error)) => return Err(error).with_context(|| format!("looking for {topic}'s ends")),
                Some(Ok(_)) => {}
                None => return Err(anyhow!("{ends} of {} partitions of {topic} end", partitions.len())),
            }
        }
        let topic = topic.to_owned();
        Ok(Reader { thread: std::thread::spawn(move || read(&consumer, &topic, records)) })
    }

    /// In the order in which they came.
    pub(super) fn finish(self) -> anyhow::Result<Vec<Receipt>> {
        self.thread.join().map_err(|_| anyhow!("the consumer's thread panicked"))?
    }
}

/// Records from the first to the end of each partition of a topic, by its watermarks.
pub(super) fn records_in(at: SocketAddr, topic: &str) -> anyhow::Result<u64> {
    let mut config = ClientConfig::new();
    let consumer: BaseConsumer = config.set("bootstrap.servers", at.to_string()).create()?;
    let mut records = 0;
    for partition in partitions(&consumer, topic)? {
        let (low, high) = consumer
            .fetch_watermarks(topic, partition, METADATA_LIMIT)
            .with_context(|| format!("asking for the watermarks of {topic}-{partition}"))?;
        records += (high - low) as u64;
    }
    Ok(records)
}

fn partitions(consumer: &BaseConsumer, topic: &str) -> anyhow::Result<Vec<i32>> {
    let metadata = consumer.fetch_metadata(Some(topic), METADATA_LIMIT);
    let metadata = metadata.with_context(|| format!("asking for the partitions of {topic}"))?;
    let partitions = metadata.topics().iter().flat_map(|topic| topic.partitions());
    let partitions: Vec<i32> = partitions.map(|partition| partition.id()).collect();
    ensure!(!partitions.is_empty(), "topic {topic} has no partitions");
    Ok(partitions)
}

fn read(consumer: &BaseConsumer, topic: &str, records: u64) -> anyhow::Result<Vec<Receipt>> {
    poll::short_slices();
    let mut receipts = Vec::with_capacity(records as usize);
    while (receipts.len() as u64) < records {
        let message = match consumer.poll(SILENCE_LIMIT) {
            Some(Ok(message)) => message,
            Some(Err(KafkaError::PartitionEOF(_))) => continue,
            Some(Err(error)) => return Err(error).with_context(|| format!("reading {topic}")),
            None => return Err(anyhow!("only {} of {records} records of {topic} came", receipts.len())),
        };
        let at_ns = now_ns();
        let value = message.payload().unwrap_or_default();
        let number = leading_number(value);
        let number = number.with_context(|| format!("no number in front of {:?}", value.escape_ascii()))?;
        receipts.push(Receipt { number, at_ns });
    }
    Ok(receipts)
}

/// The digits that a value begins with, be it quoted or not.
fn leading_number(value: &[u8]) -> Option<u64> {
    let value = value.strip_prefix(b"\"").unwrap_or(value);
    let digits = value.iter().take_while(|byte| byte.is_ascii_digit()).count();
    std::str::from_utf8(&value[..digits]).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_found_in_front_of_values() {
        assert_eq!(leading_number(b"\"77_1767589200123\",77,2026"), Some(77));
        assert_eq!(leading_number(b"5_.."), Some(5));
        assert_eq!((leading_number(b"_5"), leading_number(b"99999999999999999999999")), (None, None));
    }
}
