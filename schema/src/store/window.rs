//! Exact sliding windows in event time over a history: what lies in `(t - width, t]`, whenever it came.
//! Knows nothing of rules and clocks: `t` is the caller's, most often the time of the event being judged.

use super::History;
use crate::row::RowRef;

/// The rows of a window, newest first.
#[derive(Clone, Copy, Debug)]
pub struct Window<'a> {
    rows: History<'a>,
    after_us: i64,
}

impl<'a> History<'a> {
    /// The rows whose time is in `(until_us - width_us, until_us]`; rows without a time are in no window.
    #[inline]
    pub fn window(self, until_us: i64, width_us: i64) -> Window<'a> {
        // Before the first time there is only the null, which the window excludes.
        Window { rows: self.up_to(until_us), after_us: until_us.saturating_sub(width_us) }
    }
}

impl<'a> Iterator for Window<'a> {
    type Item = RowRef<'a>;

    #[inline]
    fn next(&mut self) -> Option<RowRef<'a>> {
        let row = self.rows.next()?;
        // Older rows come after this one, so a window that has ended stays ended.
        (self.rows.time_of(row) > self.after_us).then_some(row)
    }
}

/// How many items there are, `limit` standing for that many and more: no more are looked at.
#[inline]
pub fn count_up_to(items: impl Iterator, limit: usize) -> usize {
    items.take(limit).count()
}

/// How many different items there are, `limit` standing for that many and more: no more are looked at. For
/// small limits: each item is compared with those found before.
pub fn distinct_up_to<T: PartialEq>(items: impl Iterator<Item = T>, limit: usize) -> usize {
    let mut found = Vec::with_capacity(limit.min(16));
    for item in items {
        if found.len() == limit {
            break;
        }
        if !found.contains(&item) {
            found.push(item);
        }
    }
    found.len()
}

#[cfg(test)]
mod tests {
    use rand::{Rng, SeedableRng, rngs::SmallRng};

    use crate::{
        row::{RowRef, Slot},
        store::{
            history::{HistoryRows, TimeColumn},
            key::KeyColumn,
            keying::Keying,
            window::{count_up_to, distinct_up_to},
        },
        types::Type,
    };

    const HOUR_US: i64 = 3_600_000_000;

    fn history() -> HistoryRows {
        let key = KeyColumn { slot: Slot::Fixed { offset: 0 }, column_type: Type::SmallInt };
        HistoryRows::new(11, false, Keying::new(vec![key]), TimeColumn { offset: 2 })
    }

    fn row(time_us: i64, station: u8) -> [u8; 11] {
        let mut row = [0; 11];
        row[2..10].copy_from_slice(&time_us.to_le_bytes());
        row[10] = station;
        row
    }

    fn insert(history: &mut HistoryRows, row: &[u8]) {
        assert!(history.insert(RowRef { fixed: row, tail: &[] }));
    }

    fn of(history: &HistoryRows) -> super::History<'_> {
        history.of(history.keying.probe_integer(0).expect("an integer key"))
    }

    #[test]
    fn a_window_ends_to_the_millisecond() {
        let mut history = history();
        for back_ms in [-1, 0, 1, 3_599_999, 3_600_000, 3_600_001] {
            insert(&mut history, &row(10 * HOUR_US - back_ms * 1000, 0));
        }
        let times = |until: i64| -> Vec<i64> {
            let window = of(&history).window(until, HOUR_US);
            window.map(|row| (10 * HOUR_US - row.integer(2, 8)) / 1000).collect()
        };
        assert_eq!(times(10 * HOUR_US), [0, 1, 3_599_999]);
        assert_eq!(times(10 * HOUR_US - 1), [1, 3_599_999, 3_600_000]);
        assert_eq!(times(10 * HOUR_US + 1000), [-1, 0, 1]);
        assert_eq!(times(9 * HOUR_US), [3_600_000, 3_600_001]);
    }

    #[test]
    fn rows_without_a_time_are_in_no_window() {
        let mut history = history();
        for time_us in [i64::MIN, i64::MIN + 1, i64::MAX] {
            insert(&mut history, &row(time_us, 0));
        }
        let count = |until, width| of(&history).window(until, width).count();
        assert_eq!(count(i64::MAX, i64::MAX), 1);
        assert_eq!(count(i64::MIN + 2, i64::MAX), 1);
        assert_eq!(count(i64::MIN, HOUR_US), 0);
        assert_eq!(count(0, 0), 0);
    }

    #[test]
    fn windows_are_what_a_list_says_with_late_events() {
        let mut random = SmallRng::seed_from_u64(8);
        let mut history = history();
        let mut list: Vec<(i64, u8)> = Vec::new();
        for step in 0..3000i64 {
            let late = if random.random_range(0..3) == 0 { random.random_range(0..200) } else { 0 };
            let (time_us, station) = ((step - late) * 60_000_000, random.random_range(0..9));
            // The present event is judged before it is recorded, in its own time.
            let inside = |other: &&(i64, u8)| other.0 > time_us - HOUR_US && other.0 <= time_us;
            let expected: Vec<u8> = list.iter().filter(inside).map(|(_, station)| *station).collect();
            let window = of(&history).window(time_us, HOUR_US);
            assert_eq!(window.count(), expected.len());
            let mut distinct = expected.clone();
            distinct.sort_unstable();
            distinct.dedup();
            let stations = window.map(|row| row.fixed[10]);
            assert_eq!(distinct_up_to(stations.clone(), 5), distinct.len().min(5));
            assert_eq!(distinct_up_to(stations, 0), 0);
            assert_eq!(count_up_to(window, 10), expected.len().min(10));
            insert(&mut history, &row(time_us, station));
            list.push((time_us, station));
        }
    }
}
