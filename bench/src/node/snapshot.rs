//! `bench snapshot`: the slowest replies while a snapshot is taken under load, beside the same load without
//! one.

use std::net::SocketAddr;
use std::thread::JoinHandle;
use std::time::Duration;

use serde::Serialize;

use super::history::{self, Filled, History};
use super::http;
use super::recovery::{SNAPSHOT_LIMIT, SNAPSHOT_PATH};
use crate::clock;
use crate::contenders::{Contender, Options};
use crate::load::closed_loop::Closed;
use crate::load::open_loop::{self, Open};
use crate::load::tally::Tally;

#[derive(Debug, Serialize)]
pub(crate) struct Snapshot {
    pub(crate) name: &'static str,
    /// Taps the node held before.
    pub(crate) taps: u64,
    pub(crate) saturated_per_s: f64,
    pub(crate) saturated: Pair,
    pub(crate) half_rate: Pair,
}

/// One load without and with a snapshot, latencies in ms.
#[derive(Debug, Serialize)]
pub(crate) struct Pair {
    pub(crate) quiet_p999_ms: f64,
    pub(crate) quiet_max_ms: f64,
    pub(crate) snapshot_p999_ms: f64,
    pub(crate) snapshot_max_ms: f64,
    /// How long the snapshot took.
    pub(crate) snapshot_s: f64,
}

impl Pair {
    fn new(quiet: &Tally, during: &Tally, snapshot_s: f64) -> Self {
        Self {
            quiet_p999_ms: quiet.latency_ms(0.999),
            quiet_max_ms: quiet.max_latency_ms(),
            snapshot_p999_ms: during.latency_ms(0.999),
            snapshot_max_ms: during.max_latency_ms(),
            snapshot_s,
        }
    }
}

pub(crate) fn run(history: &History, seconds: f64, options: &Options) -> anyhow::Result<Snapshot> {
    let Filled { node, mut stream, .. } = history.fill(history.start(options)?)?;
    let mut connections = history::connections(&node)?;
    let plan = Closed { window: node.shape().window, seconds, max_calls: u64::MAX };

    let quiet = history::saturate(&plan, &mut stream, &mut connections)?;
    let trigger = trigger(node.http());
    let during = history::saturate(&plan, &mut stream, &mut connections)?;
    let saturated = Pair::new(&quiet.tally, &during.tally, finished(trigger)?);

    let open = Open { calls_per_s: quiet.per_second() / 2.0, seconds };
    let quiet_half = open_loop::run(&open, &mut || stream.next_tap(), &mut connections)?;
    let trigger = self::trigger(node.http());
    let during_half = open_loop::run(&open, &mut || stream.next_tap(), &mut connections)?;
    let half_rate = Pair::new(&quiet_half.tally, &during_half.tally, finished(trigger)?);
    Ok(Snapshot {
        name: "snapshot",
        taps: history.taps,
        saturated_per_s: quiet.per_second().round(),
        saturated,
        half_rate,
    })
}

/// Asks for a snapshot half a second from now, from a thread of its own; it returns the seconds taken.
fn trigger(http_address: SocketAddr) -> JoinHandle<anyhow::Result<f64>> {
    std::thread::spawn(move || {
        clock::pause(Duration::from_millis(500));
        let start_ns = clock::now_ns();
        http::request(http_address, "POST", SNAPSHOT_PATH, SNAPSHOT_LIMIT)?;
        Ok((clock::now_ns() - start_ns) as f64 / 1e9)
    })
}

fn finished(trigger: JoinHandle<anyhow::Result<f64>>) -> anyhow::Result<f64> {
    trigger.join().map_err(|_| anyhow::anyhow!("the thread that asked for the snapshot panicked"))?
}
