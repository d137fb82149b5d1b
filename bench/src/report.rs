//! Figures as text: Markdown tables for people, and the sections of `bench/RESULTS.md`.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::Context;

use crate::kafka;
use crate::machine;
use crate::node::memory::Memory;
use crate::node::recovery::Recovery;
use crate::node::snapshot::{Pair, Snapshot};
use crate::physical::Limits;
use crate::taps::Figures;

/// Sections of the results file, in its order.
const SECTIONS: [(&str, &str); 6] = [
    ("taps", "ValidateEntry beside its peers"),
    ("limits", "What the machine allows"),
    ("memory", "Memory"),
    ("recovery", "Recovery"),
    ("snapshot", "Snapshots under load"),
    ("kafka", "The Kafka port beside Apache Kafka"),
];

/// How the figures of the Kafka port's table were come by.
const KAFKA_NOTES: &str = "\
Latencies are of an open loop, from the time at which a call or a record was meant to be sent to the time at
which a consumer in a long poll (`fetch.min.bytes=1`, `fetch.wait.max.ms=500`) had the record. From decision to
consumer: each call of ValidateEntry over the Volt port is a double tap and gives a row of FRAUD. From producer to
consumer: `acks=all`, `linger.ms=0`; Tollgate's records are synced, Apache Kafka's are not. After the recharges the
balances of all cards together had grown by exactly the amounts. Exports go to the Apache Kafka of the same run, rows
of CARD_ALERT_EXPORT, `at_least_once`; its topic had exactly as many records as rows were made. Lag is rows not yet
acknowledged, sampled every 100 ms. To catch up: from the node's first answer after a start with a backlog.
What is consumed is read by three groups, one after the other. The shorter stream fits into what a consumer of
librdkafka may fetch ahead of its application (64 MiB, behind which it pauses for a second); the long one does not.
Tollgate serves once memory for 250 bytes of each record and 16 log segments are there (`memory.ready_bytes`,
`log.ready_segments`), with `net_core`; Apache Kafka is measured after as many records again have warmed it.
";

/// A Markdown table, columns padded so that it also reads well on a terminal.
struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    fn new(header: &[&str]) -> Self {
        Self { rows: vec![header.iter().map(|&cell| cell.to_owned()).collect()] }
    }

    fn row(&mut self, cells: Vec<String>) {
        assert_eq!(cells.len(), self.rows[0].len(), "every row has the header's columns");
        self.rows.push(cells);
    }

    fn text(&self) -> String {
        let widths: Vec<usize> = (0..self.rows[0].len())
            .map(|column| self.rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0))
            .collect();
        let mut text = String::new();
        for (number, row) in self.rows.iter().enumerate() {
            for (cell, width) in row.iter().zip(&widths) {
                text.push_str(&format!("| {cell:<width$} "));
            }
            text.push_str("|\n");
            if number == 0 {
                let rule: String = widths.iter().map(|width| format!("|{}", "-".repeat(width + 2))).collect();
                text.push_str(&rule);
                text.push_str("|\n");
            }
        }
        text
    }
}

/// The comparison; the ratio is to Redis without persistence, where it took part. `rate`: of the open loop,
/// if not half of the saturated one.
pub(crate) fn taps(figures: &[Figures], simulated_rate: f64, cards: i32, rate: Option<f64>) -> String {
    let redis = figures.iter().find(|one| one.name == "redis").map(|one| one.decisions_per_s);
    let mut speed = Table::new(&[
        "contender",
        "decisions/s",
        "x Redis",
        "p50 ms",
        "p99 ms",
        "p99.9 ms",
        "max ms",
        "generator late ms",
        "one call p50 ms",
        "connections x window",
        "generator ns/call",
        "contender CPU ns/call",
        "in the open loop",
    ]);
    let mut mix = Table::new(&["contender", "version", "accepted", "rejected", "fraud", "errors", "taps"]);
    for one in figures {
        let ratio = redis.map_or("-".to_owned(), |redis| format!("{:.2}", one.decisions_per_s / redis));
        speed.row(vec![
            one.name.to_owned(),
            thousands(one.decisions_per_s),
            ratio,
            format!("{:.3}", one.p50_ms),
            format!("{:.3}", one.p99_ms),
            format!("{:.3}", one.p999_ms),
            format!("{:.3}", one.max_ms),
            format!("{:.3}", one.generator_late_ms),
            format!("{:.3}", one.single_p50_ms),
            format!("{} x {}", one.connections, one.window / one.connections),
            format!("{:.0}", one.generator_ns_per_call),
            format!("{:.0}", one.contender_ns_per_call),
            format!("{:.0}", one.half_contender_ns_per_call),
        ]);
        let taps = one.accepted + one.rejected + one.fraud;
        let share = |count: u64| format!("{:.1} %", 100.0 * count as f64 / taps.max(1) as f64);
        mix.row(vec![
            one.name.to_owned(),
            one.version.clone(),
            share(one.accepted),
            share(one.rejected),
            share(one.fraud),
            one.errors.to_string(),
            thousands(taps as f64),
        ]);
    }
    let runs = figures.iter().map(|one| one.runs).max().unwrap_or(1);
    let of_runs = if runs > 1 {
        format!("Each figure is the median of {runs} runs, in which the contenders took turns. ")
    } else {
        String::new()
    };
    let open_rate =
        rate.map_or("half of that rate".to_owned(), |rate| format!("{} a second", thousands(rate)));
    format!(
        "{}\n{of_runs}Decisions per second are saturated; latencies are those of an open loop at {open_rate}, from each \
         call's intended time. {} cards tap at {simulated_rate:.0} simulated taps a second. The outcomes are those of \
         the saturated phase, which ends after as many taps for each that gets that far, so that all judge the same.\n\n{}",
        speed.text(),
        thousands(f64::from(cards)),
        mix.text()
    )
}

pub(crate) fn kafka(figures: &[kafka::Figure]) -> String {
    let mut table = Table::new(&[
        "contender",
        "work",
        "records",
        "records/s",
        "p50 ms",
        "p99 ms",
        "p99.9 ms",
        "max ms",
        "most lag, rows",
        "lag at the end",
    ]);
    for figure in figures {
        let (latency, lag) = (figure.latency.as_ref(), figure.lag.as_ref());
        let milliseconds = |of: fn(&kafka::Latency) -> f64| {
            latency.map_or("-".to_owned(), |latency| format!("{:.2}", of(latency)))
        };
        let rows = |of: fn(&kafka::Lag) -> u64| lag.map_or("-".to_owned(), |lag| thousands(of(lag) as f64));
        table.row(vec![
            figure.name.to_owned(),
            figure.work.to_owned(),
            thousands(figure.records as f64),
            thousands(figure.records_per_s),
            milliseconds(|latency| latency.p50_ms),
            milliseconds(|latency| latency.p99_ms),
            milliseconds(|latency| latency.p999_ms),
            milliseconds(|latency| latency.max_ms),
            rows(|lag| lag.most_lag_rows),
            rows(|lag| lag.last_lag_rows),
        ]);
    }
    format!("{}\n{KAFKA_NOTES}", table.text())
}

pub(crate) fn limits(limits: &Limits) -> String {
    let mut table = Table::new(&["write and fdatasync", "p50 ms", "p99 ms", "per second"]);
    for sync in &limits.syncs {
        table.row(vec![
            format!("{} KiB, file {}", sync.write_bytes >> 10, sync.file),
            format!("{:.3}", sync.p50_ms),
            format!("{:.3}", sync.p99_ms),
            thousands(sync.per_second),
        ]);
    }
    format!(
        "{}\nLoopback: one byte there and back {:.1} us (p50); pipelined messages of 100 bytes, there and back, {} a second.\n",
        table.text(),
        limits.echo_p50_us,
        thousands(limits.echo_messages_per_s)
    )
}

pub(crate) fn memory(memory: &Memory) -> String {
    let mut table = Table::new(&["measure", "value"]);
    for (measure, value) in [
        ("bytes per card, indexes included", format!("{:.1}", memory.bytes_per_card)),
        ("bytes per stored tap, indexes included", format!("{:.1}", memory.bytes_per_tap)),
        ("growth of resident memory per tap", format!("{:.1}", memory.resident_bytes_per_tap)),
        ("cards", thousands(memory.cards)),
        ("stored taps", thousands(memory.taps)),
        ("resident MiB, empty", memory.resident_mib_empty.to_string()),
        ("resident MiB, cards loaded", memory.resident_mib_with_cards.to_string()),
        ("resident MiB, taps stored", memory.resident_mib_with_taps.to_string()),
    ] {
        table.row(vec![measure.to_owned(), value]);
    }
    table.text()
}

pub(crate) fn recovery(recovery: &Recovery) -> String {
    let mut table = Table::new(&["recovery of", "seconds to the first answered tap"]);
    table.row(vec!["the log alone".into(), format!("{:.2}", recovery.log_only_s)]);
    table.row(vec!["a snapshot and the log".into(), format!("{:.2}", recovery.snapshot_s)]);
    format!(
        "{}\n{} taps of history, {} MiB on disk before the snapshot, which took {:.2} s. The process was killed (SIGKILL), \
         its files stayed in the page cache; every acknowledged tap was there again.\n",
        table.text(),
        thousands(recovery.taps as f64),
        recovery.directory_mib,
        recovery.taking_snapshot_s
    )
}

pub(crate) fn snapshot(snapshot: &Snapshot) -> String {
    let mut table = Table::new(&[
        "load",
        "p99.9 ms without",
        "max ms without",
        "p99.9 ms with",
        "max ms with",
        "snapshot took s",
    ]);
    let mut row = |load: &str, pair: &Pair| {
        table.row(vec![
            load.to_owned(),
            format!("{:.2}", pair.quiet_p999_ms),
            format!("{:.2}", pair.quiet_max_ms),
            format!("{:.2}", pair.snapshot_p999_ms),
            format!("{:.2}", pair.snapshot_max_ms),
            format!("{:.2}", pair.snapshot_s),
        ]);
    };
    row("saturated, closed loop", &snapshot.saturated);
    row("half of that, open loop", &snapshot.half_rate);
    let rate = thousands(snapshot.saturated_per_s);
    format!(
        "{}\n{} taps of history; {rate} taps a second saturated.\n",
        table.text(),
        thousands(snapshot.taps as f64)
    )
}

/// Puts `body` in place of one section of the results file, with the machine and the command that measured
/// it. The other sections stay as they are; a missing file is begun.
pub(crate) fn write_section(path: &Path, section: &str, body: &str) -> anyhow::Result<()> {
    let old = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(error).with_context(|| format!("reading {}", path.display())),
    };
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let stamped = format!(
        "Machine: {}; load average {:.2} at the end. Built with {}.\nCommand: `cargo run --release -p bench -- {}`\n\n{body}",
        machine::description(),
        machine::load_average(),
        machine::compiler(),
        arguments.join(" ")
    );
    std::fs::write(path, replaced(&old, section, &stamped))
        .with_context(|| format!("writing {}", path.display()))
}

fn replaced(old: &str, section: &str, new_body: &str) -> String {
    let mut text = "# Results\n\nWritten by `bench`; each section names the machine and the command it was measured with.\n".to_owned();
    for (name, title) in SECTIONS {
        let (begin, end) = (format!("<!-- {name} -->\n"), format!("<!-- /{name} -->\n"));
        let kept = old.split_once(&begin).and_then(|(_, rest)| rest.split_once(&end)).map(|(body, _)| body);
        let body = if name == section { Some(new_body) } else { kept };
        if let Some(body) = body {
            let heading = if name == section { format!("\n## {title}\n\n{body}") } else { body.to_owned() };
            write!(text, "{begin}{heading}{end}").expect("writing to a String cannot fail");
        }
    }
    text
}

/// 1234567 as "1,234,567".
fn thousands(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_are_replaced_and_others_kept() {
        let first = replaced("", "limits", "disk 1\n");
        let second = replaced(&first, "taps", "speed 1\n");
        let third = replaced(&second, "limits", "disk 2\n");
        assert!(
            third.contains("speed 1") && third.contains("disk 2") && !third.contains("disk 1"),
            "{third}"
        );
        assert!(third.find("speed 1") < third.find("disk 2"), "{third}");
        assert_eq!(replaced(&third, "limits", "disk 2\n"), third);
    }

    #[test]
    fn numbers_and_tables_line_up() {
        assert_eq!((thousands(999.0), thousands(1_234_567.4)), ("999".into(), "1,234,567".into()));
        let mut table = Table::new(&["a", "bb"]);
        table.row(vec!["ccc".into(), "d".into()]);
        assert_eq!(table.text(), "| a   | bb |\n|-----|----|\n| ccc | d  |\n");
    }
}
