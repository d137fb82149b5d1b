//! What a kind of work came to, and the median of several runs. Knows nothing of how it was measured.

use crate::median;
use hdrhistogram::Histogram;
use serde::Serialize;

/// One contender's figures at one kind of work.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Figure {
    pub(crate) name: &'static str,
    pub(crate) work: &'static str,
    pub(crate) records: u64,
    pub(crate) records_per_s: f64,
    #[serde(flatten)]
    pub(crate) latency: Option<Latency>,
    #[serde(flatten)]
    pub(crate) lag: Option<Lag>,
}

/// Of `records` samples.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Latency {
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) p999_ms: f64,
    pub(crate) max_ms: f64,
}

/// Rows that the target had not acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Lag {
    pub(crate) most_lag_rows: u64,
    /// When the last row had been made.
    pub(crate) last_lag_rows: u64,
}

impl Figure {
    /// Says what it is on stderr, too.
    pub(super) fn new(name: &'static str, work: &'static str, records: u64, records_per_s: f64) -> Figure {
        eprintln!("kafka: {name}: {work}: {records} records, {records_per_s:.0}/s");
        Figure { name, work, records, records_per_s, latency: None, lag: None }
    }

    pub(super) fn with_latency(self, latency_ns: &Histogram<u64>) -> Figure {
        let at = |quantile| latency_ns.value_at_quantile(quantile) as f64 / 1e6;
        let max_ms = latency_ns.max() as f64 / 1e6;
        let latency = Latency { p50_ms: at(0.5), p99_ms: at(0.99), p999_ms: at(0.999), max_ms };
        eprintln!("kafka: {}: {}: {latency:?}", self.name, self.work);
        Figure { latency: Some(latency), ..self }
    }

    pub(super) fn with_lag(self, lag: Lag) -> Figure {
        eprintln!("kafka: {}: {}: {lag:?}", self.name, self.work);
        Figure { lag: Some(lag), ..self }
    }
}

/// Of the same work in each run. Panics if there is no run.
pub(super) fn median_of(runs: &[&Figure]) -> Figure {
    let rates = runs.iter().map(|run| run.records_per_s).collect();
    let latencies: Vec<Latency> = runs.iter().filter_map(|run| run.latency).collect();
    let milliseconds = |of: fn(&Latency) -> f64| middle(&latencies, of, f64::total_cmp);
    let latency = (!latencies.is_empty()).then(|| Latency {
        p50_ms: milliseconds(|one| one.p50_ms),
        p99_ms: milliseconds(|one| one.p99_ms),
        p999_ms: milliseconds(|one| one.p999_ms),
        max_ms: milliseconds(|one| one.max_ms),
    });
    let lags: Vec<Lag> = runs.iter().filter_map(|run| run.lag).collect();
    let lag = (!lags.is_empty()).then(|| Lag {
        most_lag_rows: middle(&lags, |one| one.most_lag_rows, u64::cmp),
        last_lag_rows: middle(&lags, |one| one.last_lag_rows, u64::cmp),
    });
    Figure { records_per_s: median::middle(rates, f64::total_cmp), latency, lag, ..runs[0].clone() }
}

fn middle<T, V: Copy>(runs: &[T], of: fn(&T) -> V, order: fn(&V, &V) -> std::cmp::Ordering) -> V {
    median::middle(runs.iter().map(of).collect(), order)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_figure_has_its_own_median_and_what_was_not_measured_is_left_out() {
        let run = |records_per_s, p99_ms| Figure {
            name: "tollgate",
            work: "work",
            records: 7,
            records_per_s,
            latency: Some(Latency { p50_ms: 1.0, p99_ms, p999_ms: 3.0, max_ms: 4.0 }),
            lag: None,
        };
        let one = median_of(&[&run(3.0, 10.0), &run(1.0, 30.0), &run(2.0, 20.0)]);
        assert_eq!((one.records_per_s, one.latency.map(|one| one.p99_ms)), (2.0, Some(20.0)));
        let json = serde_json::to_value(&one).unwrap();
        assert_eq!((json["p99_ms"].as_f64(), json.get("most_lag_rows")), (Some(20.0), None), "{json}");
    }
}
