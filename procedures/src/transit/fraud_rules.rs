//! The three fraud rules over a card's entry taps, in event time, whatever the taps' outcome; the tap being
//! judged is not counted. Pure: a function of the tap and of the history, so that a rule pack can take its
//! place.

use super::{ENTRY, metro::CardEventsRef};

pub const SECOND_US: i64 = 1_000_000;
pub const HOUR_US: i64 = 3600 * SECOND_US;
/// Entries at this many distinct stations in an hour are fraud.
pub const DISTINCT_STATIONS_MAX: u32 = 5;
/// This many entries in an hour are fraud.
pub const ENTRIES_MAX: u32 = 10;

/// The first rule that hits, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Another entry less than a second away, before or after.
    DoubleTap = 0,
    /// Entries at 5 or more distinct stations in `(t - 1 h, t]`.
    ManyStations = 1,
    /// 10 or more entries in `(t - 1 h, t]`.
    ManyEntries = 2,
}

/// Their names, in the order of their numbers.
pub const NAMES: [&str; 3] = ["double_tap", "many_stations", "many_entries"];

/// Judges a tap at `at_us` against the card's history, newest first. One walk back over the last hour.
pub fn judge<'a>(at_us: i64, newest_first: impl Iterator<Item = CardEventsRef<'a>>) -> Option<Rule> {
    let mut entries = 0u32;
    let mut stations = DistinctStations::default();
    for event in newest_first {
        let delta_us = at_us - event.date_time();
        if delta_us >= HOUR_US {
            break;
        }
        // No double tap lies further back, so the second rule can answer at once.
        if delta_us >= SECOND_US && stations.count >= DISTINCT_STATIONS_MAX {
            return Some(Rule::ManyStations);
        }
        if event.activity_code() != ENTRY {
            continue;
        }
        if delta_us.abs() < SECOND_US {
            return Some(Rule::DoubleTap);
        }
        // A tap after this one (this one came late) is no part of its hour.
        if delta_us >= 0 {
            entries += 1;
            stations.add(event.station_id());
        }
    }
    if stations.count >= DISTINCT_STATIONS_MAX {
        return Some(Rule::ManyStations);
    }
    (entries >= ENTRIES_MAX).then_some(Rule::ManyEntries)
}

/// Counts distinct stations up to the number that decides.
#[derive(Default)]
struct DistinctStations {
    seen: [i16; DISTINCT_STATIONS_MAX as usize],
    count: u32,
}

impl DistinctStations {
    #[inline]
    fn add(&mut self, station_id: i16) {
        let count = self.count as usize;
        if count < self.seen.len() && !self.seen[..count].contains(&station_id) {
            self.seen[count] = station_id;
            self.count += 1;
        }
    }
}
