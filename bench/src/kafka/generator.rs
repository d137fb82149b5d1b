//! librdkafka's `rdkafka_performance`, built from the sources that its tests are built from.

use anyhow::{Context as _, ensure};
use std::{net::SocketAddr, path::PathBuf, process::Command};

/// Where `cargo xtask librdkafka` builds it.
const SOURCES: &str = "target/test-tools/librdkafka";

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

    /// Sends records of that size to random partitions, acks=all; records a second until the last was
    /// acknowledged.
    pub(super) fn produce(
        &self,
        to: SocketAddr,
        topic: &str,
        records: u64,
        value_bytes: u32,
        is_idempotent: bool,
    ) -> anyhow::Result<f64> {
        let mut command = self.command(to, records);
        command.args(["-P", "-t", topic, "-a", "-1", "-s"]).arg(value_bytes.to_string());
        command.args(["-X", "linger.ms=5"]);
        if is_idempotent {
            command.args(["-X", "enable.idempotence=true"]);
        }
        rate(command, records)
    }

    /// Reads records from the beginning, as a group of one; records a second.
    pub(super) fn consume(&self, from: SocketAddr, topic: &str, records: u64) -> anyhow::Result<f64> {
        let mut command = self.command(from, records);
        command.args(["-G", "bench", "-t", topic, "-o", "beginning"]);
        command.args(["-X", "auto.offset.reset=earliest"]);
        rate(command, records)
    }

    fn command(&self, at: SocketAddr, records: u64) -> Command {
        let mut command = Command::new(&self.program);
        command.arg("-b").arg(at.to_string()).arg("-c").arg(records.to_string());
        command.args(["-i", "100000", "-u"]);
        command
    }
}

/// Runs it; its last row is a table's: elapsed milliseconds, records, …
fn rate(mut command: Command, records: u64) -> anyhow::Result<f64> {
    let output = command.output().context("starting rdkafka_performance")?;
    let said = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?} ended with {}: {said}{errors}", output.status);
    let read = per_second(&said, records);
    read.with_context(|| format!("rdkafka_performance said {said:?} {errors:?}"))
}

/// The rate of the last row that has as many records as were asked for.
fn per_second(said: &str, records: u64) -> Option<f64> {
    let mut rows = said.lines().rev().filter_map(|line| {
        let cells: Vec<u64> = line.split('|').filter_map(|cell| cell.trim().parse().ok()).collect();
        let (&elapsed_ms, counts) = cells.split_first()?;
        let is_whole = counts.first().is_some_and(|&count| count >= records);
        (is_whole && elapsed_ms > 0).then(|| records as f64 * 1000.0 / elapsed_ms as f64)
    });
    rows.next()
}
