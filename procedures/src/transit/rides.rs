//! Which accepted entries wait for their exit. A card's rides are numbered from 1 in the order they were accepted.
//!
//! The ride accepted last stands in `card_rides`, beside the card's count; one that is overtaken before its exit
//! moves to `open_rides`. So the usual tap and exit touch one small row. Accepted entries of a card have different
//! times (the double-tap rule), so the entry's time names the ride.

use super::metro::{CardRides, OpenRides, Tables};
use crate::{abort::Abort, transaction::Tx};

/// An entry was accepted.
pub(super) fn open(tx: &mut Tx<'_>, card_id: i32, entry_us: i64) -> Result<(), Abort> {
    let Some(rides) = tx.card_rides().get(card_id) else {
        tx.card_rides().insert(CardRides {
            card_id,
            accepted_entries: 1,
            open_time: Some(entry_us),
            open_ride: Some(1),
        })?;
        return Ok(());
    };
    let ride = rides.accepted_entries().checked_add(1).ok_or_else(|| Abort::user("too many rides"))?;
    if let (Some(entry_time), Some(overtaken)) = (rides.open_time(), rides.open_ride()) {
        tx.open_rides().insert(OpenRides { card_id, entry_time, ride: overtaken })?;
    }
    tx.card_rides().update(card_id, |rides| {
        rides.set_accepted_entries(ride);
        rides.set_open_time(Some(entry_us));
        rides.set_open_ride(Some(ride));
    })?;
    Ok(())
}

/// An exit is paired with the entry at `entry_us`: the ride's number, or nothing when an exit was paired with it before.
pub(super) fn close(tx: &mut Tx<'_>, card_id: i32, entry_us: i64) -> Result<Option<i32>, Abort> {
    let Some(rides) = tx.card_rides().get(card_id) else { return Ok(None) };
    if let (Some(open_time), Some(ride)) = (rides.open_time(), rides.open_ride())
        && open_time == entry_us
    {
        tx.card_rides().update(card_id, |rides| {
            rides.set_open_time(None);
            rides.set_open_ride(None);
        })?;
        return Ok(Some(ride));
    }
    let waiting = tx.open_rides().history(card_id).find(|ride| ride.entry_time() == entry_us);
    let Some(ride) = waiting.map(|ride| ride.ride()) else { return Ok(None) };
    tx.open_rides().delete(OpenRides { card_id, entry_time: entry_us, ride })?;
    Ok(Some(ride))
}
