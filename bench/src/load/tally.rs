//! What a phase counted and measured.

use hdrhistogram::Histogram;

use crate::transit::judge::Outcome;
use crate::wire::Reply;

/// Longest latency told apart, ns: slower calls count as this.
const MAX_LATENCY_NS: u64 = 60_000_000_000;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) accepted: u64,
    pub(crate) rejected: u64,
    pub(crate) fraud: u64,
    pub(crate) failed: u64,
}

impl Counts {
    #[inline]
    pub(crate) fn add(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Accepted => self.accepted += 1,
            Outcome::Rejected => self.rejected += 1,
            Outcome::Fraud => self.fraud += 1,
            Outcome::Failed => self.failed += 1,
        }
    }

    pub(crate) fn total(&self) -> u64 {
        self.accepted + self.rejected + self.fraud + self.failed
    }
}

/// Counts, latencies in nanoseconds, and the first failure's text, which explains all the others.
pub(crate) struct Tally {
    pub(crate) counts: Counts,
    pub(crate) latency_ns: Histogram<u64>,
    pub(crate) first_failure: Option<String>,
}

impl Tally {
    pub(crate) fn new() -> Self {
        let latency_ns = Histogram::new_with_bounds(1, MAX_LATENCY_NS, 3).expect("the bounds are valid");
        Self { counts: Counts::default(), latency_ns, first_failure: None }
    }

    #[inline]
    pub(crate) fn reply(&mut self, reply: &Reply<'_>, latency_ns: u64) {
        self.counts.add(reply.outcome);
        self.latency_ns.saturating_record(latency_ns);
        if reply.outcome == Outcome::Failed && self.first_failure.is_none() {
            self.first_failure = Some(String::from_utf8_lossy(reply.message).into_owned());
        }
    }

    /// The latency that `quantile` (0 to 1) of the calls did not exceed, ms.
    pub(crate) fn latency_ms(&self, quantile: f64) -> f64 {
        self.latency_ns.value_at_quantile(quantile) as f64 / 1e6
    }

    pub(crate) fn max_latency_ms(&self) -> f64 {
        self.latency_ns.max() as f64 / 1e6
    }
}
