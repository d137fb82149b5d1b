//! Recharges over a topic: each record is a procedure's call, for another card than the one before, and
//! writes one row of `CARD_ALERT_EXPORT`.

use super::{CARDS, sender::Sender};
use crate::{load::open_loop::Schedule, node::balances};
use anyhow::ensure;
use std::net::SocketAddr;

const TOPIC: &str = "RECHARGE";
const AMOUNT_CENTS: u64 = 500;
const PROPERTIES: [(&str, &str); 2] = [("linger.ms", "5"), ("enable.idempotence", "true")];

/// Records a second until the last was acknowledged. Each recharge counted once: the balances say so.
pub(super) fn run(kafka: SocketAddr, http: SocketAddr, records: u64) -> anyhow::Result<f64> {
    let before_cents = balances::sum_cents(http)?;
    let rate = Sender::connect(kafka, TOPIC, &PROPERTIES)?.flat_out(records, value)?;
    let (grown_cents, expected_cents) =
        (balances::sum_cents(http)? - before_cents, (records * AMOUNT_CENTS) as i64);
    ensure!(
        grown_cents == expected_cents,
        "{records} recharges made the balances {grown_cents} cents larger, not {expected_cents}"
    );
    eprintln!(
        "kafka: tollgate: {records} recharges: all balances together grew by exactly {grown_cents} cents"
    );
    Ok(rate)
}

/// At a rate; until the last was acknowledged.
pub(super) fn paced(kafka: SocketAddr, records: u64, records_per_s: f64) -> anyhow::Result<Schedule> {
    Sender::connect(kafka, TOPIC, &PROPERTIES)?.paced(records, records_per_s, value)
}

fn value(number: u64) -> String {
    // A step without a common divisor: each card in turn, none near the last.
    let card = (number * 7919 % CARDS as u64) + 1;
    format!("{card},{AMOUNT_CENTS},{}", number % 17 + 1)
}
