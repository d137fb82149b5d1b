//! How long records of a plain topic stay: by age, by size, by key; told through rdkafka.

use crate::support::{Server, Settings, wait};
use rdkafka::{
    ClientConfig, Message as _, Offset, TopicPartitionList,
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
    client::DefaultClientContext,
    consumer::{BaseConsumer, Consumer as _},
    producer::{BaseProducer, BaseRecord, Producer as _},
};
use std::{collections::BTreeMap, time::Duration};

const LONGEST: Duration = Duration::from_secs(20);

fn client(server: &Server) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", server.kafka.to_string()).set("group.id", "none");
    config.set("enable.auto.commit", "false");
    config
}

/// Makes a topic of one partition with these settings.
fn make(server: &Server, name: &str, settings: &[(&str, &str)]) {
    let admin: AdminClient<DefaultClientContext> = client(server).create().expect("a client");
    let mut topic = NewTopic::new(name, 1, TopicReplication::Fixed(1));
    for (setting, value) in settings {
        topic = topic.set(setting, value);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let made = runtime.block_on(admin.create_topics([&topic], &AdminOptions::new()));
    assert_eq!(made.expect("an answer"), [Ok(name.to_string())]);
}

/// Sends records, a batch each, and waits until all are there.
fn send(server: &Server, topic: &str, records: &[(String, Option<Vec<u8>>)]) {
    let mut config = client(server);
    let producer: BaseProducer = config.set("batch.num.messages", "1").create().expect("a client");
    for (key, value) in records {
        let mut record = BaseRecord::to(topic).key(key).partition(0);
        record.payload = value.as_ref();
        producer.send(record).map_err(|(error, _)| error).expect("it is taken");
    }
    producer.flush(LONGEST).expect("they arrive");
}

fn bounds(server: &Server, topic: &str) -> (i64, i64) {
    let consumer: BaseConsumer = client(server).create().expect("a client");
    consumer.fetch_watermarks(topic, 0, LONGEST).expect("an answer")
}

#[test]
fn by_age() {
    let server = Server::start();
    make(&server, "aged", &[("retention.ms", "1")]);
    send(&server, "aged", &[("key".to_string(), Some(b"value".to_vec()))]);
    assert!(wait::until(|| (bounds(&server, "aged") == (1, 1)).then_some(())).is_some());
}

#[test]
fn by_size_and_for_good() {
    let mut server = Server::start();
    make(&server, "sized", &[("retention.bytes", "100000")]);
    let records: Vec<_> = (0..100).map(|n| (n.to_string(), Some(vec![n; 10_000]))).collect();
    send(&server, "sized", &records);
    let (first, end) =
        wait::until(|| Some(bounds(&server, "sized")).filter(|bounds| bounds.0 > 80)).expect("the oldest go");
    assert!(end == 100 && first < 100, "{first} to {end}");
    server.kill();
    server.restart();
    assert_eq!(bounds(&server, "sized"), (first, end), "the same after a restart");
}

/// What a new consumer reads of a topic: each key with its offset and value.
fn read(server: &Server, topic: &str) -> BTreeMap<i64, (String, Option<Vec<u8>>)> {
    let consumer: BaseConsumer = client(server).create().expect("a client");
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(topic, 0, Offset::Beginning).expect("an offset");
    consumer.assign(&list).expect("it is there");
    let (_, end) = bounds(server, topic);
    let mut all = BTreeMap::new();
    while all.last_key_value().is_none_or(|(&offset, _)| offset + 1 < end) {
        let message = consumer.poll(LONGEST).expect("a record in time").expect("a record");
        let key = String::from_utf8(message.key().expect("a key").to_vec()).expect("a text");
        all.insert(message.offset(), (key, message.payload().map(<[u8]>::to_vec)));
    }
    all
}

/// A naive map beside it: after compaction exactly the last record of each key is left, where it was.
#[test]
fn by_key() {
    let settings = Settings { partitions: 2, ..Settings::default() };
    let mut server = Server::with(&settings);
    make(&server, "kept", &[("cleanup.policy", "compact"), ("delete.retention.ms", "0")]);
    let mut records: Vec<_> =
        (0..200_u8).map(|n| (format!("key {}", n % 7), (n % 30 != 29).then(|| vec![n; 10]))).collect();
    records.push(("key 3".to_string(), None));
    records.push(("last".to_string(), Some(b"one".to_vec())));
    send(&server, "kept", &records);
    let mut expected = BTreeMap::new();
    for (offset, (key, value)) in (0..).zip(&records) {
        expected.retain(|_, (known, _)| known != key);
        if value.is_some() {
            expected.insert(offset, (key.clone(), value.clone()));
        }
    }
    assert!(wait::until(|| (read(&server, "kept") == expected).then_some(())).is_some(), "{expected:?}");
    server.kill();
    server.restart();
    assert_eq!(read(&server, "kept"), expected, "the same after a restart");
    send(&server, "kept", &[("last".to_string(), Some(b"two".to_vec()))]);
    let end = expected.pop_last().expect("the last one").0 + 1;
    expected.insert(end, ("last".to_string(), Some(b"two".to_vec())));
    assert!(wait::until(|| (read(&server, "kept") == expected).then_some(())).is_some(), "{expected:?}");
}
