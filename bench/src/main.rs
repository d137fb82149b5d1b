//! Load generator and comparisons: the same taps judged by Tollgate and by its peers, in one run.
//!
//! bench knows Tollgate from the outside only: it starts the binary and speaks the VoltDB protocol to it
//! through an encoder of its own.

mod cli;
mod clock;
mod contenders;
mod kafka;
mod load;
mod machine;
mod median;
#[cfg(test)]
mod mock;
mod node;
mod physical;
mod report;
mod taps;
mod transit;
mod verify;
mod wire;

use std::collections::BTreeSet;
use std::path::Path;

use clap::Parser;
use serde::Serialize;

use crate::cli::{Cli, Command, Output, RESULTS_PATH, TapsArgs};
use crate::transit::stream::TapStream;

fn main() -> anyhow::Result<()> {
    load::poll::fine_timer();
    load::poll::short_slices();
    let Cli { command, output } = Cli::parse();
    match command {
        Command::Taps(args) => run_taps(&args, &output),
        Command::Memory(args) => {
            let memory = node::memory::run(&args.history(), &args.tollgate.options())?;
            publish(&output, "memory", &[&memory], &report::memory(&memory))
        }
        Command::Recovery(args) => {
            let recovery = node::recovery::run(&args.history(), &args.tollgate.options())?;
            publish(&output, "recovery", &[&recovery], &report::recovery(&recovery))
        }
        Command::Snapshot(args) => {
            let history = args.node.history();
            let snapshot = node::snapshot::run(&history, args.seconds, &args.node.tollgate.options())?;
            publish(&output, "snapshot", &[&snapshot], &report::snapshot(&snapshot))
        }
        Command::Kafka(args) => {
            let plan = kafka::Plan { records: args.records, runs: args.runs };
            let figures = kafka::run(&plan, &args.tollgate.options())?;
            let lines: Vec<&kafka::Figure> = figures.iter().collect();
            publish(&output, "kafka", &lines, &report::kafka(&figures))
        }
        Command::NullServer { port } => contenders::null::serve(port),
        Command::Limits(args) => {
            let limits = physical::run(args.seconds)?;
            publish(&output, "limits", &[&limits], &report::limits(&limits))
        }
    }
}

/// A contender that cannot be measured does not cost the others their figures, but bench then ends with an
/// error.
fn run_taps(args: &TapsArgs, output: &Output) -> anyhow::Result<()> {
    let plan = args.plan();
    let mut runs: Vec<Vec<taps::Figures>> = args.contenders.iter().map(|_| Vec::new()).collect();
    let mut failed = BTreeSet::new();
    for _ in 0..args.runs {
        for (kind, runs) in args.contenders.iter().zip(&mut runs) {
            match taps::run(*kind, &plan, &args.tollgate.options()) {
                Ok(one) => runs.push(one),
                Err(error) => {
                    eprintln!("{}: {error:#}", kind.name());
                    failed.insert(kind.name());
                }
            }
        }
    }
    let measured = runs.iter().filter(|runs| !runs.is_empty());
    let figures: Vec<taps::Figures> = measured.map(|runs| median::of(runs)).collect();
    let simulated_rate = TapStream::new(plan.seed, plan.population).simulated_rate();
    anyhow::ensure!(!figures.is_empty(), "nothing was measured");
    let text = report::taps(&figures, simulated_rate, plan.population.cards, plan.rate);
    let lines: Vec<&taps::Figures> = figures.iter().collect();
    publish(output, "taps", &lines, &text)?;
    anyhow::ensure!(failed.is_empty(), "not measured: {}", failed.into_iter().collect::<Vec<_>>().join(", "));
    Ok(())
}

/// Prints the figures as asked for, and puts them into the results file when that was asked for too.
fn publish(output: &Output, section: &str, figures: &[&impl Serialize], text: &str) -> anyhow::Result<()> {
    if output.json {
        for one in figures {
            println!("{}", serde_json::to_string(one)?);
        }
    } else {
        println!("{text}");
    }
    if output.write_results {
        report::write_section(Path::new(RESULTS_PATH), section, text)?;
    }
    Ok(())
}
