//! `RechargeCard(card_id, amount, station_id)`: money in, once.

use super::metro::{CardAlertExport, CardsRef, ReadTables, Tables};
use crate::{abort::Abort, transaction::Tx};
use tollgate_schema::{
    catalog::TableId,
    codec::ParamReader,
    store::{GroupAhead, Store},
    typed::Access,
};

const PAY_PER_RIDE: i8 = 0;

/// Adds `amount` cents to a pay-per-ride card. Whatever comes of it is written to `card_alert_export`; a
/// recharge that is refused changes nothing else. Answers 0.
pub(super) fn recharge_card(
    tx: &mut Tx<'_>,
    card_id: i32,
    amount: i32,
    station_id: i32,
) -> Result<i64, Abort> {
    let station = i16::try_from(station_id).ok().and_then(|id| tx.stations().get(id));
    let station_name = station.map(|s| s.name().unwrap_or_default().to_string());
    let card = tx.cards().get(card_id).map(|card| (card.card_type(), card.balance()));
    let message = match (card, &station_name) {
        (None, _) => "Card not recharged: unknown card".to_string(),
        (_, None) => format!("Card not recharged: unknown station {station_id}"),
        (Some((card_type, _)), _) if card_type != PAY_PER_RIDE => {
            "Card not recharged: unlimited card".to_string()
        }
        _ if amount <= 0 => format!("Card not recharged: amount {amount}"),
        (Some((_, balance)), _) => match balance.checked_add(amount) {
            None => "Card not recharged: balance would be too large".to_string(),
            Some(balance) => {
                tx.cards().update(card_id, |card| card.set_balance(balance))?;
                "Card recharged successfully".to_string()
            }
        },
    };
    let read = tx.read();
    let alert = alert(tx.now_us(), card_id, read.cards().get(card_id), &message);
    let image = CardAlertExport { station_name: station_name.as_deref(), ..alert }.image(tx.base())?;
    tx.card_alert_export().append_image(&image)?;
    Ok(0)
}

/// Whatever comes of it is an alert, with the card's strings, which is counted for the card and the station.
pub(super) fn foresee(store: &Store, base: TableId, parameters: &[u8]) -> Option<GroupAhead> {
    let mut reader = ParamReader::new(parameters).ok()?;
    let card_id = i32::try_from(reader.take_integer()?).ok()?;
    reader.take_integer()?;
    let station_id = reader.take_integer()?;
    let tables = ReadTables::new(store, base);
    tables.cards().find(card_id).into_iter().for_each(|row| tables.cards().prefetch_strings(row));
    let station = i16::try_from(station_id).ok().and_then(|id| tables.stations().find(id));
    let station_name = station.map(|row| tables.stations().at(row).name().unwrap_or_default());
    tables.card_export_stats().prefetch(card_id, station_name)
}

/// An alert about a card that may be unknown, for whoever is to be told; without a station.
pub(super) fn alert<'a>(
    now_us: i64,
    card_id: i32,
    card: Option<CardsRef<'a>>,
    message: &'a str,
) -> CardAlertExport<'a> {
    CardAlertExport {
        card_id,
        export_time: now_us,
        station_name: None,
        name: card.and_then(|card| card.name()),
        phone: card.and_then(|card| card.phone()),
        email: card.and_then(|card| card.email()),
        notify: card.map_or(0, |card| card.notify()),
        alert_message: message,
    }
}
