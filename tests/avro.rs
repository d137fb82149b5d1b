//! Topics in Avro, and the schema registry behind them, as Confluent's own client uses them: records by their
//! schema's number in and out, the registry of this server or of another one, across kills.

use crate::support::{Server, Settings, http, line, programs, programs_kafka, wait};
use rdkafka::{
    ClientConfig, Message as _,
    consumer::{BaseConsumer, Consumer as _},
    message::{Headers as _, OwnedMessage},
};
use serde_json::{Value as Json, json};
use std::{net::SocketAddr, time::Duration};
use tollgate::client::Connection;
use tollgate_schema::value::Value;

const TOPICS: &str = r#"
[[kafka.topics]]
name = "recharges.avro"
procedure = "RechargeCard"
properties = { "topic.format" = "avro" }
[[kafka.topics]]
name = "alerts.avro"
stream = "CARD_ALERT_EXPORT"
properties = { "topic.format" = "avro", "config.avro.namespace" = "tollgate" }
[[kafka.topics]]
name = "alerts.json"
stream = "CARD_ALERT_EXPORT"
properties = { "topic.format" = "json" }
"#;

const CONTENT_TYPE: &str = "application/vnd.schemaregistry.v1+json";

/// A metro with three cards. `more`: of the configuration.
fn start(more: String) -> Server {
    let server = Server::with(&Settings { more: TOPICS, made: more, ..Settings::default() });
    line::load(&server);
    let mut connection = server.connect();
    (1..=3).for_each(|card| line::new_card(&mut connection, card, 0));
    server
}

/// Runs the client; `None` where it is not installed.
fn client(server: &Server, registry: SocketAddr, scenario: &str, words: &[&str]) -> Option<String> {
    let mut command = programs_kafka::python("confluent-kafka", "avro_registry.py")?;
    command.arg(server.kafka.to_string()).arg(scenario).arg(registry.to_string()).args(words);
    let said = programs::run(&mut command);
    assert!(said.ends_with("done\n"), "it came to its end: {said}");
    Some(said)
}

fn balance(connection: &mut Connection, card: i32) -> Option<Value> {
    let text = Value::Varchar(format!("SELECT balance FROM cards WHERE card_id = {card}"));
    line::succeed(connection, "@AdHoc", &[text])
}

/// What the client reads from the topic of alerts: cards and amounts in order.
fn alerts(said: &str) -> Vec<i64> {
    let records = said.lines().filter(|line| line.starts_with('{'));
    let mut cards: Vec<i64> = records
        .map(|line| {
            let alert: Json = serde_json::from_str(line).expect("a record as JSON");
            alert["CARD_ID"].as_i64().unwrap_or_else(|| panic!("no card in {alert}"))
        })
        .collect();
    cards.sort_unstable();
    cards
}

/// Recharges go in by one schema, alerts come out by another, before and after a kill.
fn in_and_out(server: &mut Server, registry: SocketAddr) {
    let lines = ["3,1,500", "4,2,700", "5,1,20", "3,9,100"];
    let words = [&["recharges.avro"][..], &lines].concat();
    if client(server, registry, "produce", &words).is_none() {
        return;
    }
    let balances = |server: &Server| [1, 2, 3].map(|card| balance(&mut server.connect(), card));
    assert_eq!(balances(server), [520, 700, 0].map(|cents| Some(Value::Integer(cents))));
    let said = client(server, registry, "read", &["alerts.avro", "4"]).expect("it was there before");
    assert_eq!(alerts(&said), [1, 1, 2, 9], "{said}");
    server.kill();
    server.restart();
    let words = ["recharges.avro", "6,3,42"];
    client(server, registry, "produce", &words).expect("it was there before");
    assert_eq!(balances(server), [520, 700, 42].map(|cents| Some(Value::Integer(cents))));
    let said = client(server, registry, "read", &["alerts.avro", "5"]).expect("it was there before");
    assert_eq!(alerts(&said), [1, 1, 2, 3, 9], "{said}");
}

/// The first records of a topic.
fn read(server: &Server, topic: &str, count: usize) -> Vec<OwnedMessage> {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", server.kafka.to_string()).set("auto.offset.reset", "earliest");
    config.set("group.id", "avro").set("enable.auto.commit", "false");
    let consumer: BaseConsumer = config.create().expect("a client");
    let mut all = rdkafka::TopicPartitionList::new();
    (0..4).for_each(|part| {
        all.add_partition_offset(topic, part, rdkafka::Offset::Beginning).expect("a partition");
    });
    consumer.assign(&all).expect("it takes partitions");
    let mut messages = Vec::new();
    let all = wait::until(|| {
        while let Some(message) = consumer.poll(Duration::from_millis(100)) {
            messages.push(message.expect("a record").detach());
        }
        (messages.len() >= count).then_some(())
    });
    assert!(all.is_some() && messages.len() == count, "{count} records of {topic} instead of {messages:?}");
    messages
}

fn get(registry: SocketAddr, path: &str) -> Json {
    let reply = http::get(registry, path).expect("an answer");
    assert_eq!(reply.status, 200, "{path}: {}", reply.body);
    reply.json()
}

fn post(registry: SocketAddr, path: &str, body: &Json) -> (u16, Json) {
    let reply = http::post(registry, path, CONTENT_TYPE, &body.to_string()).expect("an answer");
    (reply.status, reply.json())
}

#[test]
fn with_this_server_s_registry() {
    let mut server = start(String::new());
    let registry = server.http;
    in_and_out(&mut server, registry);
    client(&server, registry, "registry", &[]);
}

#[test]
fn with_another_registry() {
    let other = Server::start();
    let mut server = start(format!("[schema_registry]\nurl = \"http://{}\"\n", other.http));
    in_and_out(&mut server, other.http);
    let subjects = get(other.http, "/subjects");
    assert!(
        subjects.as_array().is_some_and(|names| names.contains(&json!("alerts.avro-value"))),
        "{subjects}"
    );
    let reply = http::get(server.http, "/subjects").expect("an answer");
    assert_eq!(reply.status, 404);
    let text = reply.json()["message"].to_string();
    assert!(text.contains(&other.http.to_string()), "it says where to ask: {text}");
}

/// A registry that is not there at first: rows wait for it, and records are not lost to it.
#[test]
fn a_registry_that_comes_late() {
    let mut other = Server::start();
    other.kill();
    let server = start(format!("[schema_registry]\nurl = \"http://{}\"\n", other.http));
    other.restart();
    let words = ["recharges.avro", "3,1,500"];
    if client(&server, other.http, "produce", &words).is_none() {
        return;
    }
    other.kill();
    assert_eq!(balance(&mut server.connect(), 1), Some(Value::Integer(500)));
    other.restart();
    let said = client(&server, other.http, "read", &["alerts.avro", "1"]).expect("it was there before");
    assert_eq!(alerts(&said), [1], "{said}");
}

/// Rows leave for another cluster in Avro, under the names of its topics.
#[test]
fn an_export_in_avro() {
    let auto = "[kafka]\nauto_create_topics = true\n";
    let target = Server::with(&Settings { more: auto, ..Settings::default() });
    let server = start(format!(
        "[[export]]\nname = \"avro\"\nbrokers = \"{}\"\nstreams = [\"card_alert_export\"]\n\
         topic_prefix = \"metro.\"\nformat = \"avro\"\n",
        target.kafka
    ));
    for (card, cents) in [(1, 500), (2, 700)] {
        let arguments = [card, cents, 1].map(Value::Integer);
        line::succeed(&mut server.connect(), "RechargeCard", &arguments);
    }
    let topic = "metro.CARD_ALERT_EXPORT";
    let arrived = read(&target, topic, 2);
    assert!(arrived.iter().all(|message| message.payload().is_some_and(|value| value[0] == 0)));
    let subjects = get(server.http, "/subjects").to_string();
    assert!(subjects.contains("\"metro.CARD_ALERT_EXPORT-value\""), "{subjects}");
    let Some(said) = client(&target, server.http, "read", &[topic, "2"]) else { return };
    assert_eq!(alerts(&said), [1, 2], "{said}");
}

/// Records that no schema fits become dead letters, with the reason.
#[test]
fn strangers_become_dead_letters() {
    let server = start(String::new());
    let (status, answer) = post(
        server.http,
        "/subjects/other/versions",
        &json!({ "schema": r#"{"type":"record","name":"R","fields":[{"name":"card_id","type":"string"}]}"# }),
    );
    assert_eq!(status, 200, "{answer}");
    let other = answer["id"].as_u64().expect("a number");
    let values = ["00ffffffff", "0102", "", &format!("00{other:08x}020a")];
    let words = [&["recharges.avro"][..], &values].concat();
    if client(&server, server.http, "strangers", &words).is_none() {
        return;
    }
    let letters = read(&server, "recharges.avro.errors", values.len());
    let reason = |letter: &OwnedMessage| {
        let headers = letter.headers().expect("a dead letter has headers");
        let found = headers.iter().find(|header| header.key == "tollgate.error").and_then(|it| it.value);
        String::from_utf8_lossy(found.expect("a reason")).into_owned()
    };
    let reasons: Vec<String> = letters.iter().map(reason).collect();
    for part in [
        "its schema, number 4294967295, is not known",
        "does not begin with a zero byte",
        "parameter card_id (position 0)",
    ] {
        assert!(reasons.iter().any(|reason| reason.contains(part)), "{part}: {reasons:#?}");
    }
}

/// Two topics of one stream, each in its own format.
#[test]
fn one_stream_in_two_formats() {
    let server = start(String::new());
    for (card, cents) in [(1, 500), (2, 700)] {
        let arguments = [card, cents, 1].map(Value::Integer);
        line::succeed(&mut server.connect(), "RechargeCard", &arguments);
    }
    for _ in 0..2 {
        let json = read(&server, "alerts.json", 2);
        let is_json = |message: &OwnedMessage| serde_json::from_slice::<Json>(message.payload()?).ok();
        assert!(json.iter().all(|message| is_json(message).is_some()), "{json:?}");
        let avro = read(&server, "alerts.avro", 2);
        let is_avro = |message: &OwnedMessage| message.payload().is_some_and(|value| value[0] == 0);
        assert!(avro.iter().all(is_avro), "{avro:?}");
    }
}

/// What was registered is there after a kill, under the same numbers; names with odd characters too.
#[test]
fn the_registry_survives_a_kill() {
    let mut server = Server::start();
    let schema =
        |name: &str| json!({ "schema": format!(r#"{{"type":"record","name":"{name}","fields":[]}}"#) });
    let mut ids = Vec::new();
    for (subject, name) in [("plain", "A"), ("a%2Fb%20c", "B"), ("plain%20", "C")] {
        let (status, answer) = post(server.http, &format!("/subjects/{subject}/versions"), &schema(name));
        assert_eq!(status, 200, "{answer}");
        ids.push(answer["id"].clone());
    }
    let reply = http::get(server.http, "/subjects/nobody/versions").expect("an answer");
    assert_eq!((reply.status, reply.json()["error_code"].clone()), (404, json!(40401)));
    let (status, answer) = post(server.http, "/subjects/plain/versions", &json!({ "schema": "{" }));
    assert_eq!((status, answer["error_code"].clone()), (422, json!(42201)), "{answer}");
    server.kill();
    server.restart();
    assert_eq!(get(server.http, "/subjects"), json!(["a/b c", "plain", "plain "]));
    for ((subject, name), id) in [("plain", "A"), ("a%2Fb%20c", "B"), ("plain%20", "C")].iter().zip(ids) {
        let found = get(server.http, &format!("/subjects/{subject}/versions/latest"));
        assert_eq!(found["id"], id, "{name}");
        let text = get(server.http, &format!("/schemas/ids/{id}"));
        assert_eq!(text["schema"], schema(name)["schema"]);
    }
    let (_, answer) = post(server.http, "/subjects/new/versions", &schema("D"));
    assert_eq!(answer["id"], 4, "numbers go on");
}
