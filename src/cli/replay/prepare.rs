//! The stations and cards that the taps need.

use crate::{
    client::{Pipeline, ServerAddress},
    clock,
    replay::{places::Places, survey::Survey, tap::Ticket},
    simulate::{drive::cards::is_duplicate, tally::CallTally},
};
use anyhow::{Result, ensure};
use parking_lot::Mutex;
use std::{sync::Arc, time::Duration};

const LAST_REPLIES_MAX: Duration = Duration::from_secs(60);
/// Writes to a replicated table are transactions of the whole node, one at a time.
const STATION_WINDOW: u32 = 64;
const BALANCE_CENTS: i32 = 10_000;
/// A season ticket is valid this long.
const SEASON_US: i64 = 366 * 24 * 3_600 * 1_000_000;

/// Creates stations and bus routes, or puts them right.
pub(super) fn stations(server: &ServerAddress, places: &Places) -> Result<()> {
    let (tally, mut pipeline) = open(server, STATION_WINDOW)?;
    for station in places.new_stations() {
        pipeline.call("STATIONS.upsert", (), clock::now(), |params| {
            params.put_i16(station.id).put_str(&station.name).put_i16(station.fare_cents).put_i32(0);
        })?;
    }
    pipeline.finish(LAST_REPLIES_MAX)?;
    let tally = tally.lock();
    let reason = tally.failures.reasons.keys().next();
    ensure!(reason.is_none(), "STATIONS.upsert: {}", reason.map_or("", String::as_str));
    Ok(())
}

/// Creates the cards that are not there yet.
pub(super) fn cards(server: &ServerAddress, window: u32, survey: &Survey, start_us: i64) -> Result<()> {
    let (tally, mut pipeline) = open(server, window)?;
    for (card_id, ticket) in survey.cards() {
        let season = ticket == Ticket::Season;
        pipeline.call("CARDS.insert", (), clock::now(), |params| {
            params.put_i32(card_id).put_i8(1).put_i8(i8::from(season));
            if season {
                params.put_i32(0).put_timestamp(start_us + SEASON_US);
            } else {
                params.put_i32(BALANCE_CENTS).put_null();
            }
            params.put_null().put_null().put_null().put_i8(0);
        })?;
    }
    pipeline.finish(LAST_REPLIES_MAX)?;
    let tally = tally.lock();
    let reason = tally.failures.reasons.keys().find(|reason| !is_duplicate(reason));
    ensure!(reason.is_none(), "CARDS.insert: {}", reason.map_or("", String::as_str));
    Ok(())
}

fn open(server: &ServerAddress, window: u32) -> Result<(Arc<Mutex<CallTally>>, Pipeline<()>)> {
    let tally = Arc::new(Mutex::new(CallTally::default()));
    let counted = tally.clone();
    let pipeline = Pipeline::open(server, window, move |(), reply| {
        counted.lock().add(&reply);
    })?;
    Ok((tally, pipeline))
}
