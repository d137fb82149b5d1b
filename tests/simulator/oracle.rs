//! What must be true of a history: every acknowledged operation is there once, a refused one never, and the
//! order of the counters' values agrees with real time (linearizability of each counter).

use super::workload::{ABORT_EVERY, Operation};
use std::collections::BTreeMap;

/// One operation as its client saw it.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) operation: Operation,
    pub(super) invoked_us: i64,
    pub(super) replied_us: Option<i64>,
    pub(super) outcome: Outcome,
    /// How often it was asked for, and how many of these came to nothing for certain.
    pub(super) attempts: u32,
    pub(super) refused: u32,
}

impl Seen {
    pub(super) fn new(operation: Operation, now_us: i64) -> Seen {
        let outcome = Outcome::Unknown;
        Seen { operation, invoked_us: now_us, replied_us: None, outcome, attempts: 1, refused: 0 }
    }

    /// It is asked for once more.
    pub(super) fn again(&mut self) {
        self.attempts += 1;
        if self.outcome == Outcome::NotApplied {
            self.outcome = Outcome::Unknown;
        }
    }

    /// One of the attempts was answered.
    pub(super) fn answered(&mut self, number: i64, outcome: Outcome, now_us: i64) {
        assert!(
            self.attempts > 1 || self.outcome == Outcome::Unknown,
            "operation {number} was answered twice: {self:?}, now {outcome:?}"
        );
        match (self.outcome, outcome) {
            (Outcome::Done(first), Outcome::Done(now)) => {
                assert_eq!(first, now, "a repetition of operation {number} gets the first answer");
            }
            (Outcome::Done(_), Outcome::Aborted) | (Outcome::Aborted, Outcome::Done(_)) => {
                panic!("operation {number}: {self:?}, now {outcome:?}")
            }
            // Another attempt may still have come to something.
            (_, Outcome::NotApplied) => {
                self.refused += 1;
                let is_certain = self.outcome == Outcome::Unknown && self.refused == self.attempts;
                if is_certain {
                    self.outcome = Outcome::NotApplied;
                }
            }
            (_, outcome) => {
                self.outcome = outcome;
                self.replied_us.get_or_insert(now_us);
            }
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Outcome {
    /// No reply (yet): it may have happened.
    Unknown,
    /// It happened, with this answer.
    Done(i64),
    /// It definitely did not happen.
    NotApplied,
    /// The procedure refused; rolled back.
    Aborted,
}

/// What the journals of all partitions hold at the end: (key, operation, value), and the operations found in
/// the tables that every partition has, with the number of partitions they are in.
pub(super) struct Final {
    pub(super) journal: Vec<(i64, i64, i64)>,
    pub(super) everywhere: BTreeMap<i64, usize>,
    pub(super) partitions: usize,
    /// Rows whose time was over long ago.
    pub(super) expired: u64,
}

/// # Panics
/// If the history breaks a promise; the text says which.
pub(super) fn check(history: &BTreeMap<i64, Seen>, last: &Final) {
    assert_eq!(last.expired, 0, "what has a time to live is gone");
    let mut journal: BTreeMap<i64, (i64, i64)> = BTreeMap::new();
    let mut counters: BTreeMap<i64, i64> = BTreeMap::new();
    for &(key, operation, value) in &last.journal {
        let earlier = journal.insert(operation, (key, value));
        assert_eq!(earlier, None, "operation {operation} happened twice");
        let counter = counters.entry(key).or_default();
        *counter += 1;
        assert_eq!(value, *counter, "counter {key} counts one by one in the order of its journal");
    }
    for (number, seen) in history {
        check_one(*number, seen, &journal, last);
    }
    for operation in journal.keys() {
        assert!(history.contains_key(operation), "operation {operation} was never asked for");
    }
    check_real_time(history, &journal);
}

fn check_one(number: i64, seen: &Seen, journal: &BTreeMap<i64, (i64, i64)>, last: &Final) {
    let found = journal.get(&number);
    match (seen.operation, seen.outcome) {
        (Operation::Append { key }, Outcome::Done(value)) => {
            assert_eq!(
                found,
                Some(&(key, value)),
                "acknowledged operation {number} is lost or changed: {seen:?}"
            );
        }
        (Operation::Append { .. }, Outcome::NotApplied | Outcome::Aborted) => {
            assert_eq!(found, None, "operation {number} was refused, yet it is there: {seen:?}");
        }
        (Operation::Append { .. }, Outcome::Unknown) => {
            assert!(found.is_none() || number % ABORT_EVERY != 0, "an aborted operation {number} is there");
        }
        (Operation::Read { .. }, _) => assert_eq!(found, None, "a read wrote"),
        (Operation::Everywhere, outcome) => {
            let places = last.everywhere.get(&number).copied().unwrap_or(0);
            assert!(places == 0 || places == last.partitions, "operation {number} is in {places} partitions");
            match outcome {
                Outcome::Done(_) => assert_eq!(places, last.partitions, "operation {number} is lost"),
                Outcome::NotApplied | Outcome::Aborted => {
                    assert_eq!(places, 0, "operation {number} was refused")
                }
                Outcome::Unknown => {}
            }
        }
    }
}

/// If one operation on a counter was answered before another was asked for, the other sees at least as much.
fn check_real_time(history: &BTreeMap<i64, Seen>, journal: &BTreeMap<i64, (i64, i64)>) {
    let mut by_key: BTreeMap<i64, Vec<(&Seen, i64, bool)>> = BTreeMap::new();
    for (number, seen) in history {
        let (key, value, appends) = match (seen.operation, seen.outcome) {
            (Operation::Append { key }, Outcome::Done(value)) => (key, value, true),
            (Operation::Read { key }, Outcome::Done(value)) => (key, value, false),
            // Nobody was told, but it happened: later reads may show it, none before it was asked for.
            (Operation::Append { key }, _) => match journal.get(number) {
                Some(&(_, value)) => (key, value, true),
                None => continue,
            },
            _ => continue,
        };
        by_key.entry(key).or_default().push((seen, value, appends));
    }
    for (key, mut operations) in by_key {
        operations.sort_by_key(|(seen, ..)| seen.invoked_us);
        let mut answered: Vec<(i64, i64)> =
            operations.iter().filter_map(|(seen, value, _)| Some((seen.replied_us?, *value))).collect();
        answered.sort_unstable();
        let (mut next, mut least) = (0, 0);
        for (seen, value, appends) in &operations {
            while next < answered.len() && answered[next].0 < seen.invoked_us {
                least = least.max(answered[next].1);
                next += 1;
            }
            let floor = if *appends { least + 1 } else { least };
            assert!(*value >= floor, "counter {key}: {seen:?} saw {value} after {least} had been answered");
        }
        let asked_by = |value: i64| operations.iter().find(|(_, v, appends)| *appends && *v == value);
        for (seen, value, appends) in &operations {
            if *appends || *value == 0 {
                continue;
            }
            let (writer, ..) = asked_by(*value).expect("a value that was read was written");
            let replied_us = seen.replied_us.expect("a read that is done was answered");
            assert!(writer.invoked_us <= replied_us, "counter {key}: {seen:?} read from the future");
        }
    }
}
