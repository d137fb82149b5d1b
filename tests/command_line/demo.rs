//! The demo as a process: it counts, stops when asked, and goes on from its directory.

use super::{command, run};
use crate::support::{KafkaBroker, wait};
use rdkafka::consumer::Consumer as _;
use std::{
    io::{BufRead as _, BufReader, Read as _},
    path::Path,
    process::{Command, Stdio},
};

const ARGUMENTS: [&str; 9] =
    ["demo", "--volt-port", "0", "--http-port", "0", "--kafka-port", "0", "--cards", "300"];

fn timed(directory: &Path, more: &[&str]) -> serde_json::Value {
    let arguments = [&ARGUMENTS[..], &["--seconds", "1", "--json"], more].concat();
    let outcome = run(directory, &arguments);
    assert_eq!(outcome.code, 0, "{outcome:?}");
    outcome.json()
}

#[test]
fn two_runs_on_one_directory() {
    let directory = tempfile::tempdir().unwrap();
    for blocks_min in [0, 10] {
        let line = timed(directory.path(), &[]);
        for key in
            ["decisions", "decisions_per_s", "accepted", "rejected", "fraud", "p50_ms", "p99_ms", "p999_ms"]
        {
            assert!(line[key].is_number(), "{key} in {line}");
        }
        assert!(line["decisions"].as_u64() > Some(300), "{line}");
        for sent in ["train_events", "recharges"] {
            assert!(line[sent].as_u64() > Some(0), "{sent} went over Kafka: {line}");
        }
        assert!(line["fraud"].as_u64() > Some(0), "{line}");
        assert_eq!(line["fraud_read"], line["fraud"], "what the group read over Kafka: {line}");
        assert_eq!(line["errors"].as_u64(), Some(0), "{line}");
        assert!(line["recovered_blocks"].as_u64() >= Some(blocks_min), "{line}");
    }
    assert!(directory.path().join("tollgate-demo").is_dir());
}

/// A cluster that answers gets every row of both runs, in topics that the export makes.
#[test]
fn streams_leave_for_a_cluster() {
    let Some(broker) = KafkaBroker::start() else { return };
    let directory = tempfile::tempdir().unwrap();
    let address = broker.address.to_string();
    let mut told = 0;
    for _ in 0..2 {
        let line = timed(directory.path(), &["--kafka", &address]);
        let export = &line["export"];
        assert_eq!(export["state"], "running", "{line}");
        let rows = export["rows"].as_u64().expect("a number");
        assert!(rows > 0 && line["fraud"].as_u64() > Some(0), "{line}");
        told += rows;
    }
    let consumer = broker.consumer(&[]);
    let records_of = |topic: &str| {
        let metadata = consumer.fetch_metadata(Some(topic), wait::PATIENCE).expect("the topic was made");
        let partitions = metadata.topics()[0].partitions().iter();
        let bounds = partitions.map(|partition| {
            consumer.fetch_watermarks(topic, partition.id(), wait::PATIENCE).expect("its bounds")
        });
        bounds.map(|(first, end)| (end - first) as u64).sum::<u64>()
    };
    let records = ["FRAUD", "TRIPS", "CARD_ALERT_EXPORT"].map(records_of);
    assert!(records[0] > 0 && records[2] > 0, "{records:?}");
    // What was on its way when a run ended has arrived untold, and was sent again by the next.
    assert!(records.iter().sum::<u64>() >= told, "{records:?}, and {told} were told of");
}

#[test]
fn a_signal_ends_it_with_a_summary() {
    for signal in ["-INT", "-TERM"] {
        let directory = tempfile::tempdir().unwrap();
        let mut process = command(directory.path(), &ARGUMENTS);
        let mut process = process.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(process.stderr.take().expect("it is piped")).lines();
        let running = lines.any(|line| line.expect("text").contains("decisions/s"));
        assert!(running, "the demo ended before it was asked to");
        // Whatever it still prints must find a reader.
        let rest = std::thread::spawn(move || lines.for_each(drop));
        let id = process.id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().expect("kill is there").success());
        let status = wait::until(|| process.try_wait().expect("a child of ours"));
        let status = status.unwrap_or_else(|| {
            process.kill().expect("a child of ours");
            panic!("the demo did not stop on {signal}")
        });
        assert!(status.success(), "{signal}: {status}");
        rest.join().expect("it only reads");
        let mut out = String::new();
        process.stdout.take().expect("it is piped").read_to_string(&mut out).expect("text");
        assert!(out.contains(" decisions in ") && out.contains("accepted"), "{out}");
    }
}
