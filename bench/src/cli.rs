//! The command line of bench.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::contenders::{Kind, Options};
use crate::node::history::History;
use crate::taps::Plan;
use crate::transit::population::Population;

/// Where `--write-results` writes, from the repository's root.
pub(crate) const RESULTS_PATH: &str = "bench/RESULTS.md";

#[derive(Parser)]
#[command(name = "bench", about = "Measures Tollgate beside its peers on this machine")]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
    #[command(flatten)]
    pub(crate) output: Output,
}

#[derive(Args, Clone)]
pub(crate) struct Output {
    /// Print JSON lines instead of tables
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Also replace this measurement's section of bench/RESULTS.md
    #[arg(long, global = true)]
    pub(crate) write_results: bool,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// The same taps judged by each contender: saturated, at half that rate, and one call at a time
    Taps(TapsArgs),
    /// Bytes of state per card and per stored tap
    Memory(NodeArgs),
    /// Time from a crash to the first answer, from the log alone and with a snapshot
    Recovery(NodeArgs),
    /// Slowest replies while a snapshot is taken under load
    Snapshot(SnapshotArgs),
    /// Records through the Kafka port beside Apache Kafka: appended, carried out, read, soon and in bulk;
    /// exported
    Kafka(KafkaArgs),
    /// What the disk and the loopback device allow
    Limits(LimitsArgs),
    /// The process behind the contender "null"
    #[command(hide = true)]
    NullServer {
        /// Loopback port to listen on
        port: u16,
    },
}

#[derive(Args)]
pub(crate) struct TapsArgs {
    /// Length of the saturated and of the half-rate phase
    #[arg(long, default_value_t = 10.0)]
    seconds: f64,
    /// Cards that tap
    #[arg(long, default_value_t = 500_000, value_parser = clap::value_parser!(i32).range(100..=9_000_000))]
    cards: i32,
    /// Which systems to compare, in this order
    #[arg(
        long,
        value_delimiter = ',',
        default_value = "tollgate,redis,redis-everysec,redis-always,postgres"
    )]
    pub(crate) contenders: Vec<Kind>,
    /// Seed of the tap stream
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Answers compared with the rules before anything is timed
    #[arg(long, default_value_t = 200_000)]
    verify: usize,
    /// End the saturated phase, and the open loop, after this many taps: the further, the more cards are
    /// empty. About as many as the slowest of the contenders that are compared judges, so that all of them
    /// judge the same
    #[arg(long, default_value_t = 1_500_000)]
    max_taps: u64,
    /// Runs of each contender, in turn; each figure is the median of its runs
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..))]
    pub(crate) runs: u8,
    /// Calls per second of the open loop [default: half of what the contender did saturated]
    #[arg(long)]
    rate: Option<f64>,
    /// Connections [default: each contender's best number]
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=90))]
    connections: Option<u16>,
    /// Calls in flight when saturated [default: each contender's best number]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    window: Option<u32>,
    #[command(flatten)]
    pub(crate) tollgate: TollgateArgs,
}

impl TapsArgs {
    pub(crate) fn plan(&self) -> Plan {
        Plan {
            population: Population { cards: self.cards },
            seconds: self.seconds,
            seed: self.seed,
            verification_taps: self.verify,
            connections: self.connections.map(usize::from),
            window: self.window.map(|window| window as usize),
            max_taps: self.max_taps,
            rate: self.rate,
        }
    }
}

#[derive(Args)]
pub(crate) struct TollgateArgs {
    /// The Tollgate binary [default: the one beside bench's own]
    #[arg(long = "tollgate", value_name = "PATH")]
    binary: Option<PathBuf>,
    /// Tollgate's `executors` [default: its own default]
    #[arg(long)]
    executors: Option<u32>,
    /// Tollgate's `partitions` [default: its own default]
    #[arg(long)]
    partitions: Option<u32>,
}

impl TollgateArgs {
    pub(crate) fn options(&self) -> Options {
        let beside = || std::env::current_exe().unwrap_or_default().with_file_name("tollgate");
        Options {
            tollgate_binary: self.binary.clone().unwrap_or_else(beside),
            partitions: self.partitions,
            executors: self.executors,
        }
    }
}

#[derive(Args)]
pub(crate) struct NodeArgs {
    /// Taps of history
    #[arg(long, default_value_t = 10_000_000)]
    taps: u64,
    /// Cards that tap
    #[arg(long, default_value_t = 500_000, value_parser = clap::value_parser!(i32).range(100..=9_000_000))]
    cards: i32,
    /// Seed of the tap stream
    #[arg(long, default_value_t = 1)]
    seed: u64,
    #[command(flatten)]
    pub(crate) tollgate: TollgateArgs,
}

impl NodeArgs {
    pub(crate) fn history(&self) -> History {
        History { population: Population { cards: self.cards }, seed: self.seed, taps: self.taps }
    }
}

#[derive(Args)]
pub(crate) struct SnapshotArgs {
    /// Length of each of the four phases
    #[arg(long, default_value_t = 10.0)]
    pub(crate) seconds: f64,
    #[command(flatten)]
    pub(crate) node: NodeArgs,
}

#[derive(Args)]
pub(crate) struct KafkaArgs {
    /// Records of each kind of work in bulk; latencies and exports have numbers of their own
    #[arg(long, default_value_t = 3_000_000)]
    pub(crate) records: u64,
    /// Runs of each contender, in turn; each figure is the median of its runs
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..))]
    pub(crate) runs: u8,
    #[command(flatten)]
    pub(crate) tollgate: TollgateArgs,
}

#[derive(Args)]
pub(crate) struct LimitsArgs {
    /// Length of all measurements together
    #[arg(long, default_value_t = 12.0)]
    pub(crate) seconds: f64,
}
