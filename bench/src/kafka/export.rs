//! A node's rows on their way to Apache Kafka: a backlog that was there before the export began, and rows
//! made at a rate. They are what recharges write, one each; the target must have exactly as many in the end.

use super::{
    CARDS,
    figure::{Figure, Lag},
    reader, recharges,
};
use crate::{
    clock,
    contenders::{Contender as _, Options, tollgate::Tollgate},
    node::exports::{self, Progress},
    transit::population::Population,
};
use anyhow::{Context as _, anyhow, ensure};
use std::{net::SocketAddr, thread, time::Duration};

const STREAM: &str = "CARD_ALERT_EXPORT";
const BACKLOG_ROWS: u64 = 2_000_000;
const STEADY_PER_S: f64 = 50_000.0;
const STEADY_ROWS: u64 = 500_000;
/// How often the lag is looked at.
const SAMPLE: Duration = Duration::from_millis(100);
/// Longer than any backlog takes.
const ARRIVAL_LIMIT_NS: u64 = 180_000_000_000;

pub(super) fn run(target: SocketAddr, options: &Options) -> anyhow::Result<Vec<Figure>> {
    let mut node = super::start(options, BACKLOG_ROWS + STEADY_ROWS)?;
    node.load(Population { cards: CARDS })?;
    recharges::run(node.kafka(), node.http(), BACKLOG_ROWS).context("writing the backlog")?;
    node.stop();
    node.configure(&format!(
        "\n[[export]]\nname = \"bench\"\nbrokers = \"{target}\"\nstreams = [\"{STREAM}\"]\n"
    ))?;
    let caught_up = catch_up(&mut node).context("catching up")?;
    let steady = steady(&node).context("exporting steadily")?;

    let made = BACKLOG_ROWS + STEADY_ROWS;
    let arrived = reader::records_in(target, STREAM)?;
    ensure!(arrived == made, "{made} rows were made, {arrived} records are in the target's topic");
    let trouble = exports::progress(node.http())?;
    ensure!(trouble.is_clean(), "rows were refused or lost: {trouble:?}");
    eprintln!("kafka: tollgate: export: {made} rows were made, {arrived} records are in the target's topic");
    Ok(vec![steady, caught_up])
}

/// The rate is of the rows that had not arrived when the node answered first, until all had.
fn catch_up(node: &mut Tollgate) -> anyhow::Result<Figure> {
    let launched_ns = clock::now_ns();
    node.restart()?;
    let first = exports::progress(node.http())?;
    let first_ns = clock::now_ns();
    let all_ns = wait_for(node.http(), BACKLOG_ROWS)?;
    let rate = (BACKLOG_ROWS - first.acknowledged) as f64 * 1e9 / (all_ns - first_ns) as f64;
    let (start_s, all_s) = ((first_ns - launched_ns) as f64 / 1e9, (all_ns - launched_ns) as f64 / 1e9);
    eprintln!(
        "kafka: tollgate: export: the node served {start_s:.1} s after its start, when {} rows had arrived; all had after {all_s:.1} s",
        first.acknowledged
    );
    Ok(Figure::new("tollgate", "export, catch up", BACKLOG_ROWS, rate))
}

/// The rate is from the first row's making to the last row's arrival.
fn steady(node: &Tollgate) -> anyhow::Result<Figure> {
    let (kafka, http) = (node.kafka(), node.http());
    let start_ns = clock::now_ns();
    let lag = thread::scope(|scope| -> anyhow::Result<Lag> {
        let making = scope.spawn(move || recharges::paced(kafka, STEADY_ROWS, STEADY_PER_S));
        let mut most_lag_rows = 0;
        while !making.is_finished() {
            most_lag_rows = most_lag_rows.max(exports::progress(http)?.lag_rows);
            clock::pause(SAMPLE);
        }
        let last_lag_rows = exports::progress(http)?.lag_rows;
        making.join().map_err(|_| anyhow!("the thread that recharges panicked"))??;
        Ok(Lag { most_lag_rows: most_lag_rows.max(last_lag_rows), last_lag_rows })
    })?;
    let all_ns = wait_for(http, BACKLOG_ROWS + STEADY_ROWS)?;
    let rate = STEADY_ROWS as f64 * 1e9 / (all_ns - start_ns) as f64;
    Ok(Figure::new("tollgate", "export, steady", STEADY_ROWS, rate).with_lag(lag))
}

/// When so many rows had arrived.
fn wait_for(http: SocketAddr, rows: u64) -> anyhow::Result<u64> {
    let start_ns = clock::now_ns();
    loop {
        let progress: Progress = exports::progress(http)?;
        let now_ns = clock::now_ns();
        ensure!(progress.acknowledged <= rows, "{rows} rows were made: {progress:?}");
        if progress.acknowledged == rows {
            return Ok(now_ns);
        }
        ensure!(now_ns - start_ns < ARRIVAL_LIMIT_NS, "rows do not arrive: {progress:?}");
        clock::pause(SAMPLE / 5);
    }
}
