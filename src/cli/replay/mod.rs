//! `tollgate replay`: real taps against a server.

mod file;
mod prepare;
mod taps;

use super::{
    options::{self, Server},
    output::{grouped, print_line},
    report::Report,
};
use crate::{
    clock,
    replay::{places::Places, survey::Survey, tap::LineError},
    simulate::drive::{Rate, riders::RideTallies},
    stop::Stop,
};
use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use serde_json::{Value as Json, json};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::ExitCode,
};
use taps::{Replayer, Unknown};
use tollgate_schema::value::timestamp::parse_timestamp;

/// Replay real taps from a file
#[derive(Args)]
pub(super) struct Replay {
    #[command(subcommand)]
    which: Which,
}

#[derive(Subcommand)]
enum Which {
    Tfl(Tfl),
}

/// London's Oyster sample of November 2009: BEGINTRIP and BUSTRIP as entries, ENDTRIP as exits
#[derive(Args)]
#[command(after_help = EXAMPLES)]
struct Tfl {
    /// The taps, CSV; .gz is unpacked
    file: PathBuf,
    /// The stations there are, CSV with the name first; taps at other names are counted and left out. Without
    /// it, every name in the taps is a station
    #[arg(long, value_name = "FILE")]
    stations: Option<PathBuf>,
    /// How many times as fast as it happened, or max
    #[arg(long, value_name = "N", default_value = "max", value_parser = options::rate)]
    speed: Rate,
    /// The Sunday that the file begins with
    #[arg(long, value_name = "YYYY-MM-DD", default_value = "2009-11-01")]
    date: String,
    /// Calls that may wait for their reply
    #[arg(long, value_name = "N", default_value_t = 4096, value_parser = clap::value_parser!(u32).range(1..=65_536))]
    window: u32,
    #[command(flatten)]
    server: Server,
    /// Print one line of JSON
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Stations, bus routes and cards are created first, those that are missing: season tickets as unlimited cards, the others
with a balance of 100.00. The moment of each tap is the one in the file.
Examples:
  tollgate replay tfl events-1.csv.gz
  tollgate replay tfl events-1.csv.gz --stations stations.csv --speed 600";

impl Replay {
    pub(super) fn run(self) -> Result<ExitCode> {
        let Which::Tfl(tfl) = self.which;
        let stop = Stop::on_signals()?;
        tfl.run(&stop)
    }
}

impl Tfl {
    fn run(&self, stop: &Stop) -> Result<ExitCode> {
        let start_us = parse_timestamp(&self.date)
            .with_context(|| format!("--date: {:?} is no day such as 2009-11-01", self.date))?;
        let (survey, cut) = survey(&self.file)?;
        let known = self.stations.as_deref().map(file::station_names).transpose()?;
        let places = Places::new(&survey.stations, &survey.bus_routes, known.as_ref());
        let server = &self.server.server;
        prepare::stations(server, &places)?;
        prepare::cards(server, self.window, &survey, start_us)?;

        let started = clock::now();
        let tallies = RideTallies::default();
        let mut replayer =
            Replayer::open(server, self.window, self.speed, start_us / 1000, places, tallies.clone())?;
        let replayed = replayer.run(&self.file, survey.lines, stop);
        let (unknown, finished) = replayer.finish();
        let seconds = started.elapsed().as_secs_f64();
        let (entries, exits) = (tallies.entries.lock(), tallies.exits.lock());
        let report = Report { seconds, entries: &entries, exits: &exits, others: Vec::new() };
        let found = Found { survey: &survey, unknown: &unknown, cut };
        if self.json {
            let mut line = report.json();
            line.extend(found.json());
            print_line(&Json::Object(line).to_string())?;
        } else {
            print_line(&(found.text() + report.text().trim_end()))?;
        }
        replayed?;
        finished?;
        let whole = report.errors() == 0 && !stop.is_stopped();
        Ok(if whole { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

/// A first look at the whole file, and why its end is missing, if it is.
fn survey(path: &Path) -> Result<(Survey, Option<String>)> {
    let mut survey = Survey::default();
    let cut = file::each_line(path, |line, fields| {
        survey.add(line, fields)?;
        Ok(true)
    })?;
    Ok((survey, cut))
}

/// What the file was like.
struct Found<'a> {
    survey: &'a Survey,
    unknown: &'a Unknown,
    cut: Option<String>,
}

/// Unknown names told of.
const NAMES_SHOWN_MAX: usize = 20;

impl Found<'_> {
    fn defects(&self) -> u64 {
        self.survey.defects.values().map(|(count, _)| count).sum()
    }

    fn cut_lines(&self) -> u64 {
        self.survey.defects.get(&LineError::Cut).map_or(0, |(count, _)| *count)
    }

    fn json(&self) -> serde_json::Map<String, Json> {
        let Json::Object(line) = json!({
            "lines": self.survey.lines,
            "lines_cut": self.cut_lines(),
            "lines_malformed": self.defects() - self.cut_lines(),
            "file_cut": self.cut,
            "unknown_station_taps": self.unknown.taps(),
            "unknown_stations": self.unknown.by_name,
            "stations": self.survey.stations.len(),
            "bus_routes": self.survey.bus_routes.len(),
            "cards": self.survey.cards().len(),
        }) else {
            unreachable!("the literal is an object")
        };
        line
    }

    fn text(&self) -> String {
        let survey = self.survey;
        let mut text = format!(
            "{} lines, {} stations, {} bus routes, {} cards\n",
            grouped(survey.lines),
            grouped(survey.stations.len() as u64),
            grouped(survey.bus_routes.len() as u64),
            grouped(survey.cards().len() as u64)
        );
        for (error, (count, first)) in &survey.defects {
            text.push_str(&format!("left out: {} x {error}, first in line {first}\n", grouped(*count)));
        }
        if let Some(cut) = &self.cut {
            text.push_str(&format!("the file ends too soon: {cut}\n"));
        }
        text + &unknown_text(&self.unknown.by_name)
    }
}

fn unknown_text(by_name: &BTreeMap<String, u64>) -> String {
    if by_name.is_empty() {
        return String::new();
    }
    let mut names: Vec<_> = by_name.iter().collect();
    names.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    let taps: u64 = by_name.values().sum();
    let shown: Vec<String> = names
        .iter()
        .take(NAMES_SHOWN_MAX)
        .map(|(name, count)| format!("{name} {}", grouped(**count)))
        .collect();
    let more = names.len().saturating_sub(NAMES_SHOWN_MAX);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!(
        "left out: {} taps at {} unknown stations: {}{more}\n",
        grouped(taps),
        names.len(),
        shown.join(", ")
    )
}

#[cfg(test)]
mod tests;
