//! What one connection called: how often, with what outcome, and how long it took from the socket read to the
//! reply. Counted once a read and once a message of replies, never once a call; calls of one read that went
//! to several procedures share their mean time.
//!
//! Runs on: the connection's net thread and executors count, any thread reads.

use crate::call::Arrival;
use parking_lot::Mutex;
use std::collections::VecDeque;
use tollgate_procedures::registry::ProcedureId;

/// One connection's calls.
#[derive(Debug, Default)]
pub struct Initiated(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    procedures: Vec<(ProcedureId, Calls)>,
    /// Those with calls that wait for their reply, the oldest first.
    reads: VecDeque<Read>,
}

/// One procedure's calls over one connection. Times in microseconds, of calls that were answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Calls {
    pub invocations: u64,
    /// The procedure refused.
    pub aborts: u64,
    /// Bad parameters, constraint violations, panics.
    pub failures: u64,
    pub answered: u64,
    pub sum_us: u64,
    pub min_us: u64,
    pub max_us: u64,
}

/// What one socket read brought.
#[derive(Debug)]
struct Read {
    received_us: u64,
    calls: Vec<(ProcedureId, u32)>,
    waiting: u32,
    times: Times,
}

#[derive(Clone, Copy, Debug)]
struct Times {
    calls: u64,
    sum_us: u64,
    min_us: u64,
    max_us: u64,
}

impl Initiated {
    /// A read brought so many calls of these procedures, each of which will be answered.
    pub fn read(&self, received_us: u64, calls: Vec<(ProcedureId, u32)>) {
        let mut inner = self.0.lock();
        for &(procedure, count) in &calls {
            inner.of(procedure).invocations += u64::from(count);
        }
        let waiting = calls.iter().map(|(_, count)| count).sum();
        let times = Times { calls: 0, sum_us: 0, min_us: u64::MAX, max_us: 0 };
        if waiting > 0 {
            inner.reads.push_back(Read { received_us, calls, waiting, times });
        }
    }

    /// A call was refused at the door.
    pub fn turned_away(&self, procedure: ProcedureId) {
        let mut inner = self.0.lock();
        let calls = inner.of(procedure);
        calls.invocations += 1;
        calls.failures += 1;
    }

    /// A call was undone; its reply comes later.
    pub fn refused(&self, procedure: ProcedureId, aborted: bool) {
        let mut inner = self.0.lock();
        let calls = inner.of(procedure);
        calls.aborts += u64::from(aborted);
        calls.failures += u64::from(!aborted);
    }

    /// The calls of a message of replies are answered now.
    pub fn answered(&self, arrivals: &[Arrival], now_us: u64) {
        let inner = &mut *self.0.lock();
        arrivals.iter().for_each(|arrival| inner.answered(*arrival, now_us));
    }

    /// Each procedure that was called.
    pub fn calls(&self) -> Vec<(ProcedureId, Calls)> {
        self.0.lock().procedures.clone()
    }
}

impl Inner {
    /// So many calls that were read then are answered now.
    fn answered(&mut self, arrival: Arrival, now_us: u64) {
        let us = now_us.saturating_sub(arrival.received_us);
        let (mut calls, mut place) = (arrival.calls, 0);
        // Two reads may have come within a microsecond.
        while calls > 0 && place < self.reads.len() {
            let read = &mut self.reads[place];
            if read.received_us != arrival.received_us {
                place += 1;
                continue;
            }
            let of_read = calls.min(read.waiting);
            calls -= of_read;
            read.waiting -= of_read;
            read.times.add(us, u64::from(of_read));
            if read.waiting > 0 {
                return;
            }
            let read = self.reads.remove(place).expect("it was just seen");
            for (procedure, count) in read.calls {
                self.of(procedure).took(read.times, u64::from(count));
            }
        }
    }

    fn of(&mut self, procedure: ProcedureId) -> &mut Calls {
        let place = self.procedures.iter().position(|(known, _)| *known == procedure).unwrap_or_else(|| {
            self.procedures.push((procedure, Calls::default()));
            self.procedures.len() - 1
        });
        &mut self.procedures[place].1
    }
}

impl Times {
    fn add(&mut self, us: u64, calls: u64) {
        self.calls += calls;
        self.sum_us += us * calls;
        self.min_us = self.min_us.min(us);
        self.max_us = self.max_us.max(us);
    }
}

impl Calls {
    /// So many of a read's calls were of this procedure.
    fn took(&mut self, times: Times, calls: u64) {
        let is_first = self.answered == 0;
        self.answered += calls;
        self.sum_us += times.sum_us / times.calls.max(1) * calls;
        self.min_us = if is_first { times.min_us } else { self.min_us.min(times.min_us) };
        self.max_us = self.max_us.max(times.max_us);
    }

    pub fn mean_us(&self) -> u64 {
        self.sum_us.checked_div(self.answered).unwrap_or(0)
    }

    /// What came since. The least and the most stay those of all.
    pub fn since(&self, earlier: &Calls) -> Calls {
        Calls {
            invocations: self.invocations - earlier.invocations,
            aborts: self.aborts - earlier.aborts,
            failures: self.failures - earlier.failures,
            answered: self.answered - earlier.answered,
            sum_us: self.sum_us - earlier.sum_us,
            ..*self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_read_s_time_is_that_of_its_calls() {
        let initiated = Initiated::default();
        initiated.read(100, vec![(3, 10)]);
        initiated.read(200, vec![(3, 2), (5, 2)]);
        initiated.read(200, vec![(5, 1)]);
        initiated.answered(&[Arrival { received_us: 100, calls: 4 }], 150);
        assert_eq!(initiated.calls()[0].1, Calls { invocations: 12, ..Calls::default() }, "some still wait");
        // The answers of two partitions, then of two reads at once.
        initiated.answered(&[Arrival { received_us: 200, calls: 5 }], 1_200);
        initiated.answered(&[Arrival { received_us: 100, calls: 6 }], 160);
        initiated.refused(5, true);
        initiated.refused(5, false);
        initiated.turned_away(7);
        let three = Calls {
            invocations: 12,
            answered: 12,
            sum_us: 10 * 56 + 2_000,
            min_us: 50,
            max_us: 1_000,
            ..Calls::default()
        };
        let five = Calls {
            invocations: 3,
            aborts: 1,
            failures: 1,
            answered: 3,
            sum_us: 3_000,
            min_us: 1_000,
            max_us: 1_000,
        };
        let seven = Calls { invocations: 1, failures: 1, ..Calls::default() };
        assert_eq!(initiated.calls(), [(3, three), (5, five), (7, seven)]);
        assert_eq!((five.mean_us(), seven.mean_us()), (1_000, 0));
        assert!(initiated.0.lock().reads.is_empty());
        assert_eq!(five.since(&five), Calls { min_us: 1_000, max_us: 1_000, ..Calls::default() });
        // Answers of what was not counted, such as system procedures, change nothing.
        initiated.answered(&[Arrival { received_us: 300, calls: 1 }], 400);
        assert_eq!(initiated.calls().len(), 3);
    }
}
