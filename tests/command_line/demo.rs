//! The demo as a process: it counts, stops when asked, and goes on from its directory.

use super::{command, run};
use crate::support::wait;
use std::{
    io::{BufRead as _, BufReader, Read as _},
    path::Path,
    process::{Command, Stdio},
};

const ARGUMENTS: [&str; 9] =
    ["demo", "--volt-port", "0", "--http-port", "0", "--kafka-port", "0", "--cards", "300"];

fn timed(directory: &Path) -> serde_json::Value {
    let mut arguments = ARGUMENTS.to_vec();
    arguments.extend(["--seconds", "1", "--json"]);
    let outcome = run(directory, &arguments);
    assert_eq!(outcome.code, 0, "{outcome:?}");
    outcome.json()
}

#[test]
fn two_runs_on_one_directory() {
    let directory = tempfile::tempdir().unwrap();
    for blocks_min in [0, 10] {
        let line = timed(directory.path());
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
