//! `tollgate simulate`: the metro's trains, recharges and riders against a server.

use super::{
    options::{self, Seconds, Server},
    output::{grouped, print_line},
    report::{Report, failures_text, latency_text},
};
use crate::{
    clock,
    simulate::{
        cards::{CARDS, RECHARGE_EVERY_MS},
        drive::{self, Drive, Rate, riders::RideTallies},
        riders::Riders,
        tally::CallTally,
    },
    stop::Stop,
};
use anyhow::Result;
use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use parking_lot::Mutex;
use rand::{SeedableRng, rngs::SmallRng};
use serde_json::{Value as Json, json};
use std::{process::ExitCode, sync::Arc, time::Instant};

/// Drive the metro's simulators against a server
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Simulate {
    #[command(subcommand)]
    which: Which,
}

const EXAMPLES: &str = "\
Stations and trains are created first if they are missing. Examples:
  tollgate simulate cards --seconds 10          create the cards, then recharge some
  tollgate simulate trains --rate 10            trains, ten times as fast as real ones
  tollgate simulate trains --kafka 127.0.0.1:9092  as records for the topic TRAINTOPIC
  tollgate simulate riders --rate 20000 --seconds 30
  tollgate simulate riders --rate max --json    as fast as the server answers";

#[derive(Subcommand)]
enum Which {
    Trains(Trains),
    Cards(Cards),
    Riders(RidersCommand),
}

/// Eight trains over seventeen stations: TRAIN_EVENTS.insert for each arrival and departure
#[derive(Args)]
struct Trains {
    #[command(flatten)]
    common: Common,
    /// How many times as fast as real trains
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0, value_parser = options::positive)]
    rate: f64,
    #[command(flatten)]
    kafka: KafkaPort,
}

/// Create the cards unless they are there, then recharge them: RechargeCard
#[derive(Args)]
struct Cards {
    #[command(flatten)]
    common: Common,
    /// Recharges a second
    #[arg(long, value_name = "N", default_value_t = 1e3 / RECHARGE_EVERY_MS, value_parser = options::positive)]
    rate: f64,
    #[command(flatten)]
    kafka: KafkaPort,
    #[command(flatten)]
    cards: CardCount,
    /// Create the cards and end
    #[arg(long)]
    create_only: bool,
}

/// Riders: ValidateEntry at a rate, and ProcessExit about a second after each accepted one
#[derive(Args)]
struct RidersCommand {
    #[command(flatten)]
    common: Common,
    /// Entries a second, or max
    #[arg(long, value_name = "N", default_value = "5000", value_parser = options::rate)]
    rate: Rate,
    #[command(flatten)]
    cards: CardCount,
}

#[derive(Args)]
struct Common {
    #[command(flatten)]
    server: Server,
    #[command(flatten)]
    seconds: Seconds,
    /// Calls that may wait for their reply
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    window: u32,
    /// The seed of what is random; without it, another one each time
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Print one line of JSON
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct KafkaPort {
    /// Send to the server's Kafka port there, not by calls over the Volt port
    #[arg(long, value_name = "HOST:PORT")]
    kafka: Option<String>,
}

#[derive(Args)]
struct CardCount {
    /// How many cards there are, numbered from 1
    #[arg(long, value_name = "N", default_value_t = CARDS, value_parser = clap::value_parser!(i32).range(1..))]
    cards: i32,
}

impl Simulate {
    pub(super) fn run(self) -> Result<ExitCode> {
        let stop = Stop::on_signals()?;
        drive::line::create(&self.which.common().server.server)?;
        let started = clock::now();
        match self.which {
            Which::Trains(command) => command.run(stop, started),
            Which::Cards(command) => command.run(stop, started),
            Which::Riders(command) => command.run(stop, started),
        }
    }
}

impl Which {
    fn common(&self) -> &Common {
        match self {
            Which::Trains(command) => &command.common,
            Which::Cards(command) => &command.common,
            Which::Riders(command) => &command.common,
        }
    }
}

impl Common {
    fn drive(&self, stop: Arc<Stop>) -> Drive {
        Drive { server: self.server.server.clone(), stop, end: self.seconds.end(), window: self.window }
    }

    fn random(&self) -> SmallRng {
        SmallRng::seed_from_u64(self.seed.unwrap_or_else(clock::entropy))
    }

    /// Prints what the calls came to, then gives the error if there was one.
    fn tell(&self, what: &str, tally: &CallTally, started: Instant, driven: Result<()>) -> Result<ExitCode> {
        let latency = tally.latency.summary();
        if self.json {
            let line = json!({
                what.replace(' ', "_"): tally.done,
                "errors": tally.failures.count,
                "seconds": started.elapsed().as_secs_f64(),
                "p50_ms": latency.p50_ms,
                "p99_ms": latency.p99_ms,
                "p999_ms": latency.p999_ms,
            });
            print_line(&line.to_string())?;
        } else {
            let head =
                format!("{} {what} in {:.1} s\n", grouped(tally.done), started.elapsed().as_secs_f64());
            print_line((head + &latency_text(&latency) + &failures_text(&tally.failures)).trim_end())?;
        }
        driven?;
        Ok(exit_code(tally.failures.count))
    }
}

fn exit_code(errors: u64) -> ExitCode {
    if errors == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

impl Trains {
    fn run(self, stop: Arc<Stop>, started: Instant) -> Result<ExitCode> {
        let tally = Arc::new(Mutex::new(CallTally::default()));
        let drive = self.common.drive(stop);
        let driven = match &self.kafka.kafka {
            Some(kafka) => drive::kafka::trains(&drive, kafka, self.rate, &tally),
            None => drive::trains::trains(&drive, self.rate, &tally).map_err(Into::into),
        };
        self.common.tell("train events", &tally.lock(), started, driven)
    }
}

impl Cards {
    fn run(self, stop: Arc<Stop>, started: Instant) -> Result<ExitCode> {
        let count = self.cards.cards;
        let mut drive = self.common.drive(stop);
        create_cards(&drive, count)?;
        if self.create_only {
            return Ok(ExitCode::SUCCESS);
        }
        // The time is for the recharges.
        drive.end = self.common.seconds.end();
        let tally = Arc::new(Mutex::new(CallTally::default()));
        let random = self.common.random();
        let driven = match &self.kafka.kafka {
            Some(kafka) => drive::kafka::recharges(&drive, kafka, self.rate, count, random, &tally),
            None => drive::cards::recharges(&drive, self.rate, count, random, &tally).map_err(Into::into),
        };
        self.common.tell("recharges", &tally.lock(), started, driven)
    }
}

/// Creates the cards that are missing, behind a progress bar on stderr.
pub(super) fn create_cards(drive: &Drive, count: i32) -> Result<()> {
    let style = ProgressStyle::with_template("creating cards {bar:40} {pos}/{len} {per_sec} {eta}");
    let bar = ProgressBar::new(u64::from(count.unsigned_abs()));
    bar.set_style(style.expect("the template is a constant that indicatif takes"));
    let created = drive::cards::create(drive, count, |sent| bar.set_position(u64::from(sent.unsigned_abs())));
    bar.finish_and_clear();
    let text = if created? { "cards created" } else { "cards are there" };
    eprintln!("{} {text}", grouped(u64::from(count.unsigned_abs())));
    Ok(())
}

impl RidersCommand {
    fn run(self, stop: Arc<Stop>, started: Instant) -> Result<ExitCode> {
        let tallies = RideTallies::default();
        let riders = Riders::new(self.cards.cards, self.common.random());
        let driven = drive::riders::riders(&self.common.drive(stop), self.rate, riders, &tallies);
        let (entries, exits) = (tallies.entries.lock(), tallies.exits.lock());
        let seconds = started.elapsed().as_secs_f64();
        let report = Report { seconds, entries: &entries, exits: &exits, others: Vec::new() };
        if self.common.json {
            print_line(&Json::Object(report.json()).to_string())?;
        } else {
            print_line(report.text().trim_end())?;
        }
        driven?;
        Ok(exit_code(report.errors()))
    }
}
