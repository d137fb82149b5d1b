//! The server is killed while a producer that numbers its batches sends recharges, and records to a plain
//! log, several requests at once, and sends again whatever was not acknowledged. Afterwards each recharge was
//! done exactly once, and the log has each record once, in order, without a gap. A group is as it was.

use crate::support::{
    Server, Settings,
    kafka_client::{self, KafkaClient, PRODUCE_VERSION, batch, produce_request},
    line, wait,
};
use rand::{Rng as _, SeedableRng as _, rngs::SmallRng};
use std::{
    collections::VecDeque,
    io::{self, Write as _},
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};
use tollgate::wire::kafka::{
    protocol::{
        ApiKey, ErrorCode, Request, Response,
        create_topics::{CreatableTopic, CreatableTopicConfig, CreateTopicsRequest},
        fetch::{FetchPartition, FetchRequest, FetchTopic},
        heartbeat::HeartbeatRequest,
        init_producer_id::InitProducerIdRequest,
        join_group::{JoinGroupRequest, JoinGroupRequestProtocol},
        offset_commit::{OffsetCommitRequest, OffsetCommitRequestPartition, OffsetCommitRequestTopic},
        offset_fetch::{OffsetFetchRequest, OffsetFetchRequestTopic},
        sync_group::{SyncGroupRequest, SyncGroupRequestAssignment},
    },
    records::{Batches, Compression, Producer},
};
use tollgate_schema::value::Value;

const ROUNDS: u32 = 20;
const CARDS: i32 = 24;
/// Requests that are on their way at once: as many as an idempotent producer may have.
const WINDOW: usize = 5;
const LOG: &str = "plain";

/// A request that is not acknowledged yet, the same bytes each time it is sent.
struct Sent {
    frame: Vec<u8>,
    records: i32,
    log_base_offset: i64,
}

/// What a producer has done when it ends; everything is acknowledged.
#[derive(Default)]
struct Done {
    cents: Vec<i64>,
    log_records: Vec<String>,
    sent_again: usize,
}

struct Load {
    address: SocketAddr,
    producer_id: i64,
    stop: Arc<AtomicBool>,
    acknowledged: Arc<AtomicUsize>,
    random: SmallRng,
    sequence: i32,
    done: Done,
}

impl Load {
    /// Sends until it is told to stop, and then on until all is acknowledged.
    fn run(mut self) -> Done {
        let mut window: VecDeque<Sent> = VecDeque::new();
        let mut lost = None;
        while !(self.stop.load(Ordering::Relaxed) && window.is_empty()) {
            if let Err(error) = self.on_one_connection(&mut window) {
                // The server is down, or what it answered calls for sending again.
                lost = Some(error);
                wait::pause(Duration::from_millis(5));
            }
        }
        assert!(lost.is_some(), "the server went away meanwhile");
        self.done
    }

    fn on_one_connection(&mut self, window: &mut VecDeque<Sent>) -> io::Result<()> {
        let mut client = KafkaClient::open(self.address)?;
        for sent in window.iter() {
            client.socket.write_all(&sent.frame)?;
            self.done.sent_again += 1;
        }
        loop {
            while window.len() < WINDOW && !self.stop.load(Ordering::Relaxed) {
                let next = self.next();
                // It counts as sent even if that fails: some of it may have got there.
                window.push_back(next);
                let next = window.back().expect("just pushed");
                client.socket.write_all(&next.frame)?;
            }
            let Some(first) = window.front() else { return Ok(()) };
            check(client.answer(ApiKey::Produce, PRODUCE_VERSION)?, first)?;
            self.acknowledged.fetch_add(1, Ordering::Relaxed);
            window.pop_front();
        }
    }

    /// Recharges of some cards, and as many records for the log.
    fn next(&mut self) -> Sent {
        let records = self.random.random_range(1..8);
        let producer = Producer { id: self.producer_id, epoch: 0, base_sequence: self.sequence };
        let (mut recharges, mut plain) = (Vec::new(), Vec::new());
        for _ in 0..records {
            let (card, cents) = (self.random.random_range(1..=CARDS), self.random.random_range(1..100));
            recharges.push(format!("{card},{cents},1"));
            self.done.cents[card as usize] += i64::from(cents);
            plain.push(format!("record {}", self.done.log_records.len()));
            self.done.log_records.push(plain.last().expect("just pushed").clone());
        }
        let batches = [
            ("RECHARGE", 1, batch(&recharges, Compression::Lz4, Some(producer)).into()),
            (LOG, 0, batch(&plain, Compression::Gzip, Some(producer)).into()),
        ];
        let frame = kafka_client::frame(PRODUCE_VERSION, &produce_request(&batches));
        let log_base_offset = i64::from(self.sequence);
        self.sequence += records;
        Sent { frame, records, log_base_offset }
    }
}

/// An error if it has to be sent again.
fn check(response: Response, sent: &Sent) -> io::Result<()> {
    let Response::Produce(response) = response else { panic!("an answer to another request") };
    let parts: Vec<_> = response.responses.iter().flat_map(|topic| &topic.partition_responses).collect();
    assert_eq!(parts.len(), 2);
    for part in &parts {
        match part.error {
            ErrorCode::None => {}
            ErrorCode::RequestTimedOut | ErrorCode::NotLeaderOrFollower | ErrorCode::UnknownServerError => {
                return Err(io::Error::other(format!("{part:?}")));
            }
            other => panic!("{other:?} for {} records: {part:?}", sent.records),
        }
    }
    // The offset is the same however often it was sent; this producer is the only one.
    assert_eq!(parts[0].base_offset, sent.log_base_offset, "of the calls");
    assert_eq!(parts[1].base_offset, sent.log_base_offset, "of the log");
    Ok(())
}

#[test]
fn kafka_under_an_idempotent_producer() {
    let mut random = SmallRng::seed_from_u64(10);
    let mut server = Server::with(&Settings { more: super::SMALL_FILES, ..Settings::default() });
    line::load(&server);
    for card in 1..=CARDS {
        line::new_card(&mut server.connect(), card, 0);
    }
    let mut client = KafkaClient::connect(&server);
    make_log(&mut client);
    let member = join(&mut client);
    let init = InitProducerIdRequest { transaction_timeout_ms: 1000, ..InitProducerIdRequest::default() };
    let Response::InitProducerId(init) = client.ask(4, &Request::InitProducerId(init)) else {
        panic!("another answer")
    };
    let (stop, acknowledged) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let load = Load {
        address: server.kafka,
        producer_id: init.producer_id,
        stop: stop.clone(),
        acknowledged: acknowledged.clone(),
        random: SmallRng::seed_from_u64(11),
        sequence: 0,
        done: Done { cents: vec![0; CARDS as usize + 1], ..Done::default() },
    };
    let load = std::thread::spawn(|| load.run());
    for round in 0..ROUNDS {
        commit(&mut KafkaClient::connect(&server), &member, i64::from(round) * 7);
        let enough = acknowledged.load(Ordering::Relaxed) + random.random_range(3..60);
        let reached = wait::until(|| {
            (acknowledged.load(Ordering::Relaxed) >= enough || load.is_finished()).then_some(())
        });
        assert!(reached.is_some() && !load.is_finished(), "round {round}: the producer goes on");
        server.kill();
        if round % 4 == 3 {
            // Again, while it reads its log.
            server.start_unwatched();
            wait::pause(Duration::from_millis(random.random_range(0..60)));
            server.kill();
        }
        server.restart();
        check_group(&mut KafkaClient::connect(&server), &member, i64::from(round) * 7);
    }
    stop.store(true, Ordering::Relaxed);
    let done = load.join().expect("the producer got right answers");
    assert!(done.sent_again > 0, "the server was killed while it worked");
    let mut connection = server.connect();
    for card in 1..=CARDS {
        let sql = format!("SELECT balance FROM cards WHERE card_id = {card}");
        let balance = line::succeed(&mut connection, "@AdHoc", &[Value::Varchar(sql)]);
        let expected = done.cents[card as usize];
        assert_eq!(balance, Some(Value::Integer(expected as i32)), "card {card}");
    }
    assert_eq!(log_records(&mut KafkaClient::connect(&server)), done.log_records);
    assert!(server.stop().success(), "{}", server.log());
}

fn make_log(client: &mut KafkaClient) {
    // The records say that they are old.
    let kept = CreatableTopicConfig { name: "retention.ms".to_string(), value: Some("-1".to_string()) };
    let topic = CreatableTopic {
        name: LOG.to_string(),
        num_partitions: 1,
        replication_factor: -1,
        configs: vec![kept],
        ..CreatableTopic::default()
    };
    let request = CreateTopicsRequest { topics: vec![topic], ..CreateTopicsRequest::default() };
    let Response::CreateTopics(made) = client.ask(5, &Request::CreateTopics(request)) else {
        panic!("another answer")
    };
    assert_eq!(made.topics[0].error, ErrorCode::None, "{made:?}");
}

/// All records of the log, whose offsets have no gap.
fn log_records(client: &mut KafkaClient) -> Vec<String> {
    let mut records = Vec::new();
    loop {
        let partition = FetchPartition {
            partition: 0,
            fetch_offset: records.len() as i64,
            partition_max_bytes: 1 << 20,
            ..FetchPartition::default()
        };
        let topic =
            FetchTopic { topic: LOG.to_string(), partitions: vec![partition], ..FetchTopic::default() };
        let request = FetchRequest { topics: vec![topic], max_wait_ms: 0, ..FetchRequest::default() };
        let Response::Fetch(answer) = client.ask(11, &Request::Fetch(request)) else {
            panic!("another answer")
        };
        let answer = &answer.responses[0].partitions[0];
        assert_eq!(answer.error, ErrorCode::None, "{answer:?}");
        let bytes = answer.records.0.concat();
        if bytes.is_empty() {
            assert_eq!(answer.high_watermark, records.len() as i64);
            return records;
        }
        for batch in Batches::new(bytes.into()) {
            let batch = batch.expect("a whole batch");
            assert_eq!(batch.head.base_offset, records.len() as i64, "no gap");
            for record in batch.records(1 << 20).expect("they decompress") {
                let value = record.expect("a whole record").value.expect("a value");
                records.push(String::from_utf8(value.to_vec()).expect("a text"));
            }
        }
    }
}

struct Member {
    id: String,
    generation: i32,
}

const GROUP: &str = "readers";

/// A group of one.
fn join(client: &mut KafkaClient) -> Member {
    let mut request = JoinGroupRequest {
        group_id: GROUP.to_string(),
        session_timeout_ms: 600_000,
        rebalance_timeout_ms: 600_000,
        protocol_type: "consumer".to_string(),
        protocols: vec![JoinGroupRequestProtocol { name: "range".to_string(), metadata: "m".into() }],
        ..JoinGroupRequest::default()
    };
    let joined = loop {
        let Response::JoinGroup(joined) = client.ask(5, &Request::JoinGroup(request.clone())) else {
            panic!("another answer")
        };
        match joined.error {
            ErrorCode::None => break joined,
            ErrorCode::MemberIdRequired => request.member_id = joined.member_id,
            other => panic!("{other:?}"),
        }
    };
    let assignment =
        SyncGroupRequestAssignment { member_id: joined.member_id.clone(), assignment: "all".into() };
    let request = SyncGroupRequest {
        group_id: GROUP.to_string(),
        generation_id: joined.generation_id,
        member_id: joined.member_id.clone(),
        assignments: vec![assignment],
        ..SyncGroupRequest::default()
    };
    let Response::SyncGroup(synced) = client.ask(3, &Request::SyncGroup(request)) else {
        panic!("another answer")
    };
    assert_eq!((synced.error, &synced.assignment[..]), (ErrorCode::None, &b"all"[..]));
    Member { id: joined.member_id, generation: joined.generation_id }
}

fn commit(client: &mut KafkaClient, member: &Member, offset: i64) {
    let partition = OffsetCommitRequestPartition { committed_offset: offset, ..Default::default() };
    let topic = OffsetCommitRequestTopic { name: LOG.to_string(), partitions: vec![partition] };
    let request = OffsetCommitRequest {
        group_id: GROUP.to_string(),
        generation_id_or_member_epoch: member.generation,
        member_id: member.id.clone(),
        topics: vec![topic],
        ..OffsetCommitRequest::default()
    };
    let Response::OffsetCommit(answer) = client.ask(7, &Request::OffsetCommit(request)) else {
        panic!("another answer")
    };
    assert_eq!(answer.topics[0].partitions[0].error, ErrorCode::None, "{answer:?}");
}

/// The member is in the group and its assignment the same; what it committed is there.
fn check_group(client: &mut KafkaClient, member: &Member, offset: i64) {
    let (group_id, generation_id, member_id) = (GROUP.to_string(), member.generation, member.id.clone());
    let request = HeartbeatRequest { group_id, generation_id, member_id, ..HeartbeatRequest::default() };
    let Response::Heartbeat(answer) = client.ask(3, &Request::Heartbeat(request)) else {
        panic!("another answer")
    };
    assert_eq!(answer.error, ErrorCode::None, "the member's session goes on");
    let request = SyncGroupRequest {
        group_id: GROUP.to_string(),
        generation_id: member.generation,
        member_id: member.id.clone(),
        ..SyncGroupRequest::default()
    };
    let Response::SyncGroup(synced) = client.ask(3, &Request::SyncGroup(request)) else {
        panic!("another answer")
    };
    assert_eq!((synced.error, &synced.assignment[..]), (ErrorCode::None, &b"all"[..]));
    let topics = Some(vec![OffsetFetchRequestTopic { name: LOG.to_string(), partition_indexes: vec![0] }]);
    let request = OffsetFetchRequest { group_id: GROUP.to_string(), topics, ..OffsetFetchRequest::default() };
    let Response::OffsetFetch(answer) = client.ask(5, &Request::OffsetFetch(request)) else {
        panic!("another answer")
    };
    assert_eq!(answer.topics[0].partitions[0].committed_offset, offset, "{answer:?}");
}
