//! What has to be true of a card: the calls made for it, in order, and which of them are known to have been
//! done. A card belongs to one connection and one partition, so what was done is a prefix of what was sent.

use crate::support::line::{self, MORNING_MS};
use tollgate::client::Connection;
use tollgate_schema::value::Value;

pub(super) const CARDS: i32 = 96;
/// Enough for every tap of the test.
pub(super) const FIRST_BALANCE_CENTS: i32 = 100_000_000;
const FARE_CENTS: i64 = 250;
/// Taps of a card are so far apart that no rule on fraud hits.
const TAPS_APART_MS: i64 = 600_000;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Operation {
    Tap { at_ms: i64 },
    Recharge { cents: i32 },
}

/// An operation that was sent since the last restart.
pub(super) struct Sent {
    pub(super) operation: Operation,
    pub(super) acknowledged: bool,
}

pub(super) struct Card {
    pub(super) id: i32,
    balance_cents: i64,
    taps: i64,
    pub(super) recharges: i64,
    pub(super) sent: Vec<Sent>,
}

impl Card {
    pub(super) fn new(id: i32) -> Card {
        Card { id, balance_cents: i64::from(FIRST_BALANCE_CENTS), taps: 0, recharges: 0, sent: Vec::new() }
    }

    pub(super) fn station(&self) -> i32 {
        self.id % 17 + 1
    }

    /// What to send next: three taps to a recharge, each with a time or an amount of its own.
    pub(super) fn next(&mut self) -> Operation {
        let taps = self.sent.iter().filter(|s| matches!(s.operation, Operation::Tap { .. })).count() as i64;
        let recharges = self.sent.len() as i64 - taps;
        let operation = if self.sent.len() % 4 == 3 {
            Operation::Recharge { cents: (self.recharges + recharges + 1) as i32 }
        } else {
            Operation::Tap { at_ms: self.tap_time_ms(self.taps + taps) }
        };
        self.sent.push(Sent { operation, acknowledged: false });
        operation
    }

    fn tap_time_ms(&self, number: i64) -> i64 {
        MORNING_MS + number * TAPS_APART_MS
    }

    /// Compares with the server after a restart, and takes over what was done of what was in doubt.
    pub(super) fn settle(&mut self, connection: &mut Connection) {
        let known = self.sent.iter().rposition(|s| s.acknowledged).map_or(0, |last| last + 1);
        let taps = self.taps_since(connection, self.taps);
        let recharges = self.recharges_there(connection) - self.recharges;
        let done = taps.len() + usize::try_from(recharges).expect("recharges do not vanish");
        assert!(done >= known, "card {}: {done} calls are there, of {known} acknowledged", self.id);
        assert!(
            done <= self.sent.len(),
            "card {}: {done} calls are there, {} were sent",
            self.id,
            self.sent.len()
        );
        let mut expected_taps = Vec::new();
        for sent in self.sent.drain(..).take(done) {
            match sent.operation {
                Operation::Tap { at_ms } => {
                    expected_taps.push(at_ms * 1000);
                    self.taps += 1;
                    self.balance_cents -= FARE_CENTS;
                }
                Operation::Recharge { cents } => {
                    self.recharges += 1;
                    self.balance_cents += i64::from(cents);
                }
            }
        }
        assert_eq!(taps, expected_taps, "card {}: taps since the last restart", self.id);
        assert_eq!(self.balance_there(connection), self.balance_cents, "card {}: balance", self.id);
    }

    /// Everything of the card, from its first call on.
    pub(super) fn check_everything(&self, connection: &mut Connection) {
        let expected: Vec<i64> = (0..self.taps).map(|number| self.tap_time_ms(number) * 1000).collect();
        assert_eq!(self.taps_since(connection, 0), expected, "card {}: all taps", self.id);
        assert_eq!(self.recharges_there(connection), self.recharges, "card {}: all recharges", self.id);
        let recharged: i64 = (1..=self.recharges).sum();
        let balance = i64::from(FIRST_BALANCE_CENTS) + recharged - FARE_CENTS * self.taps;
        assert_eq!(self.balance_there(connection), balance, "card {}: balance", self.id);
    }

    /// Times of the recorded taps from a number on, oldest first; each has to have been accepted for the
    /// fare.
    fn taps_since(&self, connection: &mut Connection, number: i64) -> Vec<i64> {
        let since_us = self.tap_time_ms(number) * 1000;
        let sql = format!(
            "SELECT date_time, amount, accept FROM card_events WHERE card_id = {} AND date_time >= {since_us} \
             ORDER BY date_time",
            self.id
        );
        let answer = connection.call("@AdHoc", &[Value::Varchar(sql)]).expect("the server answers");
        assert!(answer.is_success(), "{}", answer.status_text);
        let rows = answer.into_first_table().rows.into_iter().map(|row| match row.as_slice() {
            [Value::Timestamp(at), Value::Integer(250), Value::TinyInt(1)] => *at,
            other => panic!("card {}: {other:?} is not what was tapped", self.id),
        });
        rows.collect()
    }

    /// Recharges as the view over the stream of alerts counts them; nothing else alerts here.
    fn recharges_there(&self, connection: &mut Connection) -> i64 {
        let sql = format!("SELECT SUM(rechargecount) FROM card_export_stats WHERE card_id = {}", self.id);
        match line::succeed(connection, "@AdHoc", &[Value::Varchar(sql)]) {
            Some(Value::BigInt(count)) => count,
            Some(Value::Null) | None => 0,
            other => panic!("card {}: {other:?} is no count", self.id),
        }
    }

    fn balance_there(&self, connection: &mut Connection) -> i64 {
        let sql = format!("SELECT balance FROM cards WHERE card_id = {}", self.id);
        match line::succeed(connection, "@AdHoc", &[Value::Varchar(sql)]) {
            Some(Value::Integer(cents)) => i64::from(cents),
            other => panic!("card {}: {other:?} is no balance", self.id),
        }
    }
}
