//! What a tap is, and the answer to one: `card_accepted TINYINT, message STRING`.

use crate::{
    abort::Abort,
    results::{Results, ToResults},
};
use std::sync::LazyLock;
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

    /// The text, without going through the formatting machinery: every tap has one.
    fn message(self) -> Message {
        let mut message = Message::default();
        match self {
            Answer::CardInvalid => message.push("Card Invalid"),
            Answer::CardDisabled => message.push("Card Disabled"),
            Answer::CardExpired => message.push("Card Expired"),
            Answer::Fraudulent => message.push("Fraudulent transaction"),
            Answer::ExitRecorded => {}
            Answer::InsufficientBalance(cents) => {
                message.push("Card has insufficient balance: ");
                message.push_money(cents);
            }
            Answer::RemainingBalance(cents) => {
                message.push("Remaining Balance: ");
                message.push_money(cents);
            }
            Answer::CardExpires(us) => {
                message.push("Card Expires: ");
                message.push(&timestamp::Display(us).to_string());
            }
        }
        message
    }
}

/// A short text on the stack.
struct Message {
    bytes: [u8; 64],
    length: usize,
}

impl Default for Message {
    fn default() -> Message {
        Message { bytes: [0; 64], length: 0 }
    }
}

impl Message {
    fn push(&mut self, text: &str) {
        self.bytes[self.length..self.length + text.len()].copy_from_slice(text.as_bytes());
        self.length += text.len();
    }

    /// Cents as `D.CC`.
    fn push_money(&mut self, cents: i32) {
        let mut digits = [0; 16];
        let (mut at, mut left) = (digits.len(), cents.unsigned_abs());
        // At least three digits, the point before the last two.
        while left > 0 || at > digits.len() - 4 {
            if at == digits.len() - 2 {
                at -= 1;
                digits[at] = b'.';
            }
            at -= 1;
            digits[at] = b'0' + (left % 10) as u8;
            left /= 10;
        }
        if cents < 0 {
            at -= 1;
            digits[at] = b'-';
        }
        self.push(std::str::from_utf8(&digits[at..]).expect("digits are ASCII"));
    }

    fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..self.length]).expect("pushed as text")
    }
}

static HEADER: LazyLock<TableHeader> =
    LazyLock::new(|| TableHeader::new([("card_accepted", Type::TinyInt), ("message", VARCHAR_DEFAULT)]));

impl ToResults for Answer {
    #[inline]
    fn to_results(self, results: &mut Results<'_>) {
        let message = self.message();
        results.one_row(&HEADER, |row| {
            row.put_i8(self.accepted()).put_str(message.as_str());
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_reads_as_dollars_and_cents() {
        let texts =
            [(0, "0.00"), (5, "0.05"), (99, "0.99"), (250, "2.50"), (-7, "-0.07"), (100_000, "1000.00")];
        for (cents, text) in texts {
            let mut message = Message::default();
            message.push_money(cents);
            assert_eq!(message.as_str(), text);
        }
        for cents in [i32::MIN, i32::MAX] {
            let mut message = Message::default();
            message.push_money(cents);
            assert_eq!(message.as_str().replace('.', ""), cents.to_string());
        }
    }
}
