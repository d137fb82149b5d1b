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
            .foreseeing(validate_entry::foresee)
            .deciding_by(fraud_rules::NAMES),
        Procedure::single("ProcessExit", TAP, process_exit::process_exit).touching(["card_events"]),
        Procedure::single("RechargeCard", ["card_id", "amount", "station_id"], recharge_card::recharge_card)
            .touching(["cards"])
            .foreseeing(recharge_card::foresee),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Registry;
    use rand::{Rng, SeedableRng, rngs::SmallRng};
    use std::sync::Arc;
    use tollgate_schema::{codec::params::ParamWriter, store::Store, value::Value};

    /// Parameters are looked at before anybody has checked them.
    #[test]
    fn whatever_the_parameters_are_looking_ahead_does_not_panic() {
        let registry = Registry::new().schema("metro", metro::DDL, procedures()).expect("the metro's schema");
        let store = Store::new(Arc::new(registry.catalog().clone()));
        let mut rng = SmallRng::seed_from_u64(8);
        let mut good = Vec::new();
        let mut writer = ParamWriter::new(&mut good);
        for value in [Value::Integer(1), Value::BigInt(1), Value::Integer(1), Value::Null, Value::Null] {
            writer.put_value(&value);
        }
        writer.finish();
        for name in ["ValidateEntry", "RechargeCard"] {
            let registered = registry.get(registry.find(name).expect("it is registered"));
            let foresee = registered.procedure.foresee.expect("it looks ahead");
            for _ in 0..20_000 {
                let mut bytes = good.clone();
                bytes.truncate(rng.random_range(0..=bytes.len()));
                for _ in 0..rng.random_range(0..3) {
                    if let Some(byte) = rng.random_range(0..bytes.len() + 1).checked_sub(1) {
                        bytes[byte] = rng.random();
                    }
                }
                let foreseen = foresee(&store, registered.base, &bytes);
                assert!(foreseen.is_none() || name == "RechargeCard", "there is no card to tell anybody of");
            }
        }
    }
}
