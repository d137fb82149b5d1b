//! Cards: created once, then recharged.

use super::{Drive, Driven, LAST_REPLIES_MAX, Stopwatch};
use crate::{
    client::{ClientError, Connection, Pipeline, pacer::Pacer},
    clock,
    simulate::{
        cards::{self, Card, Recharge},
        choice::StationChoice,
        tally::CallTally,
    },
};
use anyhow::{Result, ensure};
use parking_lot::Mutex;
use rand::rngs::SmallRng;
use std::{sync::Arc, time::Instant};
use tollgate_schema::{codec::ParamWriter, value::Value};

/// Creates cards 1 to `count` unless they are there. `progress` is told how many have been sent. Returns
/// whether there was anything to do.
pub fn create(drive: &Drive, count: i32, mut progress: impl FnMut(i32)) -> Result<bool> {
    let mut connection = Connection::open(&drive.server)?;
    if is_there(&mut connection, count)? {
        return Ok(false);
    }
    let tally = Arc::new(Mutex::new(CallTally::default()));
    let counted = tally.clone();
    let mut pipeline = Pipeline::open(&drive.server, drive.window, move |(), reply| {
        counted.lock().add(&reply);
    })?;
    // The last one tells that all are there, so it is created after them.
    for card_id in 1..count {
        if card_id % PROGRESS_EVERY == 0 {
            progress(card_id);
            ensure!(!drive.stop.is_stopped(), "stopped before all cards were created; the next run goes on");
        }
        insert(&mut pipeline, &cards::card(card_id))?;
    }
    pipeline.finish(LAST_REPLIES_MAX)?;
    check(&tally.lock())?;
    let mut last = Pipeline::open(&drive.server, 1, move |(), reply| {
        tally.lock().add(&reply);
    })?;
    insert(&mut last, &cards::card(count))?;
    last.finish(LAST_REPLIES_MAX)?;
    ensure!(is_there(&mut connection, count)?, "the last card could not be created");
    progress(count);
    Ok(true)
}

const PROGRESS_EVERY: i32 = 1_000;

fn is_there(connection: &mut Connection, card_id: i32) -> Result<bool> {
    let answer = connection.call("CARDS.select", &[Value::Integer(card_id)])?;
    ensure!(answer.is_success(), "CARDS.select: {}", answer.status_text);
    Ok(!answer.into_first_table().rows.is_empty())
}

/// A card that was there before is no failure: a run that was stopped left some.
fn check(tally: &CallTally) -> Result<()> {
    let reasons = &tally.failures.reasons;
    let other = reasons.keys().find(|reason| !is_duplicate(reason));
    ensure!(other.is_none(), "cards could not be created: {}", other.map_or("", String::as_str));
    Ok(())
}

/// Whether an insert failed because the row is there already.
pub(crate) fn is_duplicate(reason: &str) -> bool {
    let reason = reason.to_ascii_lowercase();
    ["constraint", "duplicate", "unique", "primary key"].iter().any(|word| reason.contains(word))
}

fn insert(pipeline: &mut Pipeline<()>, card: &Card) -> Result<(), ClientError> {
    pipeline.call("CARDS.insert", (), clock::now(), |params| put_card(params, card))
}

/// In the order of the table's columns.
fn put_card(params: &mut ParamWriter<'_>, card: &Card) {
    params.put_i32(card.card_id).put_i8(1).put_i8(0).put_i32(card.balance_cents).put_null();
    params.put_str(&card.name).put_str(&card.phone).put_str(&card.email).put_i8(card.notify);
}

/// Recharges of any cards, when they are due.
pub(super) struct RechargesDue {
    pacer: Pacer,
    cards: i32,
    random: SmallRng,
    stations: StationChoice,
    watch: Stopwatch,
}

impl RechargesDue {
    pub(super) fn new(per_second: f64, cards: i32, random: SmallRng) -> RechargesDue {
        let (stations, watch) = (StationChoice::default(), Stopwatch::start());
        RechargesDue { pacer: Pacer::new(per_second, 0), cards, random, stations, watch }
    }

    /// Waits for the next ones; each with when it was due. `None`: it is time to end.
    pub(super) fn next(&mut self, drive: &Drive) -> Option<Vec<(Recharge, Instant)>> {
        if !drive.wait_until(self.watch.at(self.pacer.next_us())) {
            return None;
        }
        let now_us = self.watch.now_us();
        let mut batch = Vec::new();
        while let Some(due_us) = self.pacer.take(now_us) {
            let station = self.stations.draw(&mut self.random).id;
            batch.push((cards::recharge(self.cards, station, &mut self.random), self.watch.at(due_us)));
        }
        Some(batch)
    }
}

/// Recharges any of cards 1 to `cards`, so many a second.
pub fn recharges(
    drive: &Drive,
    per_second: f64,
    cards: i32,
    random: SmallRng,
    tally: &Arc<Mutex<CallTally>>,
) -> Driven {
    let counted = tally.clone();
    let mut pipeline = Pipeline::open(&drive.server, drive.window, move |(), reply| {
        counted.lock().add(&reply);
    })?;
    let mut due = RechargesDue::new(per_second, cards, random);
    while let Some(batch) = due.next(drive) {
        for (recharge, due) in batch {
            pipeline.call("RechargeCard", (), due, |params| {
                params.put_i32(recharge.card_id).put_i32(recharge.amount_cents);
                params.put_i32(i32::from(recharge.station_id));
            })?;
        }
        pipeline.flush()?;
    }
    pipeline.finish(LAST_REPLIES_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        client::testing,
        stop::Stop,
        wire::volt::{
            response::{self, Tables},
            status::Status,
        },
    };
    use std::collections::BTreeSet;
    use tollgate_schema::{
        codec::{ParamReader, TableHeader},
        types::Type,
    };

    /// A server that has these cards; inserting one again fails.
    fn server(cards: &Arc<Mutex<BTreeSet<i64>>>, connections: usize) -> crate::client::ServerAddress {
        let cards = cards.clone();
        testing::serve_many(connections, move |call, out| {
            let mut params = ParamReader::new(call.params).unwrap();
            let card_id = params.next_param().unwrap().unwrap().as_integer().unwrap();
            let mut table = Vec::new();
            let header = TableHeader::new([("CARD_ID", Type::Integer)]);
            match call.name {
                "CARDS.select" if cards.lock().contains(&card_id) => {
                    header.one_row(&mut table, |row| {
                        row.put_i32(card_id as i32);
                    });
                    response::write_success(out, call.handle, Tables { count: 1, bytes: &table });
                }
                "CARDS.insert" if !cards.lock().insert(card_id) => {
                    let text = "violates the PRIMARY KEY of CARDS";
                    response::write_failure(out, call.handle, Status::GracefulFailure, text);
                }
                _ => response::write_success(out, call.handle, Tables::default()),
            }
            true
        })
    }

    #[test]
    fn cards_are_created_once_and_what_is_missing_is_added() {
        let cards = Arc::new(Mutex::new(BTreeSet::from([5, 6])));
        let server = server(&cards, 4);
        let drive = Drive { server, stop: Arc::new(Stop::default()), end: None, window: 16 };
        let mut told = Vec::new();
        assert!(create(&drive, 2_500, |sent| told.push(sent)).unwrap());
        assert_eq!(*cards.lock(), (1..=2_500).collect());
        assert_eq!(told, [1_000, 2_000, 2_500]);
        assert!(!create(&drive, 2_500, |_| panic!("nothing to do")).unwrap());
    }

    #[test]
    fn a_stop_leaves_the_last_card_out() {
        let cards = Arc::new(Mutex::new(BTreeSet::new()));
        let server = server(&cards, 2);
        let stop = Arc::new(Stop::default());
        stop.stop();
        let drive = Drive { server, stop, end: None, window: 16 };
        assert!(create(&drive, 2_500, |_| ()).is_err());
        assert!(!cards.lock().contains(&2_500));
    }
}
