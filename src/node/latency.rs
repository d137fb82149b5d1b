//! How long calls took, from the socket read to the reply's hand-over, over every front end.
//!
//! Runs on: executors record, any thread reads. It never knows: whose calls they were.

use hdrhistogram::Histogram;
use parking_lot::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// All of it in microseconds.
pub struct Latency {
    total: Mutex<Histogram<u64>>,
    intervals: Mutex<Intervals>,
    sum_us: AtomicU64,
}

struct Intervals {
    running: Histogram<u64>,
    running_since_ms: i64,
    last: Option<Interval>,
}

/// The calls of a stretch of time.
#[derive(Clone)]
pub struct Interval {
    pub end_ms: i64,
    pub length_ms: u32,
    /// Microseconds.
    pub histogram: Histogram<u64>,
}

/// Longer ones count as this: a minute.
const LATENCY_MAX_US: u64 = 60_000_000;

impl Latency {
    pub fn new(now_ms: i64) -> Latency {
        let histogram = || {
            let histogram = Histogram::new_with_bounds(1, LATENCY_MAX_US, 3);
            histogram.expect("the bounds are constants that hdrhistogram accepts")
        };
        let intervals = Intervals { running: histogram(), running_since_ms: now_ms, last: None };
        Latency {
            total: Mutex::new(histogram()),
            intervals: Mutex::new(intervals),
            sum_us: AtomicU64::new(0),
        }
    }

    /// `calls` calls took this long.
    pub fn record(&self, us: u64, calls: u32) {
        let us = us.clamp(1, LATENCY_MAX_US);
        self.total.lock().saturating_record_n(us, u64::from(calls));
        self.intervals.lock().running.saturating_record_n(us, u64::from(calls));
        self.sum_us.fetch_add(us * u64::from(calls), Ordering::Relaxed);
    }

    /// All since the start.
    pub fn total(&self) -> Histogram<u64> {
        self.total.lock().clone()
    }

    pub fn sum_us(&self) -> u64 {
        self.sum_us.load(Ordering::Relaxed)
    }

    /// Ends the interval that runs and begins the next.
    pub fn end_interval(&self, now_ms: i64) {
        let mut intervals = self.intervals.lock();
        intervals.last = Some(intervals.running(now_ms));
        intervals.running.reset();
        intervals.running_since_ms = now_ms;
    }

    /// The last interval that ended; before the first has, the one that runs.
    pub fn last_interval(&self, now_ms: i64) -> Interval {
        let intervals = self.intervals.lock();
        intervals.last.clone().unwrap_or_else(|| intervals.running(now_ms))
    }
}

impl Intervals {
    fn running(&self, now_ms: i64) -> Interval {
        let length_ms = u32::try_from(now_ms - self.running_since_ms).unwrap_or(0);
        Interval { end_ms: now_ms, length_ms, histogram: self.running.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_has_its_own_calls_only() {
        let latency = Latency::new(1_000);
        latency.record(50, 2);
        let first = latency.last_interval(1_500);
        assert_eq!((first.end_ms, first.length_ms, first.histogram.len()), (1_500, 500, 2));
        latency.end_interval(6_000);
        latency.record(70, 1);
        let ended = latency.last_interval(6_500);
        assert_eq!((ended.end_ms, ended.length_ms, ended.histogram.len()), (6_000, 5_000, 2));
        latency.end_interval(11_000);
        assert_eq!(latency.last_interval(11_001).histogram.len(), 1);
        assert_eq!((latency.total().len(), latency.sum_us()), (3, 170));
    }
}
