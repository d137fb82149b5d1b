//! The metro: cards are tapped, recharged, and judged. One procedure a file.
//!
//! - [`validate_entry`]: where a tap is judged, with the fraud rules in [`fraud_rules`];
//! - [`process_exit`]: an exit, and the trip it ends;
//! - [`recharge_card`]: money in.

pub mod fraud_rules;
mod process_exit;
mod recharge_card;
mod tap;
mod validate_entry;

use crate::procedure::Procedure;
pub use tap::{ACCEPTED, ENTRY, EXIT, FRAUD, REJECTED};

tollgate_schema_macros::schema! {
    /// `schema/metro.sql`, typed.
    pub mod metro = "../schema/metro.sql";
}

const TAP: [&str; 5] = ["card_id", "date_time", "station_id", "activity_code", "amount"];

/// The metro's procedures.
pub fn procedures() -> Vec<Procedure> {
    vec![
        Procedure::single("ValidateEntry", TAP, validate_entry::validate_entry)
            .touching(["cards", "card_events"])
            .deciding_by(fraud_rules::NAMES),
        Procedure::single("ProcessExit", TAP, process_exit::process_exit).touching(["card_events"]),
        Procedure::single("RechargeCard", ["card_id", "amount", "station_id"], recharge_card::recharge_card)
            .touching(["cards"]),
    ]
}
