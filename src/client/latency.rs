//! How long calls took, in a histogram of three digits.

use hdrhistogram::Histogram;
use std::time::Duration;

/// Longer ones count as this: two minutes.
const LONGEST_US: u64 = 120_000_000;

/// Durations of calls, in microseconds.
#[derive(Clone, Debug)]
pub struct Latency(Histogram<u64>);

/// What is told of them.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LatencySummary {
    pub count: u64,
    pub p50_ms: f64,
    pub p99_ms: f64,
    pub p999_ms: f64,
    pub max_ms: f64,
}

impl Default for Latency {
    fn default() -> Latency {
        let histogram = Histogram::new_with_bounds(1, LONGEST_US, 3);
        Latency(histogram.expect("the bounds are constants that hdrhistogram accepts"))
    }
}

impl Latency {
    pub fn record(&mut self, took: Duration) {
        let us = u64::try_from(took.as_micros()).unwrap_or(LONGEST_US);
        self.0.saturating_record(us.clamp(1, LONGEST_US));
    }

    pub fn add(&mut self, other: &Latency) {
        self.0.add(&other.0).expect("both have the same bounds");
    }

    /// Starts again.
    pub fn clear(&mut self) {
        self.0.reset();
    }

    pub fn summary(&self) -> LatencySummary {
        let at = |quantile| self.0.value_at_quantile(quantile) as f64 / 1e3;
        LatencySummary {
            count: self.0.len(),
            p50_ms: at(0.5),
            p99_ms: at(0.99),
            p999_ms: at(0.999),
            max_ms: self.0.max() as f64 / 1e3,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_in_milliseconds() {
        let mut first = Latency::default();
        let mut second = Latency::default();
        for ms in 1..=500 {
            first.record(Duration::from_millis(ms));
            second.record(Duration::from_millis(500 + ms));
        }
        first.add(&second);
        let summary = first.summary();
        assert_eq!(summary.count, 1000);
        for (got, expected) in [
            (summary.p50_ms, 500.0),
            (summary.p99_ms, 990.0),
            (summary.p999_ms, 999.0),
            (summary.max_ms, 1000.0),
        ] {
            assert!((got / expected - 1.0).abs() < 0.002, "{got} is not {expected}");
        }
        first.clear();
        assert_eq!(first.summary(), LatencySummary::default());
    }

    #[test]
    fn a_call_that_hung_counts_as_the_longest() {
        let mut latency = Latency::default();
        latency.record(Duration::from_secs(100_000));
        latency.record(Duration::ZERO);
        assert_eq!(latency.summary().count, 2);
        assert!(latency.summary().max_ms >= 120_000.0);
    }
}
