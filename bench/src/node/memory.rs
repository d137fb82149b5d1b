//! `bench memory`: bytes of state a card and a stored tap cost, by the node's own gauges and by its resident
//! size.

use anyhow::Context;
use serde::Serialize;

use super::history::{self, History};
use crate::contenders::tollgate::{Purpose, Tollgate};
use crate::contenders::{Contender, Options};
use crate::machine;

#[derive(Debug, Serialize)]
pub(crate) struct Memory {
    pub(crate) name: &'static str,
    pub(crate) cards: f64,
    pub(crate) taps: f64,
    /// Gauge bytes of table cards with its indexes, by row.
    pub(crate) bytes_per_card: f64,
    /// Gauge bytes of table card_events with its indexes, by row.
    pub(crate) bytes_per_tap: f64,
    /// Growth of the resident size while the taps were sent, by tap: log buffers and all.
    pub(crate) resident_bytes_per_tap: f64,
    pub(crate) resident_mib_empty: u64,
    pub(crate) resident_mib_with_cards: u64,
    pub(crate) resident_mib_with_taps: u64,
    pub(crate) taps_per_s: f64,
}

pub(crate) fn run(history: &History, options: &Options) -> anyhow::Result<Memory> {
    let mut node = Tollgate::start(options, "sync", Purpose::State)?;
    let empty = machine::resident_bytes(node.process_id());
    node.load(history.population)?;
    let with_cards = machine::resident_bytes(node.process_id());
    let filled = history.fill(node)?;
    let with_taps = machine::resident_bytes(filled.node.process_id());
    let tables = history::tables_with(&filled.node, history.taps)?;
    let size =
        |name: &str| tables.get(name).copied().with_context(|| format!("/metrics has no table {name}"));
    let (cards, taps) = (size("cards")?, size("card_events")?);
    Ok(Memory {
        name: "memory",
        cards: cards.rows,
        taps: taps.rows,
        bytes_per_card: cards.bytes / cards.rows,
        bytes_per_tap: taps.bytes / taps.rows,
        resident_bytes_per_tap: with_taps.saturating_sub(with_cards) as f64 / history.taps as f64,
        resident_mib_empty: empty >> 20,
        resident_mib_with_cards: with_cards >> 20,
        resident_mib_with_taps: with_taps >> 20,
        taps_per_s: filled.taps_per_s.round(),
    })
}
