//! What a tap is, and the answer to one: `card_accepted TINYINT, message STRING`.

use super::Money;
use crate::{
    abort::Abort,
    results::{Results, ToResults},
};
use std::{fmt::Write, sync::LazyLock};
use tollgate_schema::{
    codec::table::TableHeader,
    types::{Type, VARCHAR_DEFAULT},
    value::timestamp,
};

/// `card_events.activity_code`.
pub const ENTRY: i8 = 1;
pub const EXIT: i8 = -1;

/// `card_events.accept`.
pub const ACCEPTED: i8 = 1;
pub const REJECTED: i8 = 0;
pub const FRAUD: i8 = -1;

/// Times that can be printed: the years 1 to 9999.
const TIMES_US: std::ops::RangeInclusive<i64> = -62_135_596_800_000_000..=253_402_300_799_999_999;

/// A tap's time comes in milliseconds, is kept in microseconds.
pub(super) fn event_time_us(date_time_ms: i64) -> Result<i64, Abort> {
    date_time_ms
        .checked_mul(1000)
        .filter(|us| TIMES_US.contains(us))
        .ok_or_else(|| Abort::user(format!("date_time {date_time_ms} ms is out of range")))
}

/// Why a station is refused: the text names it.
pub(super) fn unknown_station(station_id: i32) -> Abort {
    Abort::user(format!("unknown station {station_id}"))
}

/// The answer to a tap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    CardInvalid,
    CardDisabled,
    /// The balance, in cents.
    InsufficientBalance(i32),
    CardExpired,
    Fraudulent,
    /// The balance that is left, in cents.
    RemainingBalance(i32),
    /// When an unlimited card ends, microseconds.
    CardExpires(i64),
    ExitRecorded,
}

impl Answer {
    fn accepted(self) -> i8 {
        let accepted =
            matches!(self, Answer::RemainingBalance(_) | Answer::CardExpires(_) | Answer::ExitRecorded);
        i8::from(accepted)
    }

    /// Appends the text.
    fn write_message(self, out: &mut String) {
        let text = match self {
            Answer::CardInvalid => "Card Invalid",
            Answer::CardDisabled => "Card Disabled",
            Answer::CardExpired => "Card Expired",
            Answer::Fraudulent => "Fraudulent transaction",
            Answer::ExitRecorded => "",
            Answer::InsufficientBalance(cents) => {
                return write!(out, "Card has insufficient balance: {}", Money(cents))
                    .expect("a String takes it");
            }
            Answer::RemainingBalance(cents) => {
                return write!(out, "Remaining Balance: {}", Money(cents)).expect("a String takes it");
            }
            Answer::CardExpires(us) => {
                return write!(out, "Card Expires: {}", timestamp::Display(us)).expect("a String takes it");
            }
        };
        out.push_str(text);
    }
}

static HEADER: LazyLock<TableHeader> =
    LazyLock::new(|| TableHeader::new([("card_accepted", Type::TinyInt), ("message", VARCHAR_DEFAULT)]));

impl ToResults for Answer {
    #[inline]
    fn to_results(self, results: &mut Results<'_>) {
        let mut message = String::with_capacity(48);
        self.write_message(&mut message);
        results.one_row(&HEADER, |row| {
            row.put_i8(self.accepted()).put_str(&message);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_reads_as_dollars_and_cents() {
        for (cents, text) in [(0, "0.00"), (5, "0.05"), (250, "2.50"), (-7, "-0.07"), (100_000, "1000.00")] {
            assert_eq!(Money(cents).to_string(), text);
        }
    }
}
