//! A node filled with history through its own wire port, and connections to go on with.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::ensure;

use super::metrics::{self, TableSize};
use crate::clock;

use crate::contenders::tollgate::{Purpose, Tollgate};
use crate::contenders::{Contender, Options};
use crate::load::closed_loop::{self, Closed, ClosedResult};
use crate::load::connection::Connection;
use crate::transit::population::Population;
use crate::transit::stream::TapStream;

/// A node that takes longer to be filled is not worth waiting for.
const FILL_LIMIT_S: f64 = 3_600.0;

/// How long the gauges may take to show what has been acknowledged.
const GAUGE_LAG: Duration = Duration::from_secs(20);

/// What a measurement of a node starts from.
pub(crate) struct History {
    pub(crate) population: Population,
    pub(crate) seed: u64,
    /// Taps sent before anything is measured.
    pub(crate) taps: u64,
}

/// A running node and the stream of which it has seen the beginning.
pub(crate) struct Filled {
    pub(crate) node: Tollgate,
    pub(crate) stream: TapStream,
    /// Taps per second while it was filled.
    pub(crate) taps_per_s: f64,
}

impl History {
    /// Starts an empty node and loads the cards only.
    pub(crate) fn start(&self, options: &Options) -> anyhow::Result<Tollgate> {
        let mut node = Tollgate::start(options, "sync", Purpose::State)?;
        eprintln!("loading {} cards", self.population.len());
        node.load(self.population)?;
        Ok(node)
    }

    /// Sends the taps to a node that holds the cards.
    pub(crate) fn fill(&self, node: Tollgate) -> anyhow::Result<Filled> {
        eprintln!("sending {} taps", self.taps);
        let mut stream = TapStream::new(self.seed, self.population);
        let mut connections = connections(&node)?;
        let plan = Closed { window: node.shape().window, seconds: FILL_LIMIT_S, max_calls: self.taps };
        let result = saturate(&plan, &mut stream, &mut connections)?;
        Ok(Filled { node, stream, taps_per_s: result.per_second() })
    }
}

/// The node's tables once it reports `taps` recorded ones: its gauges may lag behind by a few seconds, and
/// each acknowledged tap must show up.
pub(crate) fn tables_with(node: &Tollgate, taps: u64) -> anyhow::Result<BTreeMap<String, TableSize>> {
    let mut result = metrics::tables(node.http());
    let rows = |result: &anyhow::Result<BTreeMap<String, TableSize>>| {
        result.as_ref().ok().and_then(|tables| tables.get("card_events")).map_or(0.0, |table| table.rows)
    };
    clock::wait_until(GAUGE_LAG, || {
        if rows(&result) != taps as f64 {
            result = metrics::tables(node.http());
        }
        rows(&result) == taps as f64
    });
    let (found, tables) = (rows(&result), result?);
    ensure!(
        found == taps as f64,
        "the node reports {found} rows of card_events, {taps} taps were acknowledged"
    );
    Ok(tables)
}

/// As many connections as suit the node.
pub(crate) fn connections(node: &Tollgate) -> anyhow::Result<Vec<Connection>> {
    (0..node.shape().connections).map(|_| Connection::new(node.connect()?, node.codec())).collect()
}

/// A closed loop in which no call may fail.
pub(crate) fn saturate(
    plan: &Closed,
    stream: &mut TapStream,
    connections: &mut [Connection],
) -> anyhow::Result<ClosedResult> {
    let result = closed_loop::run(plan, &mut || stream.next_tap(), connections, &mut |_, _| {})?;
    let failed = result.tally.counts.failed;
    ensure!(failed == 0, "{failed} calls failed, the first with: {:?}", result.tally.first_failure);
    Ok(result)
}
