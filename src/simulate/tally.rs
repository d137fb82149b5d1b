//! What calls came to, counted. Pure.

use crate::{
    client::{Reply, latency::Latency},
    wire::volt::{response::Response, status::Status},
};
use std::collections::BTreeMap;
use tollgate_schema::codec::RawParam;

/// What ValidateEntry answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    Accepted,
    CardInvalid,
    CardDisabled,
    InsufficientBalance,
    CardExpired,
    Fraud,
}

impl Outcome {
    pub const ALL: [Outcome; 6] = [
        Outcome::Accepted,
        Outcome::CardInvalid,
        Outcome::CardDisabled,
        Outcome::InsufficientBalance,
        Outcome::CardExpired,
        Outcome::Fraud,
    ];

    /// In words, and as a key in JSON with `_` for the spaces.
    pub fn name(self) -> &'static str {
        match self {
            Outcome::Accepted => "accepted",
            Outcome::CardInvalid => "card invalid",
            Outcome::CardDisabled => "card disabled",
            Outcome::InsufficientBalance => "insufficient balance",
            Outcome::CardExpired => "card expired",
            Outcome::Fraud => "fraud",
        }
    }

    /// Reads the answer; the error says what is wrong with it, or with the call.
    pub fn of(response: &Response<'_>) -> Result<Outcome, String> {
        if response.status != Status::Success {
            return Err(reason_of(response));
        }
        let read = || {
            let table = response.tables.iter().next()?.ok()?;
            let mut row = table.rows().next()?.ok()?;
            let accepted = row.next()?.ok()?.as_integer()?;
            match row.next()?.ok()? {
                RawParam::Varchar(message) => Outcome::from_message(accepted, message),
                _ => None,
            }
        };
        read().ok_or_else(|| "an answer that is no decision".to_string())
    }

    fn from_message(accepted: i64, message: &str) -> Option<Outcome> {
        match (accepted, message) {
            (1, _) => Some(Outcome::Accepted),
            (0, "Card Invalid") => Some(Outcome::CardInvalid),
            (0, "Card Disabled") => Some(Outcome::CardDisabled),
            (0, "Card Expired") => Some(Outcome::CardExpired),
            (0, "Fraudulent transaction") => Some(Outcome::Fraud),
            (0, text) if text.starts_with("Card has insufficient balance") => {
                Some(Outcome::InsufficientBalance)
            }
            _ => None,
        }
    }
}

/// Why a call failed, in one line.
pub fn reason_of(response: &Response<'_>) -> String {
    let text = response.status_text.unwrap_or("no reason given");
    // What VoltDB's servers put in front of an abort says no more than the status.
    let text = text.strip_prefix("VOLTDB ERROR: USER ABORT").unwrap_or(text);
    let words: Vec<&str> = text.split_whitespace().collect();
    format!("{}: {}", response.status.name(), words.join(" "))
}

/// Calls that failed, by reason.
#[derive(Clone, Debug, Default)]
pub struct Failures {
    pub count: u64,
    /// The first different reasons.
    pub reasons: BTreeMap<String, u64>,
}

/// More different reasons are only counted.
const REASONS_MAX: usize = 16;

impl Failures {
    pub fn add(&mut self, reason: &str) {
        self.count += 1;
        if let Some(count) = self.reasons.get_mut(reason) {
            *count += 1;
        } else if self.reasons.len() < REASONS_MAX {
            self.reasons.insert(reason.to_string(), 1);
        }
    }

    /// Those whose reason is none of the first.
    pub fn others(&self) -> u64 {
        self.count - self.reasons.values().sum::<u64>()
    }
}

/// Calls whose answer says no more than that they were done.
#[derive(Clone, Debug, Default)]
pub struct CallTally {
    pub done: u64,
    pub failures: Failures,
    pub latency: Latency,
}

/// Why a call has no answer.
pub const LOST: &str = "the connection was lost before the answer came";

impl CallTally {
    /// Counts a call; true: it was done.
    pub fn add(&mut self, reply: &Reply<'_>) -> bool {
        self.latency.record(reply.took);
        let reason = match &reply.response {
            Some(response) if response.status == Status::Success => {
                self.done += 1;
                return true;
            }
            Some(response) => reason_of(response),
            None => LOST.to_string(),
        };
        self.failures.add(&reason);
        false
    }
}

/// Decisions about entries.
#[derive(Clone, Debug, Default)]
pub struct TapTally {
    outcomes: [u64; Outcome::ALL.len()],
    pub failures: Failures,
    pub latency: Latency,
    /// As `latency`, since the last [`TapTally::take_interval`].
    interval: Latency,
}

impl TapTally {
    /// Counts a reply to ValidateEntry; the decision, if there was one.
    pub fn add(&mut self, reply: &Reply<'_>) -> Option<Outcome> {
        self.latency.record(reply.took);
        self.interval.record(reply.took);
        let outcome = match &reply.response {
            Some(response) => Outcome::of(response),
            None => Err(LOST.to_string()),
        };
        match outcome {
            Ok(outcome) => {
                self.outcomes[outcome as usize] += 1;
                Some(outcome)
            }
            Err(reason) => {
                self.failures.add(&reason);
                None
            }
        }
    }

    pub fn count(&self, outcome: Outcome) -> u64 {
        self.outcomes[outcome as usize]
    }

    /// Calls that were answered with a decision.
    pub fn decisions(&self) -> u64 {
        self.outcomes.iter().sum()
    }

    /// Neither accepted nor fraud.
    pub fn rejected(&self) -> u64 {
        self.decisions() - self.count(Outcome::Accepted) - self.count(Outcome::Fraud)
    }

    /// The durations since this was last asked.
    pub fn take_interval(&mut self) -> Latency {
        let taken = self.interval.clone();
        self.interval.clear();
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::volt::response::Tables;
    use std::time::Duration;
    use tollgate_schema::{
        codec::TableHeader,
        types::{Type, VARCHAR_DEFAULT},
    };

    fn reply_with(tally: &mut TapTally, accepted: i8, message: &str) -> Option<Outcome> {
        let header = TableHeader::new([("card_accepted", Type::TinyInt), ("message", VARCHAR_DEFAULT)]);
        let mut bytes = Vec::new();
        header.one_row(&mut bytes, |row| {
            row.put_i8(accepted).put_str(message);
        });
        let response = Response::success(1, Tables { count: 1, bytes: &bytes });
        tally.add(&Reply { response: Some(response), took: Duration::from_millis(1) })
    }

    #[test]
    fn decisions_are_told_apart() {
        let mut tally = TapTally::default();
        for (accepted, message, expected) in [
            (1, "Remaining Balance: 2.50", Some(Outcome::Accepted)),
            (1, "Card Expires: 2030-01-01 00:00:00.000000", Some(Outcome::Accepted)),
            (0, "Card Invalid", Some(Outcome::CardInvalid)),
            (0, "Card Disabled", Some(Outcome::CardDisabled)),
            (0, "Card has insufficient balance: 1.20", Some(Outcome::InsufficientBalance)),
            (0, "Card Expired", Some(Outcome::CardExpired)),
            (0, "Fraudulent transaction", Some(Outcome::Fraud)),
            (0, "Something else", None),
        ] {
            assert_eq!(reply_with(&mut tally, accepted, message), expected, "{message}");
        }
        assert_eq!((tally.decisions(), tally.rejected(), tally.failures.count), (7, 4, 1));
        assert_eq!(tally.take_interval().summary().count, 8);
        assert_eq!(tally.take_interval().summary().count, 0);
        assert_eq!(tally.latency.summary().count, 8);
    }

    #[test]
    fn failures_are_kept_by_reason() {
        let mut tally = TapTally::default();
        let text = "VOLTDB ERROR: USER ABORT\n  no station 99";
        let response = Response::failure(1, Status::UserAbort, text);
        tally.add(&Reply { response: Some(response), took: Duration::ZERO });
        tally.add(&Reply { response: None, took: Duration::ZERO });
        let reasons: Vec<_> = tally.failures.reasons.iter().map(|(r, n)| (r.as_str(), *n)).collect();
        assert_eq!(reasons, [("USER_ABORT: no station 99", 1), (LOST, 1)]);
        for n in 0..100 {
            tally.failures.add(&format!("reason {n}"));
        }
        assert_eq!((tally.failures.count, tally.failures.reasons.len()), (102, REASONS_MAX));
        assert_eq!(tally.failures.others(), 102 - REASONS_MAX as u64);
    }
}
