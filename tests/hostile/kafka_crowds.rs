//! The Kafka port: more connections than there may be, and clients that take nothing.

use super::{kafka, resident_bytes, under_attack};
use crate::support::{
    files,
    kafka_client::{self, KafkaClient, PRODUCE_VERSION, batch, produce_request},
    line, wait,
};
use bytes::Bytes;
use std::{
    io::{self, Write as _},
    thread,
    time::Duration,
};
use tollgate::wire::kafka::{
    protocol::{
        ApiKey, ErrorCode, Request, Response,
        api_versions::ApiVersionsRequest,
        fetch::{FetchPartition, FetchRequest, FetchTopic},
        metadata::MetadataRequest,
        sync_group::{SyncGroupRequest, SyncGroupRequestAssignment},
    },
    records::Compression,
};
use tollgate_schema::value::Value;

/// What `limits.connections` is if it is not set.
const CONNECTIONS_MAX: usize = 4096;

#[test]
fn kafka_ten_thousand_connections_at_once() {
    let count = files::allow_open_up_to(10_500).saturating_sub(500) as usize;
    under_attack(|server| {
        let before = resident_bytes(server);
        let mut clients: Vec<KafkaClient> = (0..count).map(|_| KafkaClient::connect(server)).collect();
        let versions = Request::ApiVersions(ApiVersionsRequest::default());
        // Those that came first are served, whoever came too late is turned away.
        for client in clients.iter_mut().take(CONNECTIONS_MAX).step_by(97) {
            client.ask(3, &versions);
        }
        for client in clients.iter_mut().skip(CONNECTIONS_MAX).step_by(97) {
            let _ = client.socket.write_all(&kafka_client::frame(3, &versions));
            assert!(client.is_closed_by_server(), "there are {count}");
        }
        let grown = resident_bytes(server).saturating_sub(before);
        assert!(grown < 600 << 20, "{} MiB for {count} connections", grown >> 20);
        drop(clients);
        let again = wait::until(|| KafkaClient::connect(server).try_ask(3, &versions).ok());
        assert!(again.is_some(), "there is room again");
        kafka::is_served(server);
    });
}

/// Waits for half a minute.
fn fetch_that_waits() -> Vec<u8> {
    let partition = FetchPartition { partition_max_bytes: 1 << 20, ..FetchPartition::default() };
    let topic = FetchTopic {
        topic: "CARD_ALERT_EXPORT".to_string(),
        partitions: vec![partition],
        ..FetchTopic::default()
    };
    let topics = vec![topic];
    let fetch = FetchRequest { max_wait_ms: 30_000, min_bytes: 1, topics, ..FetchRequest::default() };
    kafka_client::frame(11, &Request::Fetch(fetch))
}

fn sync_of_30_mib() -> Vec<u8> {
    let assignment =
        SyncGroupRequestAssignment { member_id: "m".to_string(), assignment: vec![b'x'; 30 << 20].into() };
    let sync = SyncGroupRequest {
        group_id: "g".to_string(),
        assignments: vec![assignment],
        ..SyncGroupRequest::default()
    };
    kafka_client::frame(3, &Request::SyncGroup(sync))
}

/// A request that waits, and behind it as much as one cares to send: little of it is read before that is
/// answered.
#[test]
fn kafka_requests_behind_one_that_waits() {
    under_attack(|server| {
        let before = resident_bytes(server);
        let (fetch, sync) = (fetch_that_waits(), sync_of_30_mib());
        let mut client = KafkaClient::connect(server);
        client.socket.write_all(&fetch).unwrap();
        client.socket.set_write_timeout(Some(Duration::from_millis(1500))).unwrap();
        let stuck = (0..60).find_map(|_| client.socket.write_all(&sync).err());
        let grown = resident_bytes(server).saturating_sub(before);
        assert!(grown < 600 << 20, "{} MiB for requests that wait", grown >> 20);
        assert!(stuck.is_some(), "the server stops reading");
        drop(client);
        kafka::is_served(server);
    });
}

/// Requests of all connections that are read at a time.
const REQUEST_BYTES_MAX: usize = 256 << 20;
/// How long a large one may take.
const REQUEST_MAX: Duration = Duration::from_secs(30);

/// Many of them at once: their requests together stay in bounds, and small ones do not wait for them.
#[test]
fn kafka_large_requests_on_many_connections() {
    under_attack(|server| {
        let before = resident_bytes(server);
        let (fetch, sync) = (fetch_that_waits(), sync_of_30_mib());
        let clients: Vec<(KafkaClient, bool)> = (0..30)
            .map(|_| {
                let mut client = KafkaClient::connect(server);
                client.socket.write_all(&fetch).unwrap();
                client.socket.set_write_timeout(Some(Duration::from_millis(300))).unwrap();
                let is_taken = client.socket.write_all(&sync).is_ok();
                (client, is_taken)
            })
            .collect();
        let grown = resident_bytes(server).saturating_sub(before);
        // As much again is asked for ahead.
        assert!(grown < 700 << 20, "{} MiB for requests that wait", grown >> 20);
        let taken = clients.iter().filter(|(_, is_taken)| *is_taken).count();
        assert!(taken < 20, "{taken} of them were read");
        kafka::is_served(server);
        drop(clients);
        kafka::is_served(server);
    });
}

/// They take all the room there is and send no more: an honest client's small requests are served at once, a
/// large one when their time is over.
#[test]
fn kafka_large_requests_that_do_not_come() {
    under_attack(|server| {
        let claim = (32_i32 << 20).to_be_bytes();
        let count = REQUEST_BYTES_MAX / (32 << 20);
        let begun = wait::now();
        let mut stalling: Vec<KafkaClient> = (0..count)
            .map(|_| {
                let mut client = KafkaClient::connect(server);
                client.socket.write_all(&[&claim[..], &[0; 1 << 20]].concat()).unwrap();
                client
            })
            .collect();
        kafka::is_served(server);
        assert!(begun.elapsed() < REQUEST_MAX, "small requests took {:?}", begun.elapsed());
        // Its room is there when that of the others is over, and not before.
        let records: Vec<String> = (0..10).map(|_| "x".repeat(40 << 10)).collect();
        let large = batch(&records, Compression::None, None);
        let answer = KafkaClient::connect(server).produce("RECHARGE", 0, large.into());
        assert_eq!(answer.error, ErrorCode::None, "they go to the dead letters");
        assert!(begun.elapsed() >= REQUEST_MAX, "there was room after {:?}", begun.elapsed());
        assert!(begun.elapsed() < REQUEST_MAX * 3 / 2, "there was room after {:?}", begun.elapsed());
        assert!(stalling.iter_mut().all(KafkaClient::is_closed_by_server));
        kafka::is_served(server);
    });
}

/// They ask for more and more: the server stops reading them, and keeps its memory.
#[test]
fn kafka_clients_that_never_read() {
    under_attack(|server| {
        let before = resident_bytes(server);
        let request = Request::Metadata(MetadataRequest { topics: None, ..MetadataRequest::default() });
        let requests = kafka_client::frame(9, &request).repeat(100);
        let mut clients: Vec<KafkaClient> = (0..8)
            .map(|_| {
                let mut client = KafkaClient::connect(server);
                client.socket.set_write_timeout(Some(Duration::from_millis(500))).unwrap();
                let stuck = (0..20_000).find_map(|_| client.socket.write_all(&requests).err());
                let stuck = stuck.expect("the server stops reading a client that does not read");
                let kind = stuck.kind();
                assert!(matches!(kind, io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut), "{stuck}");
                client
            })
            .collect();
        let grown = resident_bytes(server).saturating_sub(before);
        assert!(grown < 300 << 20, "{} MiB for clients that do not read", grown >> 20);
        // What was asked for first is there, for whoever reads at last.
        clients[0].answer(ApiKey::Metadata, 9).unwrap();
        drop(clients);
        kafka::is_served(server);
    });
}

/// The throttle time of the next response, whose records were all taken.
fn told_to(client: &mut KafkaClient) -> i32 {
    let answer = client.answer(ApiKey::Produce, PRODUCE_VERSION).unwrap();
    let Response::Produce(answer) = answer else { panic!("an answer to another request") };
    assert_eq!(answer.responses[0].partition_responses[0].error, ErrorCode::None, "{answer:?}");
    answer.throttle_time_ms
}

/// Producers that send more than is carried out are told to slow down, all they sent is carried out, and one
/// that comes later is told nothing of it.
#[test]
fn kafka_more_than_is_carried_out() {
    const CONNECTIONS: usize = 12;
    const REQUESTS: usize = 60;
    const RECHARGES: usize = 120;
    under_attack(|server| {
        let values: Vec<String> = (0..RECHARGES).map(|_| "2,1,1".to_string()).collect();
        let batch = Bytes::from(batch(&values, Compression::None, None));
        let request = kafka_client::frame(PRODUCE_VERSION, &produce_request(&[("RECHARGE", 0, batch)]));
        line::new_card(&mut server.connect(), 2, 0);
        let flood = |_| {
            let mut client = KafkaClient::connect(server);
            client.socket.write_all(&request.repeat(REQUESTS)).unwrap();
            (0..REQUESTS).map(|_| told_to(&mut client)).max().unwrap()
        };
        let told: Vec<i32> = thread::scope(|scope| {
            let threads: Vec<_> = (0..CONNECTIONS).map(|number| scope.spawn(move || flood(number))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(told.iter().any(|&ms| ms > 0), "{told:?}");
        let all = i32::try_from(CONNECTIONS * REQUESTS * RECHARGES).unwrap();
        assert_eq!(kafka::balance(server, 2), Some(Value::Integer(all)));
        let mut client = KafkaClient::connect(server);
        client.socket.write_all(&request).unwrap();
        assert_eq!(told_to(&mut client), 0);
    });
}
