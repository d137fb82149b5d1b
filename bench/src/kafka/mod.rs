//! The same records through Tollgate's Kafka port and through Apache Kafka, in one run: appended, carried
//! out, read, and exported from the one to the other. Records are made by librdkafka's own
//! `rdkafka_performance`; those that differ from each other, or are due at a time, by a producer of
//! librdkafka here.
//!
//! - [`latency`]: from a tap, or a producer, to a consumer that waits;
//! - [`export`]: a node's rows to Apache Kafka, steadily and from a backlog;
//! - [`recharges`], [`sender`], [`reader`], [`generator`], [`broker`]: what makes and takes records;
//! - [`figure`]: what comes of it.

mod broker;
mod export;
mod figure;
mod generator;
mod latency;
mod reader;
mod recharges;
mod sender;

use crate::{
    contenders::{
        Contender as _, Options,
        tollgate::{Purpose, READY_BYTES, Tollgate},
    },
    transit::population::Population,
};
use anyhow::Context as _;
use broker::Broker;
pub(crate) use figure::{Figure, Lag, Latency};
use generator::Generator;
use std::net::SocketAddr;

/// Bytes of a value, and partitions of a topic.
pub(crate) const VALUE_BYTES: u32 = 100;
pub(crate) const PARTITIONS: u32 = 8;
const CARDS: i32 = 500_000;
/// Of memory, more than a record of a hundred bytes becomes.
const RECORD_BYTES: u64 = 250;

/// A node that has the memory for so many records before it serves.
fn start(options: &Options, records: u64) -> anyhow::Result<Tollgate> {
    Tollgate::start(options, "sync", Purpose::Speed { ready_bytes: READY_BYTES + records * RECORD_BYTES })
}

/// A long stream has so many times the records. Librdkafka's consumer fetches ahead of its application until
/// it holds 64 MiB, then pauses for a second (`queued.max.messages.kbytes`, `fetch.queue.backoff.ms`): that
/// happens only in streams that are longer than what it may hold.
const LONG: u64 = 3;
const CONSUME: &str = "consume";
const CONSUME_LONG: &str = "consume a long stream";

/// Of work that writes a record each: two kinds of append, and recharges.
const RECORDS_WRITTEN: u64 = 2 + LONG;

/// What is measured, how often.
pub(crate) struct Plan {
    pub(crate) records: u64,
    pub(crate) runs: u8,
}

/// Measures each kind of work in turn, `runs` times, and takes the medians.
pub(crate) fn run(plan: &Plan, options: &Options) -> anyhow::Result<Vec<Figure>> {
    let generator = Generator::find()?;
    let options = Options { partitions: Some(PARTITIONS), ..options.clone() };
    let mut runs: Vec<Vec<Figure>> = Vec::new();
    for run in 0..plan.runs {
        eprintln!("kafka: run {} of {}", run + 1, plan.runs);
        let (mut figures, alert_bytes) = of_tollgate(plan, &generator, &options).context("Tollgate")?;
        let broker = Broker::start().context("Apache Kafka")?;
        figures.extend(of_kafka(plan, &generator, &broker, alert_bytes).context("Apache Kafka")?);
        figures.extend(export::run(broker.address, &options).context("Tollgate's export to Apache Kafka")?);
        runs.push(figures);
    }
    let medians = (0..runs[0].len()).map(|at| {
        let same_work: Vec<&Figure> = runs.iter().map(|figures| &figures[at]).collect();
        figure::median_of(&same_work)
    });
    Ok(medians.collect())
}

/// `alert_bytes`: of the records that are read, as many as Tollgate's have.
fn of_kafka(
    plan: &Plan,
    generator: &Generator,
    broker: &Broker,
    alert_bytes: u32,
) -> anyhow::Result<Vec<Figure>> {
    let at = broker.address;
    let figure =
        |work, outcome: generator::Outcome| Figure::new("kafka", work, plan.records, outcome.records_per_s);
    for (topic, settings) in [
        ("warm", ""),
        ("plain", ""),
        ("numbered", ""),
        ("alerts", ""),
        ("timed", ""),
        ("synced", "flush.messages=1"),
    ] {
        broker.make_topic(topic, settings)?;
    }
    // Java is fast once it is warm.
    generator.produce(at, "warm", plan.records, VALUE_BYTES, false)?;
    generator.consume(at, "warm", "warm", plan.records)?;
    let timed = latency::of_records("kafka", at, "timed")?;
    let synced = generator.produce(at, "synced", plan.records, VALUE_BYTES, false)?;
    let plain = generator.produce(at, "plain", plan.records, VALUE_BYTES, false)?;
    let numbered = generator.produce(at, "numbered", plan.records, VALUE_BYTES, true)?;
    generator.produce(at, "alerts", plan.records, alert_bytes, false)?;
    let consumed = generator.consume(at, "alerts", "short", plan.records)?;
    let long = LONG * plan.records;
    generator.produce(at, "alerts", long - plan.records, alert_bytes, false)?;
    let consumed_long = generator.consume(at, "alerts", "long", long)?;
    Ok(vec![
        figure("append, synced (flush.messages=1)", synced),
        figure("append, not synced", plain),
        figure("append, idempotent, not synced", numbered),
        figure(CONSUME, consumed),
        Figure::new("kafka", CONSUME_LONG, long, consumed_long.records_per_s),
        timed,
    ])
}

/// The figures, and how long an alert is. Latencies come first: nothing written before is in their way.
fn of_tollgate(plan: &Plan, generator: &Generator, options: &Options) -> anyhow::Result<(Vec<Figure>, u32)> {
    let mut node = start(options, RECORDS_WRITTEN * plan.records)?;
    let at: SocketAddr = node.kafka();
    let figure = |work, records_per_s| Figure::new("tollgate", work, plan.records, records_per_s);
    let population = Population { cards: CARDS };
    node.load(population)?;
    let decided = latency::of_decisions(&node, population).context("from decision to consumer")?;
    let timed = latency::of_records("tollgate", at, "timed").context("from producer to consumer")?;
    let synced = generator.produce(at, "plain", plan.records, VALUE_BYTES, false)?;
    let numbered = generator.produce(at, "numbered", plan.records, VALUE_BYTES, true)?;
    let carried_out = recharges::run(at, node.http(), plan.records)?;
    let consumed = generator.consume(at, "CARD_ALERT_EXPORT", "short", plan.records)?;
    let long = LONG * plan.records;
    recharges::run(at, node.http(), long - plan.records)?;
    let consumed_long = generator.consume(at, "CARD_ALERT_EXPORT", "long", long)?;
    let figures = vec![
        figure("append, synced", synced.records_per_s),
        figure("append, idempotent, synced", numbered.records_per_s),
        figure("recharge: a procedure a record, idempotent, synced", carried_out),
        figure(CONSUME, consumed.records_per_s),
        Figure::new("tollgate", CONSUME_LONG, long, consumed_long.records_per_s),
        decided,
        timed,
    ];
    Ok((figures, consumed.value_bytes))
}
