//! The runs of one contender put into one: each figure is its own median, for on a machine that is shared one
//! run says little. Knows nothing of how a figure was measured.

use std::cmp::Ordering;

use crate::taps::Figures;

/// Of an even number the upper one of the two in the middle. Panics if there is no run.
pub(crate) fn of(runs: &[Figures]) -> Figures {
    let median = |figure: fn(&Figures) -> f64| middle(runs.iter().map(figure).collect(), f64::total_cmp);
    let count = |figure: fn(&Figures) -> u64| middle(runs.iter().map(figure).collect(), u64::cmp);
    Figures {
        name: runs[0].name,
        version: runs[0].version.clone(),
        connections: runs[0].connections,
        window: runs[0].window,
        runs: runs.len(),
        decisions_per_s: median(|run| run.decisions_per_s),
        p50_ms: median(|run| run.p50_ms),
        p99_ms: median(|run| run.p99_ms),
        p999_ms: median(|run| run.p999_ms),
        max_ms: median(|run| run.max_ms),
        half_rate_per_s: median(|run| run.half_rate_per_s),
        half_rate_max_in_flight: count(|run| run.half_rate_max_in_flight),
        generator_late_ms: median(|run| run.generator_late_ms),
        single_p50_ms: median(|run| run.single_p50_ms),
        single_p99_ms: median(|run| run.single_p99_ms),
        accepted: count(|run| run.accepted),
        rejected: count(|run| run.rejected),
        fraud: count(|run| run.fraud),
        // A failure in any run is one too many.
        errors: runs.iter().map(|run| run.errors).sum(),
        generator_ns_per_call: median(|run| run.generator_ns_per_call),
        contender_ns_per_call: median(|run| run.contender_ns_per_call),
        half_generator_ns_per_call: median(|run| run.half_generator_ns_per_call),
        half_contender_ns_per_call: median(|run| run.half_contender_ns_per_call),
        load_seconds: median(|run| run.load_seconds),
        resident_mib: count(|run| run.resident_mib),
    }
}

pub(crate) fn middle<T: Copy>(mut figures: Vec<T>, order: impl FnMut(&T, &T) -> Ordering) -> T {
    figures.sort_by(order);
    figures[figures.len() / 2]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_figure_has_its_own_median_and_failures_add_up() {
        let run = |decisions_per_s, p99_ms, errors| Figures {
            decisions_per_s,
            p99_ms,
            errors,
            runs: 1,
            ..Figures::default()
        };
        let one = of(&[run(3.0, 10.0, 0), run(1.0, 30.0, 2), run(2.0, 20.0, 1)]);
        assert_eq!((one.decisions_per_s, one.p99_ms, one.errors, one.runs), (2.0, 20.0, 3, 3));
        assert_eq!(of(&[run(7.0, 1.0, 0)]).decisions_per_s, 7.0);
        assert_eq!(of(&[run(7.0, 1.0, 0), run(8.0, 1.0, 0)]).decisions_per_s, 8.0);
    }
}
