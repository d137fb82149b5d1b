//! A naive second implementation of ValidateEntry's rules, plain maps and full scans. Each contender's
//! answers are compared with it before anything is timed: a contender that does less work would otherwise
//! look fast.

use std::collections::BTreeMap;

use super::population::{Card, FARE_CENTS, Population, STATIONS};
use super::stream::{HOUR_MS, Tap};

/// What a caller is told, as far as the kinds matter to a count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Accepted,
    Rejected,
    Fraud,
    /// The call failed: unknown station, a busy server, a broken contender.
    Failed,
}

impl Outcome {
    /// From the first column and the first letter of the message: "Fraudulent …" is the only one with an F.
    #[inline]
    pub(crate) fn of(card_accepted: bool, message: &[u8]) -> Self {
        if card_accepted {
            Self::Accepted
        } else if message.first() == Some(&b'F') {
            Self::Fraud
        } else {
            Self::Rejected
        }
    }
}

struct KnownCard {
    card: Card,
    /// (time_ms, station_id) of every recorded entry, in the order of the calls.
    entries: Vec<(i64, i32)>,
}

/// Judges taps one after the other, keeping every card's whole history.
pub(crate) struct Judge {
    population: Population,
    known: BTreeMap<i32, KnownCard>,
}

impl Judge {
    pub(crate) fn new(population: Population) -> Self {
        Self { population, known: BTreeMap::new() }
    }

    /// The outcome, and the message where its text is fully specified (or its start, for an expiry date).
    pub(crate) fn judge(&mut self, tap: &Tap) -> (Outcome, String) {
        if !STATIONS.iter().any(|station| station.id == tap.station_id) {
            return (Outcome::Failed, String::new());
        }
        if tap.card_id as usize > self.population.len() {
            return (Outcome::Rejected, "Card Invalid".into());
        }
        let population = self.population;
        let known = self
            .known
            .entry(tap.card_id)
            .or_insert_with(|| KnownCard { card: population.card(tap.card_id), entries: Vec::new() });
        let answer = decide(&mut known.card, &known.entries, tap);
        known.entries.push((tap.time_ms, tap.station_id));
        answer
    }
}

fn decide(card: &mut Card, entries: &[(i64, i32)], tap: &Tap) -> (Outcome, String) {
    if !card.enabled {
        return (Outcome::Rejected, "Card Disabled".into());
    }
    if card.unlimited {
        if card.expires_ms.is_none_or(|expires_ms| expires_ms <= tap.time_ms) {
            return (Outcome::Rejected, "Card Expired".into());
        }
    } else if card.balance_cents < FARE_CENTS {
        return (
            Outcome::Rejected,
            format!("Card has insufficient balance: {}", dollars(card.balance_cents)),
        );
    }
    if is_fraud(entries, tap) {
        return (Outcome::Fraud, "Fraudulent transaction".into());
    }
    if card.unlimited {
        return (Outcome::Accepted, "Card Expires: ".into());
    }
    card.balance_cents -= FARE_CENTS;
    (Outcome::Accepted, format!("Remaining Balance: {}", dollars(card.balance_cents)))
}

fn is_fraud(entries: &[(i64, i32)], tap: &Tap) -> bool {
    if entries.iter().any(|(time_ms, _)| (time_ms - tap.time_ms).abs() < 1000) {
        return true;
    }
    let in_hour: Vec<i32> = entries
        .iter()
        .filter(|(time_ms, _)| *time_ms > tap.time_ms - HOUR_MS && *time_ms <= tap.time_ms)
        .map(|(_, station_id)| *station_id)
        .collect();
    let mut stations = in_hour.clone();
    stations.sort_unstable();
    stations.dedup();
    stations.len() >= 5 || in_hour.len() >= 10
}

fn dollars(cents: i32) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}

#[cfg(test)]
mod tests {
    use super::super::population::{FIRST_TAP_MS, VERIFICATION_CARDS};
    use super::super::stream::VerificationStream;
    use super::*;

    const SMALL: Population = Population { cards: 60 };

    fn check(taps: &[(i64, i32)], expected: Outcome) {
        let mut judge = Judge::new(SMALL);
        let mut last = Outcome::Failed;
        for (offset_ms, station_id) in taps {
            let tap = Tap { card_id: 1, time_ms: FIRST_TAP_MS + offset_ms, station_id: *station_id };
            last = judge.judge(&tap).0;
        }
        assert_eq!(last, expected, "{taps:?}");
    }

    #[test]
    fn windows_end_exactly() {
        check(&[(0, 1), (999, 1)], Outcome::Fraud);
        check(&[(0, 1), (1000, 1)], Outcome::Accepted);
        check(&[(1000, 1), (1, 1)], Outcome::Fraud);
        let four = [(0, 1), (60_000, 2), (120_000, 3), (180_000, 4), (240_000, 5)];
        check(&[&four[..], &[(HOUR_MS - 1, 9)]].concat(), Outcome::Fraud);
        check(&[&four[..], &[(HOUR_MS, 9)]].concat(), Outcome::Accepted);
        // A late tap is judged by its own hour.
        check(&[&four[..], &[(-60_000, 9)]].concat(), Outcome::Accepted);
    }

    #[test]
    fn ten_entries_at_one_station_are_fraud() {
        let taps: Vec<(i64, i32)> = (0..11).map(|minute| (minute * 60_000, 1)).collect();
        check(&taps[..10], Outcome::Accepted);
        check(&taps, Outcome::Fraud);
    }

    #[test]
    fn the_verification_stream_makes_everything_happen() {
        let population = Population { cards: 60 };
        let mut stream = VerificationStream::new(1, population);
        let mut judge = Judge::new(population);
        let mut texts: BTreeMap<String, u32> = BTreeMap::new();
        for _ in 0..10 * VERIFICATION_CARDS {
            let (outcome, message) = judge.judge(&stream.next_tap());
            let kind: String = message.chars().take_while(|c| !c.is_ascii_digit()).collect();
            *texts.entry(format!("{outcome:?} {kind}")).or_default() += 1;
        }
        assert_eq!(texts.len(), 8, "{texts:?}");
        assert!(texts.values().all(|&count| count > 50), "{texts:?}");
    }
}
