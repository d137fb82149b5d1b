//! How far consumer groups lag, as `/metrics` tells it by the names of Kafka's exporters.

use crate::support::{
    Server, http,
    kafka_client::{KafkaClient, batch},
    wait,
};
use std::collections::BTreeMap;
use tollgate::wire::kafka::{
    protocol::{
        ErrorCode, Request, Response,
        create_topics::{CreatableTopic, CreateTopicsRequest},
        delete_topics::DeleteTopicsRequest,
        join_group::{JoinGroupRequest, JoinGroupRequestProtocol},
        offset_commit::{OffsetCommitRequest, OffsetCommitRequestPartition, OffsetCommitRequestTopic},
        sync_group::SyncGroupRequest,
    },
    records::Compression,
};

/// Samples whose names begin so.
fn samples(server: &Server, prefix: &str) -> BTreeMap<String, i64> {
    let text = http::get(server.http, "/metrics").expect("an answer").body;
    let samples = text.lines().filter(|line| line.starts_with(prefix)).map(|line| {
        let (series, value) = line.rsplit_once(' ').expect("a value");
        (series.to_string(), value.parse().expect("an integer"))
    });
    samples.collect()
}

fn make(client: &mut KafkaClient, name: &str, num_partitions: i32) {
    let topic = CreatableTopic {
        name: name.to_string(),
        num_partitions,
        replication_factor: 1,
        ..CreatableTopic::default()
    };
    let request = CreateTopicsRequest { topics: vec![topic], ..CreateTopicsRequest::default() };
    let Response::CreateTopics(made) = client.ask(5, &Request::CreateTopics(request)) else {
        panic!("another answer")
    };
    assert_eq!(made.topics[0].error, ErrorCode::None);
}

/// By someone who keeps offsets in the group only.
fn commit(client: &mut KafkaClient, group: &str, topic: &str, offsets: &[(i32, i64)]) {
    let partitions = offsets.iter().map(|&(partition_index, committed_offset)| {
        OffsetCommitRequestPartition { partition_index, committed_offset, ..Default::default() }
    });
    let topics = OffsetCommitRequestTopic { name: topic.to_string(), partitions: partitions.collect() };
    let group_id = group.to_string();
    let request = OffsetCommitRequest { group_id, topics: vec![topics], ..OffsetCommitRequest::default() };
    let Response::OffsetCommit(done) = client.ask(5, &Request::OffsetCommit(request)) else {
        panic!("another answer")
    };
    let mut errors = done.topics.iter().flat_map(|topic| &topic.partitions).map(|part| part.error);
    assert!(errors.all(|error| error == ErrorCode::None));
}

const LAG: &str = "kafka_consumergroup_lag{";
const CURRENT: &str = "kafka_consumergroup_current_offset{";
const MEMBERS: &str = "kafka_consumergroup_members{";
const END: &str = "kafka_topic_partition_current_offset{";

#[test]
fn is_what_groups_have_not_read() {
    let mut server = Server::start();
    let mut client = KafkaClient::connect(&server);
    assert_eq!(samples(&server, "kafka_consumergroup"), BTreeMap::new());
    make(&mut client, "plain", 2);
    let values: Vec<String> = (0..5).map(|n| n.to_string()).collect();
    client.produce("plain", 1, batch(&values, Compression::None, None).into());
    commit(&mut client, "readers", "plain", &[(0, 0), (1, 2)]);
    commit(&mut client, "a \"b\"\\\nc", "plain", &[(1, 5)]);
    commit(&mut client, "wild", "plain", &[(0, i64::MIN + 1), (1, i64::MAX)]);
    commit(&mut client, "wild", "FRAUD", &[(3, 0)]);
    let join = JoinGroupRequest {
        group_id: "members".to_string(),
        session_timeout_ms: 300_000,
        rebalance_timeout_ms: 300_000,
        protocol_type: "consumer".to_string(),
        protocols: vec![JoinGroupRequestProtocol { name: "range".to_string(), ..Default::default() }],
        ..JoinGroupRequest::default()
    };
    let Response::JoinGroup(joined) = client.ask(3, &Request::JoinGroup(join)) else {
        panic!("another answer")
    };
    // A member is kept once its generation has begun.
    let sync = SyncGroupRequest {
        group_id: "members".to_string(),
        generation_id: joined.generation_id,
        member_id: joined.member_id,
        ..SyncGroupRequest::default()
    };
    let Response::SyncGroup(synced) = client.ask(3, &Request::SyncGroup(sync)) else {
        panic!("another answer")
    };
    assert_eq!((joined.error, synced.error), (ErrorCode::None, ErrorCode::None));

    // Nobody has told where partitions end after a restart.
    for restarts in 0..2 {
        let plain = |group: &str, part: i32, value: i64| {
            (format!("consumergroup=\"{group}\",topic=\"plain\",partition=\"{part}\"}}"), value)
        };
        let fraud = "consumergroup=\"wild\",topic=\"FRAUD\",partition=\"3\"}".to_string();
        let escaped = "a \\\"b\\\"\\\\\\nc";
        let of = |name: &str, expected: &[(String, i64)]| {
            let expected = expected.iter().map(|(labels, value)| (format!("{name}{labels}"), *value));
            assert_eq!(samples(&server, name), expected.collect(), "after {restarts} restarts");
        };
        let lags = [plain("readers", 0, 0), plain("readers", 1, 3), plain(escaped, 1, 0)];
        of(LAG, &[&lags[..], &[plain("wild", 0, 0), plain("wild", 1, 0), (fraud.clone(), 0)]].concat());
        let read = [plain("readers", 0, 0), plain("readers", 1, 2), plain(escaped, 1, 5)];
        let wild = [plain("wild", 0, i64::MIN + 1), plain("wild", 1, i64::MAX), (fraud, 0)];
        of(CURRENT, &[&read[..], &wild].concat());
        let members = [("members", 1), ("readers", 0), ("wild", 0), (escaped, 0)];
        let members = members.map(|(group, count)| (format!("consumergroup=\"{group}\"}}"), count));
        of(MEMBERS, &members);
        let ends = samples(&server, END);
        assert_eq!(ends.get(&format!("{END}topic=\"plain\",partition=\"0\"}}")), Some(&0));
        assert_eq!(ends.get(&format!("{END}topic=\"plain\",partition=\"1\"}}")), Some(&5));
        assert_eq!(ends.get(&format!("{END}topic=\"FRAUD\",partition=\"3\"}}")), Some(&0));
        server.kill();
        server.restart();
    }

    let mut client = KafkaClient::connect(&server);
    let request = DeleteTopicsRequest { topic_names: vec!["plain".to_string()], ..Default::default() };
    client.ask(3, &Request::DeleteTopics(request));
    assert_eq!(samples(&server, LAG).len(), 1, "what is read of a topic that is gone is not told");
}

#[test]
fn is_bounded_and_the_rest_counted() {
    const FACTS_MAX: usize = 10_000;
    const PARTITIONS: i32 = 1000;
    const GROUPS: usize = 11;
    let server = Server::start();
    let mut client = KafkaClient::connect(&server);
    make(&mut client, "wide", PARTITIONS);
    let offsets: Vec<(i32, i64)> = (0..PARTITIONS).map(|part| (part, 0)).collect();
    for group in 0..GROUPS {
        commit(&mut client, &format!("group {group}"), "wide", &offsets);
    }
    // A partition that is busy may be late once.
    let lags = wait::until(|| Some(samples(&server, LAG)).filter(|lags| !lags.is_empty()));
    assert_eq!(lags.map(|lags| lags.len()), Some(FACTS_MAX));
    let all = GROUPS * PARTITIONS as usize + GROUPS + samples(&server, END).len();
    let left_out = samples(&server, "tollgate_kafka_facts_left_out")["tollgate_kafka_facts_left_out"];
    assert!(left_out >= (all - FACTS_MAX) as i64 + i64::from(PARTITIONS), "{left_out}");
}
