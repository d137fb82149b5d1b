//! The live table: drawn in place on a terminal, a line a second elsewhere. To stderr.

use super::{facts::Facts, fraud_reader::FraudRead, simulators::Tallies};
use crate::{
    cli::{
        output::{Grid, bytes_text, grouped},
        report::Report,
    },
    client::latency::LatencySummary,
    clock,
    simulate::tally::{CallTally, Outcome, TapTally},
};
use indicatif::{ProgressBar, ProgressStyle};
use std::time::Instant;

/// See the module.
pub(super) struct View {
    tallies: Tallies,
    began: Instant,
    /// How long the simulators ran, once they have ended.
    seconds: Option<f64>,
    last: Seen,
    bar: ProgressBar,
    /// Taken when the table is drawn, so that a report can borrow them.
    entries: TapTally,
    exits: CallTally,
    train_events: CallTally,
    recharges: CallTally,
    fraud_read: FraudRead,
}

/// Counts at one moment: the next table shows what was added.
#[derive(Clone, Copy, Default)]
struct Seen {
    seconds: f64,
    decisions: u64,
}

/// One drawing's numbers.
struct Drawing<'a> {
    seconds: f64,
    now_per_second: u64,
    interval: LatencySummary,
    entries: &'a TapTally,
    exits: u64,
    train_events: u64,
    recharges: u64,
    fraud_read: &'a FraudRead,
    errors: u64,
    facts: &'a Facts,
}

impl View {
    pub(super) fn new(began: Instant) -> View {
        let bar = ProgressBar::new_spinner();
        bar.set_style(
            ProgressStyle::with_template("{msg}").expect("the template is a constant that indicatif takes"),
        );
        View {
            tallies: Tallies::default(),
            began,
            seconds: None,
            last: Seen::default(),
            bar,
            entries: TapTally::default(),
            exits: CallTally::default(),
            train_events: CallTally::default(),
            recharges: CallTally::default(),
            fraud_read: FraudRead::default(),
        }
    }

    /// Where the simulators count.
    pub(super) fn tallies(&self) -> &Tallies {
        &self.tallies
    }

    fn take(&mut self) -> LatencySummary {
        let interval = {
            let mut entries = self.tallies.rides.entries.lock();
            let interval = entries.take_interval().summary();
            self.entries.clone_from(&entries);
            interval
        };
        self.exits.clone_from(&self.tallies.rides.exits.lock());
        self.train_events.clone_from(&self.tallies.train_events.lock());
        self.recharges.clone_from(&self.tallies.recharges.lock());
        interval
    }

    pub(super) fn draw(&mut self, facts: &Facts, fraud_read: FraudRead) {
        self.fraud_read = fraud_read;
        let interval = self.take();
        let now = Seen { seconds: self.began.elapsed().as_secs_f64(), decisions: self.entries.decisions() };
        let since = now.seconds - self.last.seconds;
        let added = now.decisions - self.last.decisions;
        self.last = now;
        let drawing = Drawing {
            seconds: now.seconds,
            now_per_second: if since > 0.0 { (added as f64 / since).round() as u64 } else { 0 },
            interval,
            entries: &self.entries,
            exits: self.exits.done,
            train_events: self.train_events.done,
            recharges: self.recharges.done,
            fraud_read: &self.fraud_read,
            errors: self.report().errors(),
            facts,
        };
        if self.bar.is_hidden() {
            eprintln!("{}", drawing.line());
        } else {
            self.bar.set_message(drawing.table());
            self.bar.tick();
        }
    }

    /// The simulators have been told to stop.
    pub(super) fn end(&mut self) {
        self.bar.finish_and_clear();
        self.seconds = Some(self.began.elapsed().as_secs_f64());
    }

    /// All that was counted up to the last drawing, or by now if there are no more.
    pub(super) fn report(&self) -> Report<'_> {
        Report {
            seconds: self.seconds.unwrap_or_else(|| clock::now().duration_since(self.began).as_secs_f64()),
            entries: &self.entries,
            exits: &self.exits,
            others: vec![("train_events", &self.train_events), ("recharges", &self.recharges)],
        }
    }

    /// Counts the last replies in.
    pub(super) fn close(&mut self) {
        self.take();
    }

    /// How many entries were fraud.
    pub(super) fn frauds(&self) -> u64 {
        self.entries.count(Outcome::Fraud)
    }

    /// All that was read.
    pub(super) fn fraud_was_read(&mut self, fraud_read: FraudRead) {
        self.fraud_read = fraud_read;
    }

    pub(super) fn fraud_read(&self) -> u64 {
        self.fraud_read.records
    }
}

/// More of an alert would break the table.
const ALERT_CHARS_MAX: usize = 100;

impl Drawing<'_> {
    fn per_second(&self) -> u64 {
        if self.seconds > 0.0 { (self.entries.decisions() as f64 / self.seconds).round() as u64 } else { 0 }
    }

    fn table(&self) -> String {
        let total = self.entries.latency.summary();
        let mut grid = Grid::new(&["", ">now", ">since the start"]);
        let mut row = |name: &str, now: String, all: String| grid.row(vec![name.to_string(), now, all]);
        row("decisions/s", grouped(self.now_per_second), grouped(self.per_second()));
        for (name, now, all) in [
            ("p50 ms", self.interval.p50_ms, total.p50_ms),
            ("p99 ms", self.interval.p99_ms, total.p99_ms),
            ("p99.9 ms", self.interval.p999_ms, total.p999_ms),
        ] {
            row(name, format!("{now:.3}"), format!("{all:.3}"));
        }
        row("decisions", String::new(), grouped(self.entries.decisions()));
        for (name, count) in self.counts() {
            row(name, String::new(), grouped(count));
        }
        let mut text = format!(
            "{}\n{:.0} s   fraud: {}\nlog      {}\nmemory   {}",
            grid.render(),
            self.seconds,
            self.facts.rules_text(),
            self.facts.log_text(),
            self.facts.memory_text()
        );
        if let Some(last) = &self.fraud_read.last {
            text.push_str(&format!("\nalert    {}", last.chars().take(ALERT_CHARS_MAX).collect::<String>()));
        }
        if let Some(exported) = &self.facts.exported {
            text.push_str(&format!("\nexport   {}", exported.text()));
        }
        text
    }

    fn counts(&self) -> Vec<(&'static str, u64)> {
        let mut counts = vec![
            ("accepted", self.entries.count(Outcome::Accepted)),
            ("rejected", self.entries.rejected()),
            ("fraud", self.entries.count(Outcome::Fraud)),
        ];
        let rejections =
            [Outcome::InsufficientBalance, Outcome::CardExpired, Outcome::CardDisabled, Outcome::CardInvalid];
        let hit = rejections.into_iter().filter(|outcome| self.entries.count(*outcome) > 0);
        counts.extend(hit.map(|outcome| (outcome.name(), self.entries.count(outcome))));
        counts.extend([
            ("exits", self.exits),
            ("train events", self.train_events),
            ("recharges", self.recharges),
            ("fraud read", self.fraud_read.records),
            ("errors", self.errors),
        ]);
        counts
    }

    fn line(&self) -> String {
        let mut line = format!(
            "{:.0} s: {} decisions/s, p50 {:.3} p99 {:.3} p99.9 {:.3} ms, accepted {}, rejected {}, fraud {}, \
             fraud read {}, errors {}, log {}, resident {}",
            self.seconds,
            grouped(self.now_per_second),
            self.interval.p50_ms,
            self.interval.p99_ms,
            self.interval.p999_ms,
            grouped(self.entries.count(Outcome::Accepted)),
            grouped(self.entries.rejected()),
            grouped(self.entries.count(Outcome::Fraud)),
            grouped(self.fraud_read.records),
            grouped(self.errors),
            bytes_text(self.facts.log_bytes),
            bytes_text(self.facts.resident_bytes)
        );
        if let Some(exported) = &self.facts.exported {
            line.push_str(&format!(", export {}", exported.text()));
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::demo::exported::Exported;
    use expect_test::expect;

    #[test]
    fn a_table_for_terminals_and_a_line_for_files() {
        let facts = Facts {
            resident_bytes: 300 << 20,
            rows: 1_234,
            log_segments: 2,
            log_bytes: 65 << 20,
            syncs: 1_000,
            sync_us: 250_000,
            fraud_by_rule: [1, 2, 0],
            exported: Some(Exported { rows: 3_000, lag_rows: 4, state: "waiting" }),
            ..Facts::default()
        };
        let drawing = Drawing {
            seconds: 10.0,
            now_per_second: 5_000,
            interval: LatencySummary { p50_ms: 0.5, p99_ms: 1.0, p999_ms: 2.0, ..LatencySummary::default() },
            entries: &TapTally::default(),
            exits: 4,
            train_events: 5,
            recharges: 6,
            fraud_read: &FraudRead { records: 7, last: Some("17,42".to_string()) },
            errors: 0,
            facts: &facts,
        };
        expect![[r#"
                            now  since the start
            decisions/s   5,000                0
            p50 ms        0.500            0.000
            p99 ms        1.000            0.000
            p99.9 ms      2.000            0.000
            decisions                          0
            accepted                           0
            rejected                           0
            fraud                              0
            exits                              4
            train events                       5
            recharges                          6
            fraud read                         7
            errors                             0

            10 s   fraud: double tap 1, many stations 2, many entries 0
            log      65.0 MiB in 2 segments, 1,000 syncs of 0.25 ms, 0 snapshots
            memory   300.0 MiB resident, 1,234 rows
            alert    17,42
            export   3,000 rows, 4 behind, waiting"#]]
        .assert_eq(&drawing.table());
        expect![[r#"10 s: 5,000 decisions/s, p50 0.500 p99 1.000 p99.9 2.000 ms, accepted 0, rejected 0, fraud 0, fraud read 7, errors 0, log 65.0 MiB, resident 300.0 MiB, export 3,000 rows, 4 behind, waiting"#]]
            .assert_eq(&drawing.line());
    }
}
