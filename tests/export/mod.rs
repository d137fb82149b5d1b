//! Streams leave for a real Apache Kafka broker while the server and the broker are killed at several
//! moments: exactly once, or at least once and in order. [`load`] makes alerts, [`arrived`] is what a
//! consumer finds.

mod arrived;
mod load;

use crate::support::{KafkaBroker, Server, Settings, http, line, stream, wait};
use arrived::{Arrived, arrived};
use load::Load;
use rand::{Rng as _, SeedableRng as _, rngs::SmallRng};
use serde_json::Value as Json;
use std::time::Duration;
use tollgate_schema::value::Value;

const PARTITIONS: u16 = 3;
const CARDS: i32 = 60;
/// Each third of them kills something else.
const ROUNDS: u64 = 6;
const STREAM: &str = "CARD_ALERT_EXPORT";
const TOPIC: &str = "alerts";

fn start(broker: &KafkaBroker, mode: &str) -> Server {
    let export = format!(
        "[[export]]\nname = \"test\"\nbrokers = \"{}\"\nstreams = [\"card_alert_export\"]\n\
         topics = {{ card_alert_export = \"{TOPIC}\" }}\nmode = \"{mode}\"\n",
        broker.address
    );
    let server = Server::with(&Settings { partitions: PARTITIONS, made: export, ..Settings::default() });
    line::load(&server);
    let mut connection = server.connect();
    (1..=CARDS).for_each(|card| line::new_card(&mut connection, card, 1_000));
    server
}

fn lanes(server: &Server) -> Vec<Json> {
    let reply = http::get(server.http, "/api/v1/exports").expect("an answer");
    assert_eq!(reply.status, 200, "{}", reply.body);
    let Json::Array(lanes) = reply.json()["exports"].take() else { panic!("no exports: {}", reply.body) };
    assert_eq!(lanes.len(), usize::from(PARTITIONS));
    lanes
}

fn number(lane: &Json, name: &str) -> u64 {
    lane[name].as_u64().unwrap_or_else(|| panic!("no {name} in {lane}"))
}

/// Waits until everything that was committed has left.
fn wait_until_even(server: &Server, rows: u64) {
    let even = wait::until(|| {
        let lanes = lanes(server);
        let acknowledged: u64 = lanes.iter().map(|lane| number(lane, "acknowledged")).sum();
        (acknowledged == rows && lanes.iter().all(|lane| number(lane, "lag_rows") == 0)).then_some(())
    });
    assert!(even.is_some(), "{rows} rows are to leave: {:#?}\n{}", lanes(server), server.log());
}

/// Waits until rows arrive at the target that were not there before.
fn wait_until_rows_leave(server: &Server) {
    let rows = || lanes(server).iter().map(|lane| number(lane, "rows")).sum::<u64>();
    let before = rows();
    let leave = wait::until(|| (rows() > before).then_some(()));
    assert!(leave.is_some(), "no rows leave: {:#?}\n{}", lanes(server), server.log());
}

/// Kills one or the other under load, while rows leave, and waits until all is even.
fn under_fire(mode: &str, rounds: u64) -> Option<(KafkaBroker, Server)> {
    let mut broker = KafkaBroker::start()?;
    let mut server = start(&broker, mode);
    let mut random = SmallRng::seed_from_u64(rounds);
    for round in 0..rounds {
        let load = Load::start(&server, CARDS);
        wait_until_rows_leave(&server);
        let moment = Duration::from_millis(random.random_range(0..200));
        wait::pause(moment);
        match round % 3 {
            0 => server.kill(),
            1 => {
                broker.kill();
                load.wait_for(load.made() + random.random_range(20..400));
                broker.restart();
                wait_until_rows_leave(&server);
                wait::pause(moment);
                server.kill();
            }
            _ => {
                broker.kill();
                wait::pause(moment);
                server.kill();
                broker.restart();
            }
        }
        load.finish();
        server.restart();
    }
    let rows = stream::rows(&server, STREAM).len() as u64;
    assert!(rows > rounds * 20, "there was load: {rows} rows");
    wait_until_even(&server, rows);
    Some((broker, server))
}

/// The rows of each partition are those of the stream, in order.
fn check(server: &Server, arrived: &[Arrived]) {
    let rows = stream::rows(server, STREAM);
    let mut in_order: Vec<&Arrived> = arrived.iter().collect();
    // Stable: within a partition they stay as they came.
    in_order.sort_by_key(|message| message.partition);
    assert_eq!(in_order.len(), rows.len());
    let mut expected = (0, 0);
    for (message, row) in in_order.iter().zip(&rows) {
        if message.partition != expected.0 {
            assert!(message.partition > expected.0);
            expected = (message.partition, 0);
        }
        assert_eq!((message.partition, message.offset), expected, "no gap, and none twice");
        expected.1 += 1;
        let card = row["CARD_ID"].to_string();
        assert!(message.value.starts_with(&format!("{card},")), "{} is not of card {card}", message.value);
    }
}

#[test]
fn exactly_once_is_once_whoever_is_killed() {
    let Some((broker, mut server)) = under_fire("exactly_once", ROUNDS) else { return };
    let arrived = arrived(&broker, TOPIC, "read_committed");
    check(&server, &arrived);
    let progress = broker.consumer(&[]);
    let metadata = rdkafka::consumer::Consumer::fetch_metadata(
        &progress,
        Some("__tollgate_export_progress"),
        wait::PATIENCE,
    );
    assert_eq!(metadata.unwrap().topics()[0].partitions().len(), 1);
    assert!(server.stop().success(), "{}", server.log());
}

#[test]
fn at_least_once_has_no_gap_whoever_is_killed() {
    let Some((broker, mut server)) = under_fire("at_least_once", ROUNDS) else { return };
    let arrived = arrived(&broker, TOPIC, "read_uncommitted");
    let mut next = vec![0; usize::from(PARTITIONS)];
    let all = arrived.len();
    let first_times: Vec<Arrived> = arrived
        .into_iter()
        .filter(|message| {
            let next = &mut next[usize::from(message.partition)];
            let is_new = message.offset >= *next;
            *next = message.offset.max(*next) + u64::from(is_new);
            is_new
        })
        .collect();
    let repeats = all - first_times.len();
    println!("{} rows, {repeats} came again", first_times.len());
    check(&server, &first_times);
    assert!(server.stop().success(), "{}", server.log());
}

#[test]
fn a_target_that_forgot_is_refused_until_it_is_said_to_be_meant() {
    let Some(broker) = KafkaBroker::start() else { return };
    let mut server = start(&broker, "at_least_once");
    let load = Load::start(&server, CARDS);
    load.wait_for(50);
    server.kill();
    load.finish();
    server.restart();
    let rows = stream::rows(&server, STREAM).len() as u64;
    wait_until_even(&server, rows);
    assert!(server.stop().success());
    // Positions are there, and the cluster remembers nothing of transactions.
    server.change_config("at_least_once", "exactly_once");
    server.restart();
    let stopped = wait::until(|| {
        let lanes = lanes(&server);
        lanes.iter().all(|lane| lane["state"] == "stopped").then(|| lanes[0]["last_error"].to_string())
    });
    let error = stopped.expect("it stops");
    assert!(error.contains("reset = true"), "{error}");
    assert!(server.stop().success());
    server.change_config("mode =", "reset = true\nmode =");
    server.restart();
    let load = Load::start(&server, CARDS);
    load.wait_for(50);
    server.kill();
    load.finish();
    server.restart();
    wait_until_even(&server, stream::rows(&server, STREAM).len() as u64);
    check(&server, &arrived(&broker, TOPIC, "read_committed"));
}

/// Two of the rows are more than the topic takes, though not more than the library sends.
fn what_is_refused(mode: &str) {
    let Some(broker) = KafkaBroker::start() else { return };
    broker.make_topic("fraud", i32::from(PARTITIONS), &[("max.message.bytes", "1500")]);
    let export = format!(
        "[[export]]\nname = \"test\"\nbrokers = \"{}\"\nstreams = [\"fraud\"]\nmode = \"{mode}\"\n\
         format = \"json\"\ntopics = {{ FRAUD = \"fraud\" }}\nproperties = {{ \"batch.size\" = \"1000\" }}\n",
        broker.address
    );
    let server = Server::with(&Settings { partitions: PARTITIONS, made: export, ..Settings::default() });
    let mut connection = server.connect();
    let mut rows = 0;
    for card in 0..300 {
        let letters = if card == 77 || card == 200 { 1_600 } else { 10 };
        let (id, time) = (Value::Varchar("x".repeat(letters)), Value::Timestamp(1_700_000_000_000_000));
        let rest = [Value::Integer(1), Value::TinyInt(1), Value::Integer(250)];
        let row = [vec![id, Value::Integer(card), time], rest.to_vec()].concat();
        line::succeed(&mut connection, "FRAUD.insert", &row);
        rows += 1;
    }
    wait_until_even(&server, rows);
    let dead: u64 = lanes(&server).iter().map(|lane| number(lane, "dead_letters")).sum();
    assert_eq!(dead, 2, "{:#?}", lanes(&server));
    let arrived = arrived(&broker, "fraud", "read_committed");
    let cards: std::collections::BTreeSet<i64> = arrived
        .iter()
        .map(|message| {
            let value: Json = serde_json::from_str(&message.value).expect("JSON");
            value["CARD_ID"].as_i64().unwrap_or_else(|| panic!("no card in {value}"))
        })
        .collect();
    if mode == "exactly_once" {
        assert_eq!(arrived.len(), cards.len(), "none came twice");
    }
    let missing: Vec<i64> = (0..300).filter(|card| !cards.contains(card)).collect();
    assert_eq!(missing, [77, 200]);
}

#[test]
fn rows_that_the_cluster_refuses_hold_nothing_up() {
    what_is_refused("at_least_once");
}

#[test]
fn rows_that_the_cluster_refuses_hold_no_transaction_up() {
    what_is_refused("exactly_once");
}

#[test]
fn whoever_is_fenced_stops() {
    let Some(broker) = KafkaBroker::start() else { return };
    let server = start(&broker, "exactly_once");
    let mut connection = server.connect();
    let mut recharge = |card| {
        let parameters = [Value::Integer(card), Value::Integer(100), Value::Integer(1)];
        line::succeed(&mut connection, "RechargeCard", &parameters);
    };
    (1..=CARDS).for_each(&mut recharge);
    wait_until_even(&server, CARDS as u64);
    let cluster = arrived(&broker, TOPIC, "read_committed")[0].cluster.clone();
    // Somebody else is made the exporter of partition 1.
    let mut config = rdkafka::ClientConfig::new();
    config.set("bootstrap.servers", broker.address.to_string());
    config.set("transactional.id", format!("tollgate-{cluster}-test-{STREAM}-1"));
    let rival: rdkafka::producer::BaseProducer = config.create().expect("a producer");
    rdkafka::producer::Producer::init_transactions(&rival, wait::PATIENCE).expect("it takes over");
    (1..=CARDS).for_each(&mut recharge);
    let stopped = wait::until(|| (lanes(&server)[1]["state"] == "stopped").then(|| lanes(&server)));
    let lanes = stopped.expect("it stops");
    let error = lanes[1]["last_error"].to_string();
    assert!(error.contains("another exporter has taken over"), "{error}");
    assert!(lanes[0]["state"] == "running" && lanes[2]["state"] == "running", "{lanes:#?}");
}
