//! From what causes a record to whoever reads it, at a fixed rate that no stall slows down: latency runs from
//! the time at which a call or a record was meant to be sent, to the time at which a consumer in a long poll
//! had the record.
//!
//! Of Tollgate it is measured from the tap to the fraud alert. So that every tap of the measured ones gives
//! an alert, each card taps twice: entries of the usual stream, one a card, are let in before anything is
//! timed, and the timed taps are the same cards at the same gates half a second of event time later, which is
//! a double tap. Their rows name their card, and so the tap that caused them.

use super::{
    figure::Figure,
    reader::{Reader, Receipt},
    sender::Sender,
};
use crate::{
    contenders::{Contender as _, tollgate::Tollgate},
    load::{
        closed_loop::{self, Closed},
        connection::Connection,
        open_loop::{self, Open, Schedule},
        tally::Tally,
    },
    transit::{
        population::Population,
        stream::{Tap, TapStream},
    },
};
use anyhow::{Context as _, ensure};
use std::{collections::BTreeMap, net::SocketAddr};

const PER_SECOND: f64 = 10_000.0;
/// Not counted: the first calls find caches and connections cold.
const WARM_UP: u64 = 10_000;
const CALLS: u64 = WARM_UP + 100_000;
const SEED: u64 = 1;
/// Less than the second within which another entry is fraud.
const AGAIN_MS: i64 = 500;
/// About as long as a row of `FRAUD`.
const VALUE_BYTES: usize = 64;

/// Taps over the Volt port, their fraud alerts read from the Kafka port.
pub(super) fn of_decisions(node: &Tollgate, population: Population) -> anyhow::Result<Figure> {
    let entries = entries_of_distinct_cards(population);
    let call_of_card: BTreeMap<i32, u64> = entries.iter().map(|tap| tap.card_id).zip(0..).collect();
    let mut connections = Vec::new();
    for _ in 0..node.shape().connections {
        connections.push(Connection::new(node.connect()?, node.codec())?);
    }
    let mut first = entries.iter().copied();
    let closed = Closed { window: 1_000, seconds: f64::from(u16::MAX), max_calls: CALLS };
    let mut next = || first.next().expect("the loop asks for no more than max_calls");
    let let_in = closed_loop::run(&closed, &mut next, &mut connections, &mut |_, _| {})?.tally;
    ensure!(let_in.counts.accepted == CALLS, "of {CALLS} entries: {:?}", let_in.counts);

    let reader = Reader::start(node.kafka(), "FRAUD", CALLS)?;
    let mut second = entries.iter().map(|tap| Tap { time_ms: tap.time_ms + AGAIN_MS, ..*tap });
    let mut next = || second.next().expect("the loop asks for no more calls than the plan has");
    let open = Open { calls_per_s: PER_SECOND, seconds: CALLS as f64 / PER_SECOND };
    let refused = open_loop::run(&open, &mut next, &mut connections)?;
    ensure!(refused.tally.counts.fraud == CALLS, "of {CALLS} double taps: {:?}", refused.tally.counts);
    eprintln!(
        "kafka: tollgate: the replies to those taps: p50 {:.3} ms, p99 {:.3} ms; the generator was late by up to {:.3} ms",
        refused.tally.latency_ms(0.5),
        refused.tally.latency_ms(0.99),
        refused.latest_wake_ns as f64 / 1e6
    );
    let receipts = reader.finish()?;
    let call_of = |receipt: &Receipt| call_of_card.get(&(receipt.number as i32)).copied();
    figure("tollgate", "decision to consumer", &refused.schedule, &receipts, call_of)
}

/// Records of a producer that waits for no others, read from the same port.
pub(super) fn of_records(name: &'static str, at: SocketAddr, topic: &str) -> anyhow::Result<Figure> {
    // A producer that is allowed no end of requests on their way drowns a broker that is late in small ones;
    // with five, as Java's has, records that wait for it go together.
    let properties = [("linger.ms", "0"), ("max.in.flight.requests.per.connection", "5")];
    let sender = Sender::connect(at, topic, &properties)?;
    let reader = Reader::start(at, topic, CALLS)?;
    let value = |number| format!("{:.<VALUE_BYTES$}", format!("{number}_"));
    let schedule = sender.paced(CALLS, PER_SECOND, value)?;
    let receipts = reader.finish()?;
    figure(name, "produce to consumer", &schedule, &receipts, |receipt| Some(receipt.number))
}

/// Of the usual stream, the first of each card.
fn entries_of_distinct_cards(population: Population) -> Vec<Tap> {
    let mut stream = TapStream::new(SEED, population);
    let mut is_seen = vec![false; population.cards as usize + 1];
    let mut entries = Vec::new();
    while (entries.len() as u64) < CALLS {
        let tap = stream.next_tap();
        if !std::mem::replace(&mut is_seen[tap.card_id as usize], true) {
            entries.push(tap);
        }
    }
    entries
}

/// Each call must have been read once.
fn figure(
    name: &'static str,
    work: &'static str,
    schedule: &Schedule,
    receipts: &[Receipt],
    call_of: impl Fn(&Receipt) -> Option<u64>,
) -> anyhow::Result<Figure> {
    let mut is_read = vec![false; CALLS as usize];
    let mut latency_ns = Tally::new().latency_ns;
    let mut last_ns = 0;
    for receipt in receipts {
        let call = call_of(receipt).filter(|&call| call < CALLS);
        let call = call.with_context(|| format!("{work}: record {} was not asked for", receipt.number))?;
        let is_again = std::mem::replace(&mut is_read[call as usize], true);
        ensure!(!is_again, "{work}: record {} came twice", receipt.number);
        if call >= WARM_UP {
            latency_ns.saturating_record(receipt.at_ns.saturating_sub(schedule.intended_ns(call)));
            last_ns = last_ns.max(receipt.at_ns);
        }
    }
    let samples = latency_ns.len();
    ensure!(samples == CALLS - WARM_UP, "{work}: {samples} of {} records came", CALLS - WARM_UP);
    let seconds = last_ns.saturating_sub(schedule.intended_ns(WARM_UP)) as f64 / 1e9;
    Ok(Figure::new(name, work, samples, samples as f64 / seconds).with_latency(&latency_ns))
}
