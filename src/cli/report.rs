//! What a run came to: for people, and as one line of JSON.

use super::output::{Grid, grouped};
use crate::{
    client::latency::LatencySummary,
    simulate::tally::{CallTally, Failures, Outcome, TapTally},
};
use serde_json::{Map, Value as Json, json};

/// The numbers of a run with decisions.
pub(super) struct Report<'a> {
    pub(super) seconds: f64,
    pub(super) entries: &'a TapTally,
    pub(super) exits: &'a CallTally,
    /// Other calls, by name.
    pub(super) others: Vec<(&'static str, &'a CallTally)>,
}

impl Report<'_> {
    pub(super) fn errors(&self) -> u64 {
        let others: u64 = self.others.iter().map(|(_, tally)| tally.failures.count).sum();
        self.entries.failures.count + self.exits.failures.count + others
    }

    fn per_second(&self) -> f64 {
        if self.seconds > 0.0 { self.entries.decisions() as f64 / self.seconds } else { 0.0 }
    }

    /// One object; more is put in by the caller.
    pub(super) fn json(&self) -> Map<String, Json> {
        let latency = self.entries.latency.summary();
        let by_rule = Outcome::ALL
            .map(|outcome| (outcome.name().replace(' ', "_"), json!(self.entries.count(outcome))));
        let Json::Object(mut line) = json!({
            "seconds": rounded(self.seconds),
            "decisions": self.entries.decisions(),
            "decisions_per_s": rounded(self.per_second()),
            "accepted": self.entries.count(Outcome::Accepted),
            "rejected": self.entries.rejected(),
            "fraud": self.entries.count(Outcome::Fraud),
            "errors": self.errors(),
            "p50_ms": latency.p50_ms,
            "p99_ms": latency.p99_ms,
            "p999_ms": latency.p999_ms,
            "max_ms": latency.max_ms,
            "by_rule": Json::Object(by_rule.into_iter().collect()),
            "exits": self.exits.done,
        }) else {
            unreachable!("the literal is an object")
        };
        for (name, tally) in &self.others {
            line.insert((*name).to_string(), json!(tally.done));
        }
        line
    }

    pub(super) fn text(&self) -> String {
        let mut out = format!(
            "{} decisions in {:.1} s, {} a second\n",
            grouped(self.entries.decisions()),
            self.seconds,
            grouped(self.per_second() as u64)
        );
        out.push_str(&latency_text(&self.entries.latency.summary()));
        let mut grid = Grid::new(&["outcome", ">entries"]);
        for outcome in Outcome::ALL {
            grid.row(vec![outcome.name().to_string(), grouped(self.entries.count(outcome))]);
        }
        out.push_str(&grid.render());
        let mut others = vec![format!("exits {}", grouped(self.exits.done))];
        others.extend(self.others.iter().map(|(name, tally)| format!("{name} {}", grouped(tally.done))));
        out.push_str(&others.join(", "));
        out.push('\n');
        let tallies = self.others.iter().map(|(_, tally)| &tally.failures);
        for failures in [&self.entries.failures, &self.exits.failures].into_iter().chain(tallies) {
            out.push_str(&failures_text(failures));
        }
        out
    }
}

pub(super) fn latency_text(latency: &LatencySummary) -> String {
    format!(
        "p50 {:.3} ms, p99 {:.3} ms, p99.9 {:.3} ms, longest {:.3} ms\n",
        latency.p50_ms, latency.p99_ms, latency.p999_ms, latency.max_ms
    )
}

/// A line for each reason, none without failures.
pub(super) fn failures_text(failures: &Failures) -> String {
    let mut text = String::new();
    for (reason, count) in &failures.reasons {
        text.push_str(&format!("failed: {} x {reason}\n", grouped(*count)));
    }
    if failures.others() > 0 {
        text.push_str(&format!("failed: {} for other reasons\n", grouped(failures.others())));
    }
    text
}

fn rounded(number: f64) -> f64 {
    (number * 1e3).round() / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_what_was_promised() {
        let (entries, exits, trains) = (TapTally::default(), CallTally::default(), CallTally::default());
        let others = vec![("train_events", &trains)];
        let report = Report { seconds: 2.0, entries: &entries, exits: &exits, others };
        let line = report.json();
        for key in [
            "decisions",
            "decisions_per_s",
            "accepted",
            "rejected",
            "fraud",
            "errors",
            "p50_ms",
            "p99_ms",
            "p999_ms",
            "train_events",
        ] {
            assert!(line[key].is_number(), "{key}");
        }
        assert_eq!(line["by_rule"]["insufficient_balance"], json!(0));
        assert!(report.text().starts_with("0 decisions in 2.0 s"));
    }

    #[test]
    fn failures_are_told() {
        let mut failures = Failures::default();
        assert_eq!(failures_text(&failures), "");
        failures.add("no such station");
        assert_eq!(failures_text(&failures), "failed: 1 x no such station\n");
    }
}
