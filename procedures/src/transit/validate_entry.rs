//! `ValidateEntry(card_id, date_time, station_id, activity_code, amount)`: may this card pass the gate?

use super::{
    fraud_rules,
    metro::{CardAlertExport, CardEvents, Fraud, ReadTables, Tables},
    recharge_card::alert,
    tap::{self, ACCEPTED, Answer, ENTRY, FRAUD, REJECTED},
};
use crate::{
    abort::Abort,
    transaction::{Outcome, Tx},
};
use tollgate_schema::{
    catalog::TableId,
    codec::ParamReader,
    store::{GroupAhead, RowId, Store},
    typed::Access,
};

const PAY_PER_RIDE: i8 = 0;

struct Entry {
    card_id: i32,
    at_us: i64,
    at_ms: i64,
    station_id: i16,
}

/// Judges an entry tap and records it, whatever comes of it. `date_time_ms`: milliseconds since 1970.
/// `activity_code` and `amount` belong to the published signature: the tap is an entry whatever they say, and
/// `amount` goes to the fraud stream as it was sent.
///
/// Aborts on an unknown station, before anything else.
pub(super) fn validate_entry(
    tx: &mut Tx<'_>,
    card_id: i32,
    date_time_ms: i64,
    station_id: i32,
    _activity_code: i8,
    amount: i32,
) -> Result<Answer, Abort> {
    let known = i16::try_from(station_id).ok();
    let Some(fare) = known.and_then(|id| tx.stations().get(id)).map(|s| i32::from(s.fare())) else {
        return Err(tap::unknown_station(station_id));
    };
    let station_id = station_id as i16;
    let tap = Entry { card_id, at_us: tap::event_time_us(date_time_ms)?, at_ms: date_time_ms, station_id };

    let Some(row) = tx.cards().find(card_id) else {
        return reject(tx, &tap, Answer::CardInvalid);
    };
    let card = tx.cards().at(row);
    let (card_type, balance, expires_us) = (card.card_type(), card.balance(), card.expires());
    let rides = card.accepted_entries();
    if card.enabled() == 0 {
        return reject(tx, &tap, Answer::CardDisabled);
    }
    if card_type == PAY_PER_RIDE {
        if balance < fare {
            alert_insufficient_balance(tx, &tap, row)?;
            return reject(tx, &tap, Answer::InsufficientBalance(balance));
        }
    } else if expires_us.is_none_or(|expires_us| expires_us <= tap.at_us) {
        return reject(tx, &tap, Answer::CardExpired);
    }
    if let Some(rule) = fraud_rules::judge(tap.at_us, tx.card_events().history(card_id)) {
        return report_fraud(tx, &tap, rule, amount);
    }

    let (charged, answer) = if card_type == PAY_PER_RIDE {
        (fare, Answer::RemainingBalance(balance - fare))
    } else {
        (0, Answer::CardExpires(expires_us.expect("checked above")))
    };
    let ride = rides.checked_add(1).ok_or_else(|| Abort::user("too many rides"))?;
    tx.cards().update_at(row, |card| {
        card.set_balance(balance - charged);
        card.set_accepted_entries(ride);
    })?;
    record(tx, &tap, charged, ACCEPTED, ride)?;
    tx.decided(Outcome::Accepted, 0);
    Ok(answer)
}

/// An alert takes the card's strings and is counted for the card and the station.
pub(super) fn foresee(store: &Store, base: TableId, parameters: &[u8]) -> Option<GroupAhead> {
    let mut reader = ParamReader::new(parameters).ok()?;
    let card_id = i32::try_from(reader.take_integer()?).ok()?;
    reader.take_integer()?;
    let station_id = i16::try_from(reader.take_integer()?).ok()?;
    let tables = ReadTables::new(store, base);
    let row = tables.cards().find(card_id)?;
    let card = tables.cards().peek(row);
    if card.card_type() != PAY_PER_RIDE || card.notify() == 0 || card.enabled() == 0 {
        return None;
    }
    let station = tables.stations().find(station_id)?;
    if card.balance() >= i32::from(tables.stations().peek(station).fare()) {
        return None;
    }
    tables.cards().prefetch_strings(row);
    tables.card_export_stats().prefetch(card_id, tables.stations().at(station).name())
}

/// `ride`: the number of an accepted entry, else 0.
fn record(tx: &mut Tx<'_>, tap: &Entry, amount: i32, accept: i8, ride: i32) -> Result<(), Abort> {
    Ok(tx.card_events().insert(CardEvents {
        card_id: tap.card_id,
        date_time: tap.at_us,
        station_id: tap.station_id,
        activity_code: ENTRY,
        amount,
        accept,
        ride,
    })?)
}

fn reject(tx: &mut Tx<'_>, tap: &Entry, answer: Answer) -> Result<Answer, Abort> {
    record(tx, tap, 0, REJECTED, 0)?;
    tx.decided(Outcome::Rejected, 0);
    Ok(answer)
}

fn report_fraud(tx: &mut Tx<'_>, tap: &Entry, rule: fraud_rules::Rule, amount: i32) -> Result<Answer, Abort> {
    record(tx, tap, 0, FRAUD, 0)?;
    let trans_id = format!("{}_{}", tap.card_id, tap.at_ms);
    tx.fraud().append(Fraud {
        trans_id: &trans_id,
        card_id: tap.card_id,
        date_time: tap.at_us,
        station: i32::from(tap.station_id),
        activity_type: ENTRY,
        amt: amount,
    })?;
    tx.decided(Outcome::Fraud, 1 << rule as u32);
    Ok(Answer::Fraudulent)
}

fn alert_insufficient_balance(tx: &mut Tx<'_>, tap: &Entry, row: RowId) -> Result<(), Abort> {
    let read = tx.read();
    let card = read.cards().at(row);
    if card.notify() == 0 {
        return Ok(());
    }
    let alert = CardAlertExport {
        station_name: read.stations().get(tap.station_id).and_then(|station| station.name()),
        ..alert(tx.now_us(), tap.card_id, Some(card), "Insufficient Balance")
    };
    let image = alert.image(tx.base())?;
    tx.card_alert_export().append_image(&image)?;
    Ok(())
}
