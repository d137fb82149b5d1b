//! What a consumer finds in a topic, to its end.

use crate::support::{KafkaBroker, wait};
use rdkafka::{
    Message as _, Offset, TopicPartitionList, consumer::Consumer as _, error::KafkaError,
    message::Headers as _,
};

/// A row as it arrived.
pub(super) struct Arrived {
    /// Of the source.
    pub(super) partition: u16,
    pub(super) offset: u64,
    pub(super) value: String,
    pub(super) cluster: String,
}

/// Everything in a topic, each of its partitions in order.
pub(super) fn arrived(broker: &KafkaBroker, topic: &str, isolation: &str) -> Vec<Arrived> {
    let consumer = broker.consumer(&[("isolation.level", isolation), ("auto.offset.reset", "earliest")]);
    let metadata = consumer.fetch_metadata(Some(topic), wait::PATIENCE).expect("the topic's partitions");
    let partitions = metadata.topics()[0].partitions().len();
    let mut assignment = TopicPartitionList::new();
    for partition in 0..partitions {
        let added = assignment.add_partition_offset(topic, partition as i32, Offset::Beginning);
        added.expect("an offset");
    }
    consumer.assign(&assignment).expect("an assignment");
    let (mut arrived, mut ended) = (Vec::new(), 0);
    while ended < partitions {
        match consumer.poll(wait::PATIENCE).expect("something comes") {
            Err(KafkaError::PartitionEOF(_)) => ended += 1,
            Err(error) => panic!("{error}"),
            Ok(message) => {
                let headers = message.headers().expect("headers");
                let header = |name: &str| {
                    let found = headers.iter().find(|header| header.key == name);
                    found.and_then(|header| header.value).unwrap_or_else(|| panic!("no header {name}"))
                };
                let partition = std::str::from_utf8(header("tollgate-partition")).expect("a text");
                let partition: u16 = partition.parse().expect("a partition");
                assert_eq!(usize::from(partition) % partitions, message.partition() as usize);
                let offset = header("tollgate-offset").try_into().expect("eight bytes");
                arrived.push(Arrived {
                    partition,
                    offset: u64::from_be_bytes(offset),
                    value: String::from_utf8(message.payload().expect("a value").to_vec()).expect("CSV"),
                    cluster: String::from_utf8(header("tollgate-cluster").to_vec()).expect("a text"),
                });
            }
        }
    }
    arrived
}
