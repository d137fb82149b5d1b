//! librdkafka's `rdkafka_performance`, built from the sources that its tests are built from.

use anyhow::{Context as _, ensure};
use std::{net::SocketAddr, path::PathBuf, process::Command};

/// Where `cargo xtask librdkafka` builds it.
const SOURCES: &str = "target/test-tools/librdkafka";

/// Times that the same records are read.
const READS: u8 = 3;

pub(super) struct Generator {
    program: PathBuf,
}

impl Generator {
    pub(super) fn find() -> anyhow::Result<Generator> {
        let examples = PathBuf::from(SOURCES).join("examples");
        ensure!(examples.exists(), "no sources at {SOURCES}: cargo xtask librdkafka HOST:PORT builds them");
        let program = examples.join("rdkafka_performance");
        if !program.exists() {
            let mut make = Command::new("make");
            let output = make.arg("-C").arg(&examples).arg("rdkafka_performance").output();
            let output = output.context("starting make")?;
            let said = String::from_utf8_lossy(&output.stderr);
            ensure!(output.status.success(), "make ended with {}: {said}", output.status);
        }
        Ok(Generator { program })
    }

    /// Sends records of that size to random partitions, acks=all; until the last was acknowledged.
    pub(super) fn produce(
        &self,
        to: SocketAddr,
        topic: &str,
        records: u64,
        value_bytes: u32,
        is_idempotent: bool,
    ) -> anyhow::Result<Outcome> {
        let mut command = self.command(to, records);
        command.args(["-P", "-t", topic, "-a", "-1", "-s"]).arg(value_bytes.to_string());
        command.args(["-X", "linger.ms=5"]);
        if is_idempotent {
            command.args(["-X", "enable.idempotence=true"]);
        }
        run(&command, records, produced)
    }

    /// Reads records from the beginning, as a group of one, several times one after the other: a node that
    /// writes a snapshot meanwhile does so in one of them. Records a second of all together. `group`: nobody
    /// read with it before.
    pub(super) fn consume(
        &self,
        from: SocketAddr,
        topic: &str,
        group: &str,
        records: u64,
    ) -> anyhow::Result<Outcome> {
        let mut seconds = 0.0;
        let mut value_bytes = 0;
        for number in 0..READS {
            let mut command = self.command(from, records);
            command.args(["-G", &format!("{group}-{number}"), "-t", topic, "-o", "beginning"]);
            command.args(["-X", "auto.offset.reset=earliest"]);
            let outcome = run(&command, records, consumed)?;
            seconds += records as f64 / outcome.records_per_s;
            value_bytes = outcome.value_bytes;
        }
        Ok(Outcome { records_per_s: (u64::from(READS) * records) as f64 / seconds, value_bytes })
    }

    fn command(&self, at: SocketAddr, records: u64) -> Command {
        let mut command = Command::new(&self.program);
        command.arg("-b").arg(at.to_string()).arg("-c").arg(records.to_string());
        command.args(["-i", "100000", "-u"]);
        command
    }
}

/// Longer than any contender takes: a consumer that waits for records that never come would wait for ever.
const LIMIT_S: &str = "180";

/// What a run came to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Outcome {
    pub(super) records_per_s: f64,
    pub(super) value_bytes: u32,
}

/// Runs it; its last row is a table's.
fn run(command: &Command, records: u64, read: fn(&[u64]) -> Option<Row>) -> anyhow::Result<Outcome> {
    let mut limited = Command::new("timeout");
    limited.arg(LIMIT_S).arg(command.get_program()).args(command.get_args());
    let output = limited.output().context("starting rdkafka_performance")?;
    let said = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?} ended with {}: {said}{errors}", output.status);
    let rows = said.lines().filter_map(|line| {
        let cells = line.split('|').filter_map(|cell| cell.trim().parse().ok());
        read(&cells.collect::<Vec<u64>>())
    });
    let row = rows.max_by_key(|row| row.records);
    let row = row.with_context(|| format!("rdkafka_performance said {said:?} {errors:?}"))?;
    ensure!(row.records >= records && row.failed == 0, "of {records} records: {row:?}");
    Ok(Outcome {
        records_per_s: row.records as f64 * 1000.0 / row.elapsed_ms.max(1) as f64,
        value_bytes: (row.bytes / row.records.max(1)) as u32,
    })
}

/// What a row of the table says.
#[derive(Clone, Copy, Debug)]
struct Row {
    elapsed_ms: u64,
    records: u64,
    bytes: u64,
    failed: u64,
}

/// A producer's: elapsed, sent, bytes, round trip, acknowledged, (a second,) failed, …
fn produced(cells: &[u64]) -> Option<Row> {
    match *cells {
        [elapsed_ms, _, bytes, _, records, _, failed, ..] => Some(Row { elapsed_ms, records, bytes, failed }),
        _ => None,
    }
}

/// A consumer's: elapsed, read, bytes, …
fn consumed(cells: &[u64]) -> Option<Row> {
    match *cells {
        [elapsed_ms, records, bytes, ..] => Some(Row { elapsed_ms, records, bytes, failed: 0 }),
        _ => None,
    }
}
