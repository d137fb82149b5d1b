//! `bench taps`: the same taps judged by each contender in turn, on the same machine, in one run.

use anyhow::Context;
use serde::Serialize;

use crate::contenders::{Contender, Kind, Options, Shape};
use crate::load::closed_loop::{self, Closed};
use crate::load::connection::Connection;
use crate::load::open_loop::{self, Open};
use crate::load::single::{self, Caller};
use crate::transit::population::Population;
use crate::transit::stream::TapStream;
use crate::{clock, machine, verify};

/// Calls of the one-at-a-time phase at most: enough for a median.
const MAX_SINGLE_CALLS: u64 = 20_000;

/// What the command line decides.
pub(crate) struct Plan {
    pub(crate) population: Population,
    pub(crate) seconds: f64,
    pub(crate) seed: u64,
    pub(crate) verification_taps: usize,
    pub(crate) connections: Option<usize>,
    pub(crate) window: Option<usize>,
    /// Upper bound on the taps of the saturated phase, and of the open loop: the further into the stream, the
    /// more cards are empty, so that a fast contender that got further would judge other taps than a slow
    /// one.
    pub(crate) max_taps: u64,
    /// Calls per second of the open loop, if not half of the saturated rate.
    pub(crate) rate: Option<f64>,
}

/// One contender's figures. Latencies are those of the open loop at half the saturated rate.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Figures {
    pub(crate) name: &'static str,
    pub(crate) version: String,
    pub(crate) connections: usize,
    pub(crate) window: usize,
    /// How many runs the figures are the medians of.
    pub(crate) runs: usize,
    pub(crate) decisions_per_s: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) p999_ms: f64,
    pub(crate) max_ms: f64,
    /// The rate of the open loop.
    pub(crate) half_rate_per_s: f64,
    pub(crate) half_rate_max_in_flight: u64,
    /// How late the generator itself woke up at worst: the part of `max_ms` that is the machine's.
    pub(crate) generator_late_ms: f64,
    pub(crate) single_p50_ms: f64,
    pub(crate) single_p99_ms: f64,
    /// The outcomes of the saturated phase.
    pub(crate) accepted: u64,
    pub(crate) rejected: u64,
    pub(crate) fraud: u64,
    /// Failed calls of all phases.
    pub(crate) errors: u64,
    /// Processor time of generator and contender in the saturated phase.
    pub(crate) generator_ns_per_call: f64,
    pub(crate) contender_ns_per_call: f64,
    /// … and in the phase at half that rate.
    pub(crate) half_generator_ns_per_call: f64,
    pub(crate) half_contender_ns_per_call: f64,
    pub(crate) load_seconds: f64,
    pub(crate) resident_mib: u64,
}

/// Runs one contender through all phases, and stops it.
pub(crate) fn run(kind: Kind, plan: &Plan, options: &Options) -> anyhow::Result<Figures> {
    let name = kind.name();
    let mut contender = kind.start(options).with_context(|| format!("starting {name}"))?;
    eprintln!("{name}: {}; loading {} cards", contender.version(), plan.population.len());
    let start_ns = clock::now_ns();
    contender.load(plan.population).with_context(|| format!("loading {name}"))?;
    let load_seconds = (clock::now_ns() - start_ns) as f64 / 1e9;
    eprintln!("{name}: loaded in {load_seconds:.1} s");
    if kind.judges() {
        eprintln!("{name}: verifying {} answers", plan.verification_taps);
        verify::run(&*contender, plan.population, plan.seed, plan.verification_taps)
            .with_context(|| format!("verifying {name}"))?;
    }
    measure(kind, plan, &*contender, load_seconds).with_context(|| format!("measuring {name}"))
}

fn measure(kind: Kind, plan: &Plan, contender: &dyn Contender, load_seconds: f64) -> anyhow::Result<Figures> {
    let name = kind.name();
    let preferred = contender.shape();
    let shape = Shape {
        connections: plan.connections.unwrap_or(preferred.connections),
        window: plan.window.unwrap_or(preferred.window),
    };
    let mut stream = TapStream::new(plan.seed, plan.population);
    let mut connections = Vec::new();
    for _ in 0..shape.connections {
        connections.push(Connection::new(contender.connect()?, contender.codec())?);
    }
    let processor_seconds =
        || (machine::own_processor_seconds(), machine::processor_seconds(contender.process_id()));
    let before = processor_seconds();
    let closed = Closed { window: shape.window, seconds: plan.seconds, max_calls: plan.max_taps };
    let saturated = closed_loop::run(&closed, &mut || stream.next_tap(), &mut connections, &mut |_, _| {})?;
    let calls = saturated.tally.counts.total() as f64;
    let after = processor_seconds();
    let per_second = saturated.per_second();
    eprintln!("{name}: {per_second:.0} decisions/s saturated");

    let calls_per_s = plan.rate.unwrap_or(per_second / 2.0);
    let open = Open { calls_per_s, seconds: plan.seconds.min(plan.max_taps as f64 / calls_per_s) };
    let half_before = processor_seconds();
    let half = open_loop::run(&open, &mut || stream.next_tap(), &mut connections)?;
    let half_after = processor_seconds();
    let half_calls = half.tally.counts.total() as f64;
    drop(connections);

    let mut caller = Caller::new(contender.connect()?, contender.codec())?;
    let single =
        single::run(&mut caller, &mut || stream.next_tap(), plan.seconds.min(5.0), MAX_SINGLE_CALLS)?;
    let tallies = [&saturated.tally, &half.tally, &single];
    let errors = tallies.iter().map(|tally| tally.counts.failed).sum();
    if let Some(text) = tallies.iter().find_map(|tally| tally.first_failure.as_ref()) {
        eprintln!("{name}: {errors} calls failed, the first with: {text}");
    }
    Ok(Figures {
        name,
        version: contender.version(),
        connections: shape.connections,
        window: shape.window,
        runs: 1,
        decisions_per_s: per_second.round(),
        p50_ms: half.tally.latency_ms(0.5),
        p99_ms: half.tally.latency_ms(0.99),
        p999_ms: half.tally.latency_ms(0.999),
        max_ms: half.tally.max_latency_ms(),
        half_rate_per_s: open.calls_per_s.round(),
        half_rate_max_in_flight: half.max_in_flight,
        generator_late_ms: half.latest_wake_ns as f64 / 1e6,
        single_p50_ms: single.latency_ms(0.5),
        single_p99_ms: single.latency_ms(0.99),
        accepted: saturated.tally.counts.accepted,
        rejected: saturated.tally.counts.rejected,
        fraud: saturated.tally.counts.fraud,
        errors,
        generator_ns_per_call: (after.0 - before.0) * 1e9 / calls,
        contender_ns_per_call: (after.1 - before.1) * 1e9 / calls,
        half_generator_ns_per_call: (half_after.0 - half_before.0) * 1e9 / half_calls,
        half_contender_ns_per_call: (half_after.1 - half_before.1) * 1e9 / half_calls,
        load_seconds,
        resident_mib: machine::resident_bytes(contender.process_id()) >> 20,
    })
}
