//! `tollgate load`: the rows of a CSV file into a table, each a call of its own, many under way. A row that
//! fails does not stop the others: it goes to a rejects file with its line and the reason.

mod columns;
mod rejects;

use super::{
    options::Server,
    output::{grouped, print_line},
    source::Source,
};
use crate::{
    client::{
        Connection, Pipeline, Reply,
        declared::{self, Declared},
    },
    clock,
    simulate::tally::{LOST, reason_of},
    stop::Stop,
    wire::volt::status::Status,
};
use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use columns::{ColumnMap, Header};
use csv::{Reader, ReaderBuilder, StringRecord};
use indicatif::{ProgressBar, ProgressStyle};
use parking_lot::Mutex;
use rejects::Rejects;
use std::{io::Read, path::PathBuf, process::ExitCode, sync::Arc, time::Duration};
use tollgate_schema::value::Value;

/// Load a CSV file into a table
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Load {
    /// The table's name
    table: String,
    /// The file; .gz is unpacked, - is standard input
    file: PathBuf,
    #[command(flatten)]
    server: Server,
    /// Stop when more rows than this have failed
    #[arg(long, value_name = "N", default_value_t = 100)]
    max_errors: u64,
    /// Where failed rows go [default: FILE.rejects.csv beside the current directory's files]
    #[arg(long, value_name = "FILE")]
    rejects: Option<PathBuf>,
    /// Lines to leave out at the beginning
    #[arg(long, value_name = "N", default_value_t = 0)]
    skip: u64,
    /// Whether the first line names the columns; auto: if it does
    #[arg(long, value_enum, default_value_t = Header::Auto)]
    header: Header,
    /// Replace rows whose primary key is there already
    #[arg(long)]
    upsert: bool,
    /// Rows under way at once
    #[arg(long, value_name = "N", default_value_t = 4096, value_parser = clap::value_parser!(u32).range(1..=65_536))]
    window: u32,
}

const EXAMPLES: &str = "\
An empty field and \\N are NULL; columns that a header leaves out get their default.
Exit code 1 when more than --max-errors rows failed, or the file could not be read to its end.
Examples:
  tollgate load STATIONS stations.csv
  tollgate load CARDS cards.csv.gz --header no --max-errors 0 --rejects bad.csv";

/// How long to wait for the last replies.
const LAST_REPLIES_MAX: Duration = Duration::from_secs(60);

/// A row under way.
struct Row {
    line: u64,
    record: StringRecord,
}

/// What became of the rows.
struct Outcome {
    loaded: u64,
    rejects: Rejects,
    /// The server refuses more: going on is of no use.
    refused: Option<String>,
}

type Shared = Arc<Mutex<Outcome>>;

impl Load {
    pub(super) fn run(self) -> Result<ExitCode> {
        let stop = Stop::on_signals()?;
        self.load(&stop)
    }

    fn load(&self, stop: &Stop) -> Result<ExitCode> {
        let started = clock::now();
        let table = declared::table(&mut Connection::open(&self.server.server)?, &self.table)?;
        let source = Source::open(&self.file)?;
        let progress = progress_bar(source.total_bytes);
        let rejects = Rejects::new(self.rejects.clone().unwrap_or_else(|| rejects::default_path(&self.file)));
        let outcome = Arc::new(Mutex::new(Outcome { loaded: 0, rejects, refused: None }));
        let action = if self.upsert { "upsert" } else { "insert" };
        let procedure = format!("{}.{action}", table.name);
        let ended = self.send_rows(source, &table, &procedure, &outcome, stop, &progress);
        progress.finish_and_clear();
        let outcome = &mut *outcome.lock();
        outcome.rejects.finish()?;
        let seconds = started.elapsed().as_secs_f64();
        print_line(&summary(&table.name, outcome, seconds))?;
        ended?;
        if let Some(reason) = &outcome.refused {
            anyhow::bail!("the server takes no more rows: {reason}");
        }
        let too_many = outcome.rejects.count > self.max_errors;
        if too_many {
            eprintln!("error: more than {} rows failed (--max-errors)", self.max_errors);
        }
        let whole = !too_many && !stop.is_stopped();
        Ok(if whole { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    fn send_rows(
        &self,
        source: Source,
        table: &declared::DeclaredTable,
        procedure: &str,
        outcome: &Shared,
        stop: &Stop,
        progress: &ProgressBar,
    ) -> Result<()> {
        let read_bytes = source.read_bytes.clone();
        let mut lines = source.skip_lines(self.skip)?;
        let mut reader = reader_of(&mut lines);
        let counted = outcome.clone();
        let on_reply = move |row: Row, reply: Reply<'_>| count(&mut counted.lock(), row, &reply);
        let mut pipeline = Pipeline::open(&self.server.server, self.window, on_reply)?;
        let mut map = None;
        let mut record = StringRecord::new();
        while !stop.is_stopped() && reader.read_record(&mut record).context("the file cannot be read")? {
            let line = self.skip + record.position().map_or(0, csv::Position::line);
            if map.is_none() {
                let (found, is_header) = ColumnMap::new(&table.columns, &record, self.header)?;
                map = Some(found);
                if is_header {
                    continue;
                }
            }
            match map.as_ref().expect("set above").values(&record) {
                Ok(values) => {
                    let row = Row { line, record: record.clone() };
                    pipeline.call(procedure, row, clock::now(), |params| {
                        for value in &values {
                            params.put_value(value);
                        }
                    })?;
                }
                Err(reason) => outcome.lock().rejects.add(line, &reason, &record),
            }
            if line.is_multiple_of(LOOK_EVERY) {
                progress.set_position(read_bytes.load(std::sync::atomic::Ordering::Relaxed));
                if self.is_hopeless(&outcome.lock()) {
                    break;
                }
            }
        }
        pipeline.finish(LAST_REPLIES_MAX)?;
        Ok(())
    }

    fn is_hopeless(&self, outcome: &Outcome) -> bool {
        outcome.rejects.count > self.max_errors || outcome.refused.is_some()
    }
}

/// Progress is shown, and failures are looked at, once in so many lines.
const LOOK_EVERY: u64 = 256;

fn count(outcome: &mut Outcome, row: Row, reply: &Reply<'_>) {
    let reason = match &reply.response {
        Some(response) if response.status == Status::Success => {
            outcome.loaded += 1;
            return;
        }
        Some(response) => {
            let reason = reason_of(response);
            if response.status == Status::ServerUnavailable {
                outcome.refused.get_or_insert_with(|| reason.clone());
            }
            reason
        }
        None => LOST.to_string(),
    };
    outcome.rejects.add(row.line, &reason, &row.record);
}

fn progress_bar(total_bytes: Option<u64>) -> ProgressBar {
    let (bar, template) = match total_bytes {
        Some(total) => (ProgressBar::new(total), "{bar:40} {bytes}/{total_bytes} {bytes_per_sec} {eta}"),
        None => (ProgressBar::no_length(), "{spinner} {bytes} {bytes_per_sec}"),
    };
    bar.with_style(
        ProgressStyle::with_template(template).expect("the template is a constant that indicatif takes"),
    )
}

fn summary(table: &str, outcome: &Outcome, seconds: f64) -> String {
    let per_second = (outcome.loaded as f64 / seconds.max(1e-9)) as u64;
    let mut text = format!(
        "{}: {} rows loaded in {seconds:.1} s ({} rows/s), {} failed",
        table,
        grouped(outcome.loaded),
        grouped(per_second),
        grouped(outcome.rejects.count)
    );
    if outcome.rejects.count > 0 {
        text.push_str(&format!("; see {}", outcome.rejects.path().display()));
        for (reason, count) in outcome.rejects.reasons() {
            text.push_str(&format!("\n  {} x {reason}", grouped(*count)));
        }
    }
    text
}

impl ValueEnum for Header {
    fn value_variants<'a>() -> &'a [Header] {
        &[Header::Auto, Header::Yes, Header::No]
    }

    fn to_possible_value(&self) -> Option<clap::builder::PossibleValue> {
        Some(clap::builder::PossibleValue::new(match self {
            Header::Auto => "auto",
            Header::Yes => "yes",
            Header::No => "no",
        }))
    }
}

fn reader_of<R: Read>(lines: R) -> Reader<R> {
    ReaderBuilder::new().has_headers(false).flexible(true).from_reader(lines)
}

/// For the fuzzers: the rows of a file, and what is wrong with the first line that is none.
#[doc(hidden)]
pub fn rows_of_csv(columns: &[Declared], file: &[u8]) -> Result<Vec<Vec<Value>>, String> {
    let mut reader = reader_of(file);
    let mut record = StringRecord::new();
    let mut map = None;
    let mut rows = Vec::new();
    while reader.read_record(&mut record).map_err(|error| error.to_string())? {
        let map = match &map {
            Some(map) => map,
            None => {
                let (found, is_header) =
                    ColumnMap::new(columns, &record, Header::Auto).map_err(|error| error.to_string())?;
                let found = map.insert(found);
                if is_header {
                    continue;
                }
                found
            }
        };
        rows.push(map.values(&record)?);
    }
    Ok(rows)
}

#[cfg(test)]
mod tests;
