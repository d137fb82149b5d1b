//! `ProcessExit(card_id, date_time, station_id, activity_code, amount)`: a card leaves; a trip may be
//! complete.

use super::{
    metro::{CardEvents, Tables, Trips},
    tap::{self, ACCEPTED, Answer, ENTRY, EXIT},
};
use crate::{
    abort::Abort,
    transaction::{Outcome, Tx},
};

/// A card's rides are numbered from 1 in the order their entries were accepted; the number stands with the
/// entry, negative once an exit was paired with it.
///
/// Records the exit and pairs it with the card's latest accepted entry at or before it, if no exit has been
/// paired with that entry: then a `trips` row is written. Aborts on an unknown station.
pub(super) fn process_exit(
    tx: &mut Tx<'_>,
    card_id: i32,
    date_time_ms: i64,
    station_id: i32,
    _activity_code: i8,
    _amount: i32,
) -> Result<Answer, Abort> {
    let exit_station = i16::try_from(station_id)
        .ok()
        .filter(|&id| tx.stations().get(id).is_some())
        .ok_or_else(|| tap::unknown_station(station_id))?;
    let exit_us = tap::event_time_us(date_time_ms)?;
    let entry = tx
        .card_events()
        .history(card_id)
        .find(|e| e.date_time() <= exit_us && e.activity_code() == ENTRY && e.accept() == ACCEPTED)
        .map(|e| CardEvents {
            card_id,
            date_time: e.date_time(),
            station_id: e.station_id(),
            activity_code: ENTRY,
            amount: e.amount(),
            accept: ACCEPTED,
            ride: e.ride(),
        });
    tx.card_events().insert(CardEvents {
        card_id,
        date_time: exit_us,
        station_id: exit_station,
        activity_code: EXIT,
        amount: 0,
        accept: ACCEPTED,
        ride: 0,
    })?;
    // Numbers below 0 had their exit; 0 has an entry that was loaded, not judged.
    if let Some(entry) = entry.filter(|entry| entry.ride > 0) {
        let trip_id = format!("{card_id}_{}", entry.ride);
        tx.card_events().delete(entry)?;
        tx.card_events().insert(CardEvents { ride: -entry.ride, ..entry })?;
        tx.trips().append(Trips {
            trip_id: &trip_id,
            card_id,
            entry_station: i32::from(entry.station_id),
            entry_time: entry.date_time,
            exit_station: i32::from(exit_station),
            exit_time: exit_us,
        })?;
    }
    tx.decided(Outcome::None, 0);
    Ok(Answer::ExitRecorded)
}
