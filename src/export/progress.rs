//! How far one partition of a stream has come on its way to a target. Decides what is sent next, what is sent
//! again, when a row is given up as poison, and when the position is to be kept. Never knows: clocks, what
//! is in a row, who carries it.
//!
//! Rows are sent in order, many at a time. The target confirms them in any order; what counts is the
//! watermark below which there is no gap. A failure ends the run: whoever carries the rows promises that
//! nothing behind a row that failed gets there, so sending again from the watermark repeats rows and leaves
//! none out. A consumer that drops the offsets it has seen then has each row once, in order.

use std::collections::VecDeque;

/// Rows of one partition that were sent and are not confirmed yet.
pub(super) const WINDOW_ROWS: usize = 20_000;
/// The same in bytes.
pub(super) const WINDOW_BYTES: usize = 16 << 20;
/// The position is kept when it is that old, or that far behind.
pub(super) const KEEP_EVERY_MS: u64 = 100;
pub(super) const KEEP_EVERY_ROWS: u64 = 10_000;

/// See the module.
#[derive(Debug)]
pub(super) struct Progress {
    /// Every row before it is done: confirmed, or given up and kept elsewhere.
    acknowledged: u64,
    /// What was sent from there on.
    window: VecDeque<Sent>,
    in_flight_rows: usize,
    in_flight_bytes: usize,
    /// A row failed: nothing is sent until [`Progress::restart`].
    broken: bool,
    /// Rows before it are sent one at a time: one of them was refused, together with others.
    alone_before: u64,
    /// The target refuses this row, alone.
    poison: Option<u64>,
    /// What was kept last, and when.
    kept: u64,
    kept_at_ms: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sent {
    InFlight { bytes: usize },
    Done,
}

/// What became of a row, or of the batch it was in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// For a reason that has nothing to do with the row.
    Passing,
    /// The target does not want what was sent, now or later.
    Refused,
}

impl Progress {
    /// All rows before `position` are done.
    pub(super) fn new(position: u64) -> Progress {
        Progress {
            acknowledged: position,
            window: VecDeque::new(),
            in_flight_rows: 0,
            in_flight_bytes: 0,
            broken: false,
            alone_before: 0,
            poison: None,
            kept: position,
            kept_at_ms: 0,
        }
    }

    /// Every row before it is done.
    pub(super) fn acknowledged(&self) -> u64 {
        self.acknowledged
    }

    /// The row to be sent next.
    pub(super) fn next(&self) -> u64 {
        self.acknowledged + self.window.len() as u64
    }

    pub(super) fn in_flight_rows(&self) -> usize {
        self.in_flight_rows
    }

    /// Whether the next row goes alone: with no other of this partition, nor of any that shares its way, so
    /// that a refusal means this row.
    pub(super) fn goes_alone(&self) -> bool {
        self.acknowledged < self.alone_before
    }

    /// Whether another row may be sent.
    pub(super) fn has_room(&self) -> bool {
        let limit = if self.goes_alone() { 1 } else { WINDOW_ROWS };
        !self.broken
            && self.in_flight_rows < limit
            && self.in_flight_bytes < WINDOW_BYTES
            && self.window.len() < 2 * WINDOW_ROWS
    }

    /// Whether the next row is to be kept elsewhere instead of being sent.
    pub(super) fn is_poison(&self) -> bool {
        self.poison == Some(self.next())
    }

    /// The next row is on its way.
    pub(super) fn sent(&mut self, bytes: usize) {
        self.window.push_back(Sent::InFlight { bytes });
        self.in_flight_rows += 1;
        self.in_flight_bytes += bytes;
    }

    /// The next row is done without being sent: it is kept among the dead letters.
    pub(super) fn buried(&mut self) {
        self.window.push_back(Sent::Done);
        self.advance();
    }

    /// The target has the row. False: that was not asked, or is known.
    pub(super) fn delivered(&mut self, offset: u64) -> bool {
        let Some(bytes) = self.in_flight(offset) else { return false };
        self.landed(bytes);
        *self.place(offset).expect("it was just found") = Sent::Done;
        self.advance();
        true
    }

    /// All that was sent is done: a transaction was committed.
    pub(super) fn all_delivered(&mut self) {
        self.acknowledged = self.next();
        self.clear();
    }

    /// The row was not taken. Nothing more is sent before [`Progress::restart`].
    pub(super) fn failed(&mut self, offset: u64, failure: Failure) {
        let Some(bytes) = self.in_flight(offset) else { return };
        self.landed(bytes);
        self.broken = true;
        if failure == Failure::Refused {
            if offset < self.alone_before {
                self.poison = Some(offset);
            }
            self.alone_before = self.alone_before.max(offset + 1);
        }
    }

    /// Whoever carried the rows is gone, and brings none of them from now on: all that is not known to have
    /// arrived is sent again, by another.
    pub(super) fn restart(&mut self) {
        self.clear();
        self.broken = false;
    }

    /// Another position holds, for somebody else went on, or this node knows better now. Never back.
    pub(super) fn resume(&mut self, position: u64) {
        self.restart();
        self.acknowledged = self.acknowledged.max(position);
    }

    /// The stream begins at `first`: the rows before it are gone. How many of them were never sent; `None`
    /// while rows are on their way, for they may still arrive.
    pub(super) fn lost(&mut self, first: u64) -> Option<u64> {
        if first <= self.next() {
            return Some(0);
        }
        if !self.window.is_empty() {
            return None;
        }
        let lost = first - self.acknowledged;
        self.acknowledged = first;
        Some(lost)
    }

    /// The position to be kept now, if it is time.
    pub(super) fn keep_due(&self, now_ms: u64) -> Option<u64> {
        let rows = self.acknowledged.saturating_sub(self.kept);
        let is_due = rows >= KEEP_EVERY_ROWS || now_ms.saturating_sub(self.kept_at_ms) >= KEEP_EVERY_MS;
        (rows > 0 && is_due).then_some(self.acknowledged)
    }

    /// A position to be kept whether or not it is time.
    pub(super) fn unkept(&self) -> Option<u64> {
        (self.acknowledged > self.kept).then_some(self.acknowledged)
    }

    /// That position is kept.
    pub(super) fn kept(&mut self, position: u64, now_ms: u64) {
        self.kept = self.kept.max(position);
        self.kept_at_ms = now_ms;
    }

    fn place(&mut self, offset: u64) -> Option<&mut Sent> {
        let place = usize::try_from(offset.checked_sub(self.acknowledged)?).ok()?;
        self.window.get_mut(place)
    }

    fn in_flight(&mut self, offset: u64) -> Option<usize> {
        match self.place(offset)? {
            Sent::InFlight { bytes } => Some(*bytes),
            Sent::Done => None,
        }
    }

    fn landed(&mut self, bytes: usize) {
        self.in_flight_rows -= 1;
        self.in_flight_bytes -= bytes;
    }

    fn advance(&mut self) {
        while self.window.front() == Some(&Sent::Done) {
            self.window.pop_front();
            self.acknowledged += 1;
        }
        if self.poison.is_some_and(|poison| poison < self.acknowledged) {
            self.poison = None;
        }
    }

    fn clear(&mut self) {
        self.window.clear();
        (self.in_flight_rows, self.in_flight_bytes) = (0, 0);
        if self.poison.is_some_and(|poison| poison < self.acknowledged) {
            self.poison = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng, rngs::SmallRng};
    use std::collections::BTreeSet;

    const ROWS: u64 = 400;

    /// A stream, whoever carries its rows, and a target that does not want some of them.
    struct World {
        rng: SmallRng,
        progress: Progress,
        /// On their way, in order.
        carried: VecDeque<u64>,
        /// They arrived, and nobody here knows yet.
        reports: Vec<u64>,
        arrived: Vec<u64>,
        poison: BTreeSet<u64>,
        buried: BTreeSet<u64>,
        kept: u64,
        repeats_allowed: u64,
        now_ms: u64,
    }

    impl World {
        fn new(seed: u64) -> World {
            let mut rng = SmallRng::seed_from_u64(seed);
            let poison = (0..ROWS).filter(|_| rng.random_ratio(1, 60)).collect();
            World {
                rng,
                progress: Progress::new(0),
                carried: VecDeque::new(),
                reports: Vec::new(),
                arrived: Vec::new(),
                poison,
                buried: BTreeSet::new(),
                kept: 0,
                repeats_allowed: 0,
                now_ms: 0,
            }
        }

        fn send(&mut self) {
            for _ in 0..self.rng.random_range(0..12) {
                let next = self.progress.next();
                if next == ROWS || !self.progress.has_room() {
                    return;
                }
                if self.progress.is_poison() {
                    self.buried.insert(next);
                    self.progress.buried();
                } else {
                    self.progress.sent(10);
                    self.carried.push_back(next);
                }
            }
        }

        /// A batch arrives, or is refused whole, or is lost with all that is behind it.
        fn carry(&mut self) {
            if self.carried.is_empty() || self.progress.broken {
                return;
            }
            let count = self.rng.random_range(1..=self.carried.len().min(8));
            let batch: Vec<u64> = self.carried.drain(..count).collect();
            if batch.iter().any(|offset| self.poison.contains(offset)) {
                self.fail(&batch, Failure::Refused);
            } else if self.rng.random_ratio(1, 20) {
                // It may have arrived, for all that is known.
                if self.rng.random() {
                    self.arrived.extend(&batch);
                }
                self.fail(&batch, Failure::Passing);
            } else {
                self.arrived.extend(&batch);
                self.reports.extend(&batch);
            }
        }

        fn fail(&mut self, batch: &[u64], failure: Failure) {
            for &offset in batch {
                self.progress.failed(offset, failure);
            }
            for offset in std::mem::take(&mut self.carried) {
                self.progress.failed(offset, Failure::Passing);
            }
        }

        fn report(&mut self) {
            for _ in 0..self.rng.random_range(0..8) {
                if self.reports.is_empty() {
                    return;
                }
                let at = self.rng.random_range(0..self.reports.len());
                let offset = self.reports.swap_remove(at);
                assert!(self.progress.delivered(offset), "it was sent");
                assert!(!self.progress.delivered(offset), "once is enough");
            }
        }

        fn keep(&mut self) {
            self.now_ms += self.rng.random_range(0..40);
            if let Some(position) = self.progress.keep_due(self.now_ms) {
                assert!(position > self.kept, "a position never goes back");
                self.kept = position;
                self.progress.kept(position, self.now_ms);
            }
        }

        fn crash(&mut self) {
            self.repeats_allowed += self.progress.next() - self.kept;
            self.carried.clear();
            self.reports.clear();
            self.progress = Progress::new(self.kept);
        }

        fn recover(&mut self) {
            if self.progress.broken {
                self.report();
                self.repeats_allowed += self.progress.next() - self.progress.acknowledged();
                self.reports.clear();
                self.progress.restart();
            }
        }

        fn check(&self) {
            let mut highest = None;
            let mut first_times = BTreeSet::new();
            for &offset in &self.arrived {
                if highest.is_none_or(|highest| offset > highest) {
                    highest = Some(offset);
                    first_times.insert(offset);
                }
            }
            let all: BTreeSet<u64> = (0..ROWS).collect();
            let wanted: BTreeSet<u64> = all.difference(&self.poison).copied().collect();
            assert_eq!(first_times, wanted, "whoever drops what it has seen has each row, in order");
            assert_eq!(self.buried, self.poison, "and the others are kept elsewhere");
            let repeats = self.arrived.len() - wanted.len();
            assert!(repeats as u64 <= self.repeats_allowed, "{repeats} repeats, {}", self.repeats_allowed);
        }
    }

    #[test]
    fn no_row_is_left_out_whatever_fails_and_repeats_have_a_bound() {
        let mut repeats = 0;
        for seed in 0..300 {
            let mut world = World::new(seed);
            for step in 0.. {
                assert!(step < 100_000, "seed {seed} comes to an end");
                match world.rng.random_range(0..100) {
                    0..40 => world.send(),
                    40..70 => world.carry(),
                    70..90 => world.report(),
                    90..99 => world.keep(),
                    _ if step < 3_000 => world.crash(),
                    _ => {}
                }
                world.recover();
                if world.progress.acknowledged() == ROWS {
                    break;
                }
            }
            world.check();
            repeats += world.arrived.len() + world.poison.len() - ROWS as usize;
        }
        assert!(repeats > 300, "things went wrong, {repeats} times");
    }

    #[test]
    fn the_window_has_bounds() {
        let mut progress = Progress::new(7);
        while progress.has_room() {
            progress.sent(1);
        }
        assert_eq!(progress.next(), 7 + WINDOW_ROWS as u64);
        assert!(progress.delivered(9) && !progress.delivered(6) && !progress.delivered(1 << 40));
        assert_eq!(progress.acknowledged(), 7, "two rows before it are not confirmed");
        let mut progress = Progress::new(0);
        progress.sent(WINDOW_BYTES);
        assert!(!progress.has_room());
        assert!(progress.delivered(0) && progress.has_room());
    }

    #[test]
    fn positions_are_kept_now_and_then() {
        let mut progress = Progress::new(0);
        assert_eq!((progress.keep_due(1_000), progress.unkept()), (None, None), "nothing is new");
        progress.sent(1);
        progress.delivered(0);
        assert_eq!(progress.keep_due(1_000), Some(1));
        progress.kept(1, 1_000);
        progress.sent(1);
        progress.delivered(1);
        assert_eq!((progress.keep_due(1_000 + KEEP_EVERY_MS - 1), progress.unkept()), (None, Some(2)));
        assert_eq!(progress.keep_due(1_000 + KEEP_EVERY_MS), Some(2));
        for offset in 2..KEEP_EVERY_ROWS + 1 {
            progress.sent(1);
            progress.delivered(offset);
        }
        assert_eq!(progress.keep_due(1_000), Some(KEEP_EVERY_ROWS + 1), "that many rows do not wait");
    }

    #[test]
    fn rows_that_are_trimmed_are_counted_once() {
        let mut progress = Progress::new(5);
        assert_eq!((progress.lost(3), progress.lost(5)), (Some(0), Some(0)));
        progress.sent(1);
        assert_eq!(progress.lost(9), None, "it may still arrive");
        progress.delivered(5);
        assert_eq!((progress.lost(9), progress.lost(9)), (Some(3), Some(0)));
        assert_eq!(progress.next(), 9);
    }
}
