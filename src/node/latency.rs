//! How long calls took, from the socket read to the reply's hand-over, over every front end.
//!
//! Runs on: executors record, any thread reads. It never knows: whose calls they were.

use crate::call::Arrival;
use hdrhistogram::Histogram;
use parking_lot::Mutex;

/// All of it in microseconds.
pub struct Latency(Mutex<Inner>);

struct Inner {
    total: Histogram<u64>,
    sum_us: u64,
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
        Latency(Mutex::new(Inner {
            total: histogram(),
            sum_us: 0,
            running: histogram(),
            running_since_ms: now_ms,
            last: None,
        }))
    }

    /// The calls of a message of replies are answered now. Times on the clock of the arrivals.
    pub fn record(&self, arrivals: &[Arrival], now_us: u64) {
        let inner = &mut *self.0.lock();
        for arrival in arrivals {
            let us = now_us.saturating_sub(arrival.received_us).clamp(1, LATENCY_MAX_US);
            let calls = u64::from(arrival.calls);
            inner.total.saturating_record_n(us, calls);
            inner.running.saturating_record_n(us, calls);
            inner.sum_us += us * calls;
        }
    }

    /// All since the start.
    pub fn total(&self) -> Histogram<u64> {
        self.0.lock().total.clone()
    }

    pub fn sum_us(&self) -> u64 {
        self.0.lock().sum_us
    }

    /// Ends the interval that runs and begins the next.
    pub fn end_interval(&self, now_ms: i64) {
        let mut inner = self.0.lock();
        inner.last = Some(inner.running(now_ms));
        inner.running.reset();
        inner.running_since_ms = now_ms;
    }

    /// The last interval that ended; before the first has, the one that runs.
    pub fn last_interval(&self, now_ms: i64) -> Interval {
        let inner = self.0.lock();
        inner.last.clone().unwrap_or_else(|| inner.running(now_ms))
    }
}

impl Inner {
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
        latency.record(&[Arrival { received_us: 0, calls: 1 }, Arrival { received_us: 20, calls: 1 }], 50);
        let first = latency.last_interval(1_500);
        assert_eq!((first.end_ms, first.length_ms, first.histogram.len()), (1_500, 500, 2));
        latency.end_interval(6_000);
        latency.record(&[Arrival::one(30)], 100);
        let ended = latency.last_interval(6_500);
        assert_eq!((ended.end_ms, ended.length_ms, ended.histogram.len()), (6_000, 5_000, 2));
        latency.end_interval(11_000);
        assert_eq!(latency.last_interval(11_001).histogram.len(), 1);
        assert_eq!((latency.total().len(), latency.sum_us()), (3, 150));
    }
}
