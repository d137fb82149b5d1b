//! `bench recovery`: how long a killed node takes until it answers again, with the log alone and with a
//! snapshot.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, ensure};
use serde::Serialize;

use super::history::{self, Filled, History};
use super::http;
use crate::clock;
use crate::contenders::tollgate::START_LIMIT;
use crate::contenders::{Contender, Options};
use crate::load::single::Caller;
use crate::transit::judge::Outcome;

/// How long a snapshot of everything may take.
pub(crate) const SNAPSHOT_LIMIT: Duration = Duration::from_secs(300);
pub(crate) const SNAPSHOT_PATH: &str = "/api/v1/admin/snapshot";

#[derive(Debug, Serialize)]
pub(crate) struct Recovery {
    pub(crate) name: &'static str,
    pub(crate) taps: u64,
    pub(crate) directory_mib: u64,
    /// From the start of the process to the first answered tap.
    pub(crate) log_only_s: f64,
    pub(crate) snapshot_s: f64,
    /// Taking the snapshot, idle otherwise.
    pub(crate) taking_snapshot_s: f64,
}

pub(crate) fn run(history: &History, options: &Options) -> anyhow::Result<Recovery> {
    let mut filled = history.fill(history.start(options)?)?;
    let directory_mib = directory_bytes(&filled.node.data_dir()) >> 20;
    let log_only_s = crash_and_recover(&mut filled, history.taps).context("recovering from the log")?;
    let start_ns = clock::now_ns();
    http::request(filled.node.http(), "POST", SNAPSHOT_PATH, SNAPSHOT_LIMIT)?;
    let taking_snapshot_s = seconds_since(start_ns);
    let snapshot_s =
        crash_and_recover(&mut filled, history.taps + 1).context("recovering from the snapshot")?;
    Ok(Recovery {
        name: "recovery",
        taps: history.taps,
        directory_mib,
        log_only_s,
        snapshot_s,
        taking_snapshot_s,
    })
}

/// Kills the node, starts it again, and returns the seconds until it has judged a tap. Each of the `taps` it
/// had acknowledged must be there again.
fn crash_and_recover(filled: &mut Filled, taps: u64) -> anyhow::Result<f64> {
    filled.node.kill()?;
    let start_ns = clock::now_ns();
    filled.node.restart()?;
    let mut caller = Caller::new(filled.node.connect()?, filled.node.codec())?;
    let tap = filled.stream.next_tap();
    let mut text = String::new();
    // A failed call is not recorded; until its partitions have leaders, the node refuses.
    let answered = clock::wait_until(START_LIMIT, || {
        let mut outcome = Outcome::Failed;
        let call = caller.call(&tap, &mut |reply| {
            outcome = reply.outcome;
            text = String::from_utf8_lossy(reply.message).into_owned();
        });
        call.is_ok() && outcome != Outcome::Failed
    });
    let seconds = seconds_since(start_ns);
    ensure!(answered, "no tap is answered after the start: {text}");
    history::tables_with(&filled.node, taps + 1)?;
    Ok(seconds)
}

fn seconds_since(start_ns: u64) -> f64 {
    (clock::now_ns() - start_ns) as f64 / 1e9
}

fn directory_bytes(directory: &Path) -> u64 {
    let mut bytes = 0;
    for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
        match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => bytes += directory_bytes(&entry.path()),
            Ok(metadata) => bytes += metadata.len(),
            Err(_) => {}
        }
    }
    bytes
}
