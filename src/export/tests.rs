//! Exports of a whole server in this process to a cluster that the library pretends to be: brokers that go
//! and come back, requests that fail. It knows no transactions and makes no topics on request; a real cluster
//! is in tests/export.

#![allow(clippy::disallowed_methods, reason = "tests wait with a deadline")]

use super::facts::{ExportState, LaneStatus};
use crate::{
    client::Connection,
    config::Config,
    node::Node,
    wire::kafka::identity::{declared_id, number_of},
};
use rdkafka::{
    ClientConfig, Message, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
    error::KafkaError,
    message::Headers,
    mocking::MockCluster,
    producer::DefaultProducerContext,
    types::{RDKafkaApiKey, RDKafkaRespErr},
};
use std::{
    collections::BTreeMap,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};
use tollgate_procedures::{Abort, Procedure, Registry, Tx};
use tollgate_schema::{dynamic, typed::Access, value::Value};

const DDL: &str = "
    CREATE TABLE cards (id INTEGER NOT NULL, PRIMARY KEY (id));
    PARTITION TABLE cards ON COLUMN id;
    CREATE STREAM told PARTITION ON COLUMN id EXPORT TO TOPIC told WITH KEY (id)
        (id INTEGER NOT NULL, n BIGINT NOT NULL, note VARCHAR(1048576 BYTES));
";
const PARTITIONS: u16 = 3;
const PATIENCE: Duration = Duration::from_secs(60);

fn tell(tx: &mut Tx<'_>, id: i32, n: i64, note_bytes: i32) -> Result<i64, Abort> {
    let stream = tx.base() + 1;
    let note = Value::Varchar("x".repeat(note_bytes.max(0) as usize));
    let now_us = tx.now_us();
    dynamic::insert(tx.store_mut(), stream, &[Value::Integer(id), Value::BigInt(n), note], now_us)?;
    Ok(n)
}

fn registry() -> Arc<Registry> {
    let procedures = [Procedure::single("Tell", ["id", "n", "note_bytes"], tell)];
    Arc::new(Registry::new().schema("test", DDL, procedures).unwrap())
}

struct Server {
    node: Node,
    connection: Connection,
    told: i64,
}

impl Server {
    fn start(directory: &Path, export: &str) -> Server {
        let text = format!(
            "partitions = {PARTITIONS}\nexecutors = 2\ndurability = \"async\"\ndata_dir = {:?}\n[listen]\nvolt = \"127.0.0.1:0\"\n\
             http = \"127.0.0.1:0\"\nkafka = \"127.0.0.1:0\"\n[limits]\ndisk_free_bytes = 0\nstream_rows = 100\n[log]\n\
             segment_bytes = 4194304\n[[export]]\nname = \"e\"\nstreams = [\"told\"]\n{export}",
            directory.join("data")
        );
        let node = Node::start(Config::parse(&text).unwrap(), registry()).unwrap();
        let connection = Connection::open(&node.volt_address.into()).unwrap();
        Server { node, connection, told: 0 }
    }

    /// Adds rows to the stream, in all partitions.
    fn tell(&mut self, rows: i64, note_bytes: i32) {
        for _ in 0..rows {
            let id = Value::Integer((self.told % 97) as i32);
            let parameters = [id, Value::BigInt(self.told), Value::Integer(note_bytes)];
            let answer = self.connection.call("Tell", &parameters).unwrap();
            assert!(answer.is_success(), "{}", answer.status_text);
            self.told += 1;
        }
    }

    fn status(&self) -> Vec<LaneStatus> {
        self.node.shared.exports.status(&self.node.shared.ends)
    }

    fn wait(&self, what: &str, is_so: impl Fn(&LaneStatus) -> bool) {
        let start = Instant::now();
        while !self.status().iter().all(&is_so) {
            assert!(start.elapsed() < PATIENCE, "{what}: {:#?}", self.status());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits until every row has left.
    fn wait_until_even(&self) {
        let told = self.told as u64;
        let start = Instant::now();
        while self.status().iter().map(|lane| lane.acknowledged).sum::<u64>() < told {
            assert!(start.elapsed() < PATIENCE, "rows stay: {:#?}", self.status());
            std::thread::sleep(Duration::from_millis(5));
        }
        self.wait("it lags", |lane| lane.lag_rows == 0);
    }
}

/// A message as it arrived.
struct Arrived {
    partition: i32,
    offset: u64,
    key: String,
    value: String,
}

/// All messages of a topic of so many partitions.
fn read(cluster: &MockCluster<'_, DefaultProducerContext>, topic: &str, partitions: i32) -> Vec<Arrived> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", cluster.bootstrap_servers())
        .set("group.id", "reader")
        .set("enable.partition.eof", "true")
        .create()
        .unwrap();
    let mut assignment = TopicPartitionList::new();
    for partition in 0..partitions {
        assignment.add_partition_offset(topic, partition, Offset::Beginning).unwrap();
    }
    consumer.assign(&assignment).unwrap();
    let (mut arrived, mut ended) = (Vec::new(), 0);
    while ended < partitions {
        match consumer.poll(Duration::from_secs(20)).expect("something comes") {
            Err(KafkaError::PartitionEOF(_)) => ended += 1,
            Err(error) => panic!("{error}"),
            Ok(message) => {
                let headers = message.headers().expect("headers");
                let header = |name: &str| {
                    let found = headers.iter().find(|header| header.key == name);
                    found.and_then(|header| header.value).unwrap_or_else(|| panic!("header {name}"))
                };
                assert_eq!(header("tollgate-stream"), b"TOLD");
                assert_eq!(header("tollgate-cluster").len(), 16);
                let source: i32 = std::str::from_utf8(header("tollgate-partition")).unwrap().parse().unwrap();
                assert_eq!(source % partitions, message.partition());
                arrived.push(Arrived {
                    partition: source,
                    offset: u64::from_be_bytes(header("tollgate-offset").try_into().unwrap()),
                    key: String::from_utf8(message.key().unwrap().to_vec()).unwrap(),
                    value: String::from_utf8(message.payload().unwrap().to_vec()).unwrap(),
                });
            }
        }
    }
    arrived
}

/// What a consumer has that drops what it has seen: the offsets of each partition, which have no gap but for
/// rows that are expected to be missing. How many came again.
fn check(arrived: &[Arrived], rows: u64, missing: u64) -> u64 {
    let mut next: BTreeMap<i32, u64> = BTreeMap::new();
    let (mut repeats, mut gaps) = (0, 0);
    for message in arrived {
        let next = next.entry(message.partition).or_default();
        if message.offset < *next {
            repeats += 1;
            continue;
        }
        gaps += message.offset - *next;
        *next = message.offset + 1;
        assert!(message.value.starts_with(&format!("{},", message.key)), "{}", message.value);
    }
    assert_eq!(gaps, missing);
    assert_eq!(next.values().sum::<u64>(), rows, "every row arrived");
    repeats
}

fn mock(partitions: i32) -> MockCluster<'static, DefaultProducerContext> {
    let cluster = MockCluster::new(2).unwrap();
    cluster.create_topic("told", partitions, 2).unwrap();
    cluster
}

fn export(cluster: &MockCluster<'_, DefaultProducerContext>) -> String {
    format!("brokers = \"{}\"\n", cluster.bootstrap_servers())
}

#[test]
fn rows_arrive_in_order_and_go_on_after_a_restart() {
    let (cluster, directory) = (mock(2), tempfile::tempdir().unwrap());
    let mut server = Server::start(directory.path(), &export(&cluster));
    server.tell(1_000, 3);
    server.wait_until_even();
    server.node.stop();
    let mut server = Server { told: 1_000, ..Server::start(directory.path(), &export(&cluster)) };
    server.tell(500, 3);
    server.wait_until_even();
    let status = server.status();
    assert!(status.iter().all(|lane| lane.state == ExportState::Running && lane.errors == 0), "{status:#?}");
    assert_eq!(status.iter().map(|lane| lane.rows).sum::<u64>(), 500, "the others had left before");
    server.node.stop();
    let arrived = read(&cluster, "told", 2);
    assert_eq!(check(&arrived, 1_500, 0), 0, "nothing went wrong, so nothing came twice");
    assert_eq!(arrived[0].value.split(',').nth(2), Some("xxx"));
}

#[test]
fn a_target_that_is_down_is_waited_for_and_its_rows_are_not_trimmed() {
    let (cluster, directory) = (mock(3), tempfile::tempdir().unwrap());
    let mut server = Server::start(directory.path(), &export(&cluster));
    server.tell(300, 1);
    server.wait_until_even();
    cluster.broker_down(1).unwrap();
    cluster.broker_down(2).unwrap();
    // More than limits.stream_rows keeps.
    server.tell(1_500, 1);
    server.wait("it is noticed", |lane| lane.state == ExportState::Waiting && lane.last_error.is_some());
    assert!(server.status().iter().map(|lane| lane.lag_rows).sum::<u64>() > 1_000);
    // And over a restart of the node.
    server.node.stop();
    let mut server = Server { told: 1_800, ..Server::start(directory.path(), &export(&cluster)) };
    server.tell(100, 1);
    cluster.broker_up(1).unwrap();
    cluster.broker_up(2).unwrap();
    server.wait_until_even();
    assert!(server.status().iter().all(|lane| lane.lost_rows == 0));
    server.wait("what has left is trimmed", |lane| {
        let bounds = server.node.shared.partitions()[usize::from(lane.partition)].streams.clone();
        bounds.iter().all(|(_, first, next)| next - first <= 100)
    });
    server.node.stop();
    check(&read(&cluster, "told", 3), 1_900, 0);
}

#[test]
fn beyond_the_backlog_rows_are_lost_and_counted() {
    let (cluster, directory) = (mock(3), tempfile::tempdir().unwrap());
    let mut server =
        Server::start(directory.path(), &format!("{}backlog_rows_max = 200\n", export(&cluster)));
    server.tell(90, 1);
    server.wait_until_even();
    server.node.stop();
    cluster.broker_down(1).unwrap();
    cluster.broker_down(2).unwrap();
    let mut server = Server {
        told: 90,
        ..Server::start(directory.path(), &format!("{}backlog_rows_max = 200\n", export(&cluster)))
    };
    server.tell(1_800, 1);
    server.wait("rows are trimmed", |lane| {
        let bounds = server.node.shared.partitions()[usize::from(lane.partition)].streams.clone();
        bounds.iter().all(|(_, first, next)| next - first == 200)
    });
    cluster.broker_up(1).unwrap();
    cluster.broker_up(2).unwrap();
    server.wait_until_even();
    let lost = server.status().iter().map(|lane| lane.lost_rows).sum::<u64>();
    assert!(lost > 900, "{lost}");
    server.node.stop();
    check(&read(&cluster, "told", 3), 1_890, lost);
}

#[test]
fn requests_that_fail_leave_no_gap() {
    let (cluster, directory) = (mock(3), tempfile::tempdir().unwrap());
    let mut server = Server::start(directory.path(), &export(&cluster));
    server.tell(50, 1);
    use RDKafkaRespErr as Error;
    for error in [
        Error::RD_KAFKA_RESP_ERR__TRANSPORT,
        Error::RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
        Error::RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND,
        Error::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED,
        Error::RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT,
        Error::RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER,
        Error::RD_KAFKA_RESP_ERR_UNKNOWN,
        Error::RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED,
    ] {
        cluster.request_errors(RDKafkaApiKey::Produce, &[error; 3]);
        server.tell(200, 1);
        server.wait_until_even();
    }
    let errors = server.status().iter().map(|lane| lane.errors).sum::<u64>();
    server.node.stop();
    let repeats = check(&read(&cluster, "told", 3), 1_650, 0);
    println!("{errors} errors, {repeats} rows came again");
}

#[test]
fn what_is_refused_is_kept_among_the_dead_letters() {
    let (cluster, directory) = (mock(3), tempfile::tempdir().unwrap());
    let mut server = Server::start(directory.path(), &export(&cluster));
    server.tell(60, 1);
    // The library itself refuses it.
    server.tell(1, 1_040_000);
    server.tell(60, 1);
    server.wait_until_even();
    let dead = server.status().iter().map(|lane| lane.dead_letters).sum::<u64>();
    assert_eq!(dead, 1);
    // The cluster refuses whatever comes next, and once more when it comes alone.
    cluster.broker_down(1).unwrap();
    cluster.broker_down(2).unwrap();
    server.tell(1, 1);
    let refused = [RDKafkaRespErr::RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE; 2];
    cluster.request_errors(RDKafkaApiKey::Produce, &refused);
    cluster.broker_up(1).unwrap();
    cluster.broker_up(2).unwrap();
    server.wait_until_even();
    server.tell(60, 1);
    server.wait_until_even();
    let dead = server.status().iter().map(|lane| lane.dead_letters).sum::<u64>();
    assert_eq!(dead, 2);
    let letters: i64 = (0..PARTITIONS)
        .map(|partition| {
            let caller = super::calls::Caller::new(server.node.shared.clone()).unwrap();
            let answer = caller.call("@LogRead", partition, |parameters| {
                let topic = number_of(&declared_id("TOLD.export-errors"));
                parameters.put_i64(topic).put_i32(i32::from(partition)).put_i64(0).put_i32(1 << 20);
            });
            let answer = answer.unwrap();
            answer.tables()[1].row_count() as i64
        })
        .sum();
    assert_eq!(letters, 2);
    server.node.stop();
    check(&read(&cluster, "told", 3), 182, 2);
}

#[test]
fn a_stream_that_is_not_there_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let text = format!(
        "data_dir = {:?}\n[[export]]\nname = \"e\"\nbrokers = \"b\"\nstreams = [\"moon\"]\n",
        directory.path()
    );
    let error = Node::start(Config::parse(&text).unwrap(), registry()).err().expect("it is refused");
    assert_eq!(error.to_string(), "export e: streams: there is no stream moon");
}
