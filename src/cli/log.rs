//! `tollgate log`: what is in a log directory, without changing it.

use super::output::{Grid, bytes_text, grouped, print_line};
use anyhow::{Result, ensure};
use clap::{Args, Subcommand};
use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};
use tollgate_cluster::{
    disk::RealDisk,
    log::{self, LogReport, RecordSummary},
};

/// Look into a log directory of a server that is not running
#[derive(Args)]
pub(super) struct Log {
    #[command(subcommand)]
    which: Which,
}

#[derive(Subcommand)]
enum Which {
    Inspect(Inspect),
    Verify(Verify),
}

/// Print segments, records and entries
#[derive(Args)]
struct Inspect {
    /// A log directory, or a data directory with one in it
    dir: PathBuf,
    /// Print a line for each record, too
    #[arg(long)]
    records: bool,
    /// Print records from this sequence on
    #[arg(long, value_name = "SEQUENCE", default_value_t = 0)]
    from: u64,
}

/// Read all of it and check all that recovery checks; exit code 1 when it is damaged
#[derive(Args)]
struct Verify {
    /// A log directory, or a data directory with one in it
    dir: PathBuf,
}

impl Log {
    pub(super) fn run(self) -> Result<ExitCode> {
        match self.which {
            Which::Inspect(inspect) => inspect.run(),
            Which::Verify(verify) => verify.run(),
        }
    }
}

impl Inspect {
    fn run(self) -> Result<ExitCode> {
        let directory = log_directory(&self.dir)?;
        let mut printed = Ok(());
        let report = log::inspect(&RealDisk, &directory, &mut |record| {
            if self.records && record.sequence >= self.from && printed.is_ok() {
                printed = print_line(&record_text(&record));
            }
        })?;
        printed?;
        print_line(report_text(&report).trim_end())?;
        Ok(ExitCode::SUCCESS)
    }
}

impl Verify {
    fn run(self) -> Result<ExitCode> {
        let report = log::verify(&RealDisk, &log_directory(&self.dir)?)?;
        let (records, entries) = (grouped(report.records), grouped(report.entries));
        print_line(&format!(
            "sound: {} segments, {records} records, {entries} entries",
            report.segments.len()
        ))?;
        if let Some((file, offset)) = &report.torn {
            print_line(&torn_text(file, *offset))?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// The directory itself, or its `log`.
fn log_directory(given: &Path) -> Result<PathBuf> {
    ensure!(given.is_dir(), "{} is no directory", given.display());
    let inner = given.join("log");
    Ok(if inner.is_dir() { inner } else { given.to_path_buf() })
}

fn record_text(record: &RecordSummary) -> String {
    let mut text = format!(
        "record {} at {}:{}, {} bytes",
        record.sequence, record.file, record.offset, record.payload_bytes
    );
    for group in &record.groups {
        text.push_str(&format!("\n  group {}", group.group));
        if let Some((reset, index, term)) = group.start {
            let how = if reset { "begins anew" } else { "begins" };
            text.push_str(&format!(", {how} after {index} (term {term})"));
        }
        if let Some((term, vote, commit)) = group.hard_state {
            text.push_str(&format!(", term {term}, vote {vote}, commit {commit}"));
        }
        for entry in &group.entries {
            let kind = if entry.membership { "membership" } else { "block" };
            text.push_str(&format!(
                "\n    entry {} (term {}): {kind}, {} bytes",
                entry.index, entry.term, entry.data_bytes
            ));
        }
    }
    text
}

fn report_text(report: &LogReport) -> String {
    let mut grid = Grid::new(&["segment", ">number", ">first sequence", ">size"]);
    for segment in &report.segments {
        grid.row(vec![
            segment.file.clone(),
            segment.number.to_string(),
            segment.first_sequence.to_string(),
            bytes_text(segment.bytes),
        ]);
    }
    let mut text = grid.render();
    text.push_str(&format!("{} records, {} entries\n", grouped(report.records), grouped(report.entries)));
    if let Some((file, offset)) = &report.torn {
        text.push_str(&torn_text(file, *offset));
    }
    text
}

fn torn_text(file: &str, offset: u64) -> String {
    format!("{file}:{offset}: a write that was not acknowledged; the next start cuts it off")
}
