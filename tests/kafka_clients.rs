//! Kafka's clients, unmodified, of many makers and versions, as a user's programs use them: records with
//! every compression, a group whose members come and go, times and offsets, administration, logins over TLS,
//! and the metro's own topics. The programs are in tests/kafka; each checks its results itself.

use crate::support::{
    Server, Settings, line,
    programs::{self, java_sources},
    programs_kafka,
};
use std::{path::Path, process::Command};
use tollgate::client::Connection;
use tollgate_schema::value::Value;

/// What a client that can everything is asked.
const ALL: &str = "compressions,group,seek,admin,idempotent";

/// Starts a client's program anew each time it is called; `None` where it is not installed.
type Start<'a> = &'a dyn Fn() -> Option<Command>;

fn python(client: &'static str) -> impl Fn() -> Option<Command> {
    let program = programs_kafka::PYTHON_CLIENTS.iter().find(|(name, _)| *name == client);
    let (_, program) = *program.expect("a client of the list");
    move || programs_kafka::python(client, program)
}

/// kcat makes no topics: the one it names is made. Others could not delete theirs for good then, for they ask
/// for them again.
const MAKES_TOPICS: &str = "[kafka]\nauto_create_topics = true\n";

fn run(start: Start<'_>, server: &Server, words: &[&str]) -> Option<String> {
    let mut command = start()?;
    command.arg(server.kafka.to_string()).args(words);
    Some(programs::run(&mut command))
}

/// One client on a server of its own: the scenarios, then the metro's topics, then logins.
fn check(start: Start<'_>, scenarios: &str, more: &[&str]) {
    let server = Server::with(&Settings {
        more: if more.contains(&"--topic") { MAKES_TOPICS } else { "" },
        ..Settings::default()
    });
    let Some(said) = run(start, &server, &[&[scenarios][..], more].concat()) else { return };
    assert!(said.ends_with("done\n"), "it came to its end: {said}");
    metro(start, &server, more);
    logins(start, more);
}

/// Recharges and trains go in with null keys; each alert comes out once, and the cards have the money.
fn metro(start: Start<'_>, server: &Server, more: &[&str]) {
    line::load(server);
    let mut connection = server.connect();
    for card in 1..=3 {
        line::new_card(&mut connection, card, 0);
    }
    let lines = ["1,500,3", "2,700,4", "1,20,5", "9,100,3", "3,1000,17", "2,5,1960-13-01 00:00:00"];
    let words = [&["recharge"][..], &lines, &["4,7,1,2018-05-14 10:11:12.123456"], more].concat();
    run(start, server, &words).expect("it was there before");
    assert_eq!([1, 2, 3].map(|card| balance(&mut connection, card)), [520, 700, 1000]);
    assert_eq!(one(&mut connection, "SELECT COUNT(*) FROM train_events WHERE train_id = 4"), 1);
    let words = [&["read", "CARD_ALERT_EXPORT", "5", "metro"][..], more].concat();
    let said = run(start, server, &words).expect("it was there before");
    let alerts = said.lines().filter(|line| line.starts_with('{'));
    let mut cards: Vec<String> = alerts
        .map(|line| {
            let alert: serde_json::Value = serde_json::from_str(line).expect("a record as JSON");
            let value = alert["value"].as_str().expect("a text").to_string();
            value.split(',').next().expect("a first field").to_string()
        })
        .collect();
    cards.sort();
    assert_eq!(cards, ["1", "1", "2", "3", "9"], "{said}");
}

/// The number that a query answers.
fn one(connection: &mut Connection, query: &str) -> i64 {
    let text = Value::Varchar(query.to_string());
    match line::succeed(connection, "@AdHoc", &[text]) {
        Some(Value::BigInt(number)) => number,
        Some(Value::Integer(number)) => number.into(),
        other => panic!("{query}: {other:?}"),
    }
}

fn balance(connection: &mut Connection, card: i32) -> i64 {
    one(connection, &format!("SELECT balance FROM cards WHERE card_id = {card}"))
}

/// A certificate for the server, and the authority that signed it, as PEM files.
fn certificates(directory: &Path) -> [String; 3] {
    let mut authority = rcgen::CertificateParams::default();
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    authority.distinguished_name.push(rcgen::DnType::CommonName, "an authority of the tests");
    authority.key_usages =
        vec![rcgen::KeyUsagePurpose::KeyCertSign, rcgen::KeyUsagePurpose::DigitalSignature];
    let authority_key = rcgen::KeyPair::generate().expect("a key");
    let authority_certificate = authority.self_signed(&authority_key).expect("a certificate");
    let issuer = rcgen::Issuer::new(authority, authority_key);
    let key = rcgen::KeyPair::generate().expect("a key");
    let names = vec!["localhost".to_string(), "127.0.0.1".to_string()];
    let certificate = rcgen::CertificateParams::new(names).expect("names of hosts");
    let certificate = certificate.signed_by(&key, &issuer).expect("a certificate");
    let texts = [
        ("ca.pem", authority_certificate.pem()),
        ("server.pem", certificate.pem()),
        ("server.key", key.serialize_pem()),
    ];
    texts.map(|(name, text)| {
        let path = directory.join(name);
        std::fs::write(&path, text).expect("the directory takes files");
        path.display().to_string()
    })
}

/// Over TLS: each mechanism lets in who knows the password, and nobody else.
fn logins(start: Start<'_>, more: &[&str]) {
    let directory = tempfile::tempdir().expect("a directory for certificates");
    let [authority, certificate, key] = certificates(directory.path());
    let made = format!(
        "[kafka]\nsasl = [\"PLAIN\", \"SCRAM-SHA-256\", \"SCRAM-SHA-512\"]\n\
         [kafka.tls]\ncertificate = {certificate:?}\nkey = {key:?}\n\
         [[users]]\nname = \"alice\"\npassword = \"alice-secret\"\n"
    );
    let server = Server::with(&Settings { made, ..Settings::default() });
    line::load(&server);
    line::new_card(&mut server.connect(), 1, 0);
    let login = |scenario: &[&str], mechanism: &str, password: &str| {
        let of_login = ["--sasl", mechanism, "--user", "alice", "--password", password, "--ca", &authority];
        let words = [scenario, &of_login, more].concat();
        run(start, &server, &words).expect("it was there before");
    };
    for mechanism in ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] {
        login(&["recharge", "1,500,3"], mechanism, "alice-secret");
        login(&["denied"], mechanism, "wrong");
    }
    assert_eq!(balance(&mut server.connect(), 1), 1500);
}

#[test]
fn kcat() {
    check(&programs_kafka::kcat, ALL, &["--topic", "kcat"]);
}

#[test]
fn confluent_kafka() {
    check(&python("confluent-kafka"), ALL, &[]);
}

#[test]
fn kafka_python_2_0() {
    // It numbers no batches.
    check(&python("kafka-python-2.0"), "compressions,group,seek,admin", &[]);
}

#[test]
fn kafka_python_2_3() {
    check(&python("kafka-python-2.3"), ALL, &[]);
}

#[test]
fn kafka_python_3() {
    check(&python("kafka-python-3.0"), ALL, &[]);
}

#[test]
fn aiokafka() {
    check(&python("aiokafka"), ALL, &[]);
}

#[test]
fn faust_streaming() {
    check(&python("faust-streaming"), "compressions,group,table", &[]);
}

#[test]
fn kafkajs() {
    check(&programs_kafka::javascript, ALL, &[]);
}

fn java(version: &str) {
    let Some(java) = programs_kafka::java(version, &java_sources("tests/kafka/java/src")) else { return };
    check(&|| Some(java.start("KafkaCaller")), ALL, &[]);
}

#[test]
fn java_2_3() {
    java(programs_kafka::JAVA_VERSIONS[0]);
}

#[test]
fn java_3_9() {
    java(programs_kafka::JAVA_VERSIONS[1]);
}

#[test]
fn java_4() {
    java(programs_kafka::JAVA_VERSIONS[2]);
}

#[test]
fn franz_go() {
    check(&|| programs_kafka::go("franz"), ALL, &[]);
}

#[test]
fn sarama() {
    check(&|| programs_kafka::go("sarama"), ALL, &[]);
}

#[test]
fn sarama_with_the_newest_versions() {
    check(&|| programs_kafka::go("sarama"), ALL, &["--newest"]);
}
