//! Load generator and comparisons: the same taps judged by Tollgate and by its peers, in one run.
//!
//! bench knows Tollgate from the outside only: it starts the binary and speaks the VoltDB protocol to it through an
//! encoder of its own.

mod clock;
mod contenders;
mod load;
mod machine;
mod taps;
mod transit;
mod verify;
mod wire;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::contenders::{Kind, Options};
use crate::transit::population::Population;

#[derive(Parser)]
#[command(name = "bench", about = "Measures Tollgate beside its peers on this machine")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// The same taps judged by each contender: saturated, at half that rate, and one call at a time
    Taps(TapsArgs),
}

#[derive(Args)]
struct TapsArgs {
    /// Print one JSON line per contender instead of the table
    #[arg(long)]
    json: bool,
    /// Length of the saturated and of the half-rate phase
    #[arg(long, default_value_t = 10.0)]
    seconds: f64,
    /// Cards that tap
    #[arg(long, default_value_t = 500_000)]
    cards: u32,
    /// Which systems to compare, in this order
    #[arg(long, value_delimiter = ',', default_value = "tollgate,redis,redis-everysec,redis-always,postgres")]
    contenders: Vec<Kind>,
    /// Seed of the tap stream
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Answers compared with the rules before anything is timed
    #[arg(long, default_value_t = 200_000)]
    verify: usize,
    /// End the saturated phase after this many taps
    #[arg(long, default_value_t = u64::MAX)]
    max_taps: u64,
    /// Connections, instead of each contender's best number
    #[arg(long)]
    connections: Option<usize>,
    /// Calls in flight when saturated, instead of each contender's best number
    #[arg(long)]
    window: Option<usize>,
    #[command(flatten)]
    tollgate: TollgateArgs,
}

#[derive(Args)]
struct TollgateArgs {
    /// The Tollgate binary [default: the one beside bench's own]
    #[arg(long = "tollgate")]
    binary: Option<PathBuf>,
    /// Tollgate's `partitions` [default: its own default]
    #[arg(long)]
    partitions: Option<u32>,
}

impl TollgateArgs {
    fn options(&self) -> Options {
        let beside = || {
            let own = std::env::current_exe().unwrap_or_default();
            own.with_file_name("tollgate")
        };
        Options {
            tollgate_binary: self.binary.clone().unwrap_or_else(beside),
            partitions: self.partitions,
        }
    }
}

fn main() -> anyhow::Result<()> {
    load::poll::fine_timer();
    match Cli::parse().command {
        Command::Taps(args) => run_taps(&args),
    }
}

fn run_taps(args: &TapsArgs) -> anyhow::Result<()> {
    let plan = taps::Plan {
        population: Population { cards: i32::try_from(args.cards)? },
        seconds: args.seconds,
        seed: args.seed,
        verification_taps: args.verify,
        connections: args.connections,
        window: args.window,
        max_taps: args.max_taps,
    };
    for kind in &args.contenders {
        let figures = taps::run(*kind, &plan, &args.tollgate.options())?;
        println!("{}", serde_json::to_string(&figures)?);
    }
    Ok(())
}
