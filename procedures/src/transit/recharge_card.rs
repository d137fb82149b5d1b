//! `RechargeCard(card_id, amount, station_id)`: money in, once.

use super::metro::{CardAlertExport, CardsRef, Tables};
use crate::{abort::Abort, transaction::Tx};
use std::ops::Range;

const PAY_PER_RIDE: i8 = 0;

/// Adds `amount` cents to a pay-per-ride card. Whatever comes of it is written to `card_alert_export`; a recharge
/// that is refused changes nothing else. Answers 0.
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
    let contact = tx.cards().get(card_id).map(Contact::of).unwrap_or_default();
    let row = CardAlertExport {
        station_name: station_name.as_deref(),
        ..contact.row(card_id, tx.now_us(), &message)
    };
    tx.card_alert_export().append(row)?;
    Ok(0)
}

/// Whom an alert about a card goes to, copied from the card: the alert changes rows.
#[derive(Default)]
pub(super) struct Contact {
    /// Name, phone and e-mail, one after another: one allocation for all.
    text: String,
    name: Option<Range<usize>>,
    phone: Option<Range<usize>>,
    email: Option<Range<usize>>,
    notify: i8,
}

impl Contact {
    pub(super) fn of(card: CardsRef<'_>) -> Contact {
        let mut text = String::with_capacity(128);
        let mut keep = |part: Option<&str>| {
            let start = text.len();
            text.push_str(part?);
            Some(start..text.len())
        };
        let (name, phone, email) = (keep(card.name()), keep(card.phone()), keep(card.email()));
        Contact { text, name, phone, email, notify: card.notify() }
    }

    fn part(&self, part: &Option<Range<usize>>) -> Option<&str> {
        part.clone().map(|range| &self.text[range])
    }

    pub(super) fn row<'a>(&'a self, card_id: i32, now_us: i64, message: &'a str) -> CardAlertExport<'a> {
        CardAlertExport {
            card_id,
            export_time: now_us,
            station_name: None,
            name: self.part(&self.name),
            phone: self.part(&self.phone),
            email: self.part(&self.email),
            notify: self.notify,
            alert_message: message,
        }
    }
}
