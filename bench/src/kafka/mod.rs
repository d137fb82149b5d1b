//! The same records through Tollgate's Kafka port and through Apache Kafka, in one run: appended, carried
//! out, read. Records are made by librdkafka's own `rdkafka_performance`; recharges, which differ from each
//! other, by a producer of librdkafka here.

mod broker;
mod generator;
mod recharges;

use crate::{
    contenders::{
        Contender as _, Options,
        tollgate::{Purpose, Tollgate},
    },
    median,
    transit::population::Population,
};
use anyhow::Context as _;
use broker::Broker;
use generator::Generator;
use serde::Serialize;
use std::net::SocketAddr;

/// Bytes of a value, and partitions of a topic.
pub(crate) const VALUE_BYTES: u32 = 100;
pub(crate) const PARTITIONS: u32 = 8;
const CARDS: i32 = 500_000;

/// What is measured, how often.
pub(crate) struct Plan {
    pub(crate) records: u64,
    pub(crate) runs: u8,
}

/// One contender's median at one kind of work.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Figure {
    pub(crate) name: &'static str,
    pub(crate) work: &'static str,
    pub(crate) records: u64,
    pub(crate) records_per_s: f64,
}

/// Measures each kind of work in turn, `runs` times, and takes the medians.
pub(crate) fn run(plan: &Plan, options: &Options) -> anyhow::Result<Vec<Figure>> {
    let generator = Generator::find()?;
    let options = Options { partitions: Some(PARTITIONS), ..options.clone() };
    let mut runs: Vec<Vec<Figure>> = Vec::new();
    for run in 0..plan.runs {
        eprintln!("kafka: run {} of {}", run + 1, plan.runs);
        let (mut figures, alert_bytes) = of_tollgate(plan, &generator, &options).context("Tollgate")?;
        figures.extend(of_kafka(plan, &generator, alert_bytes).context("Apache Kafka")?);
        runs.push(figures);
    }
    let medians = (0..runs[0].len()).map(|at| {
        let rates = runs.iter().map(|figures| figures[at].records_per_s).collect();
        Figure { records_per_s: median::middle(rates, f64::total_cmp), ..runs[0][at].clone() }
    });
    Ok(medians.collect())
}

/// `alert_bytes`: of the records that are read, as many as Tollgate's have.
fn of_kafka(plan: &Plan, generator: &Generator, alert_bytes: u32) -> anyhow::Result<Vec<Figure>> {
    let broker = Broker::start()?;
    let at = broker.address;
    let figure = |work, records_per_s| {
        let name = "kafka";
        let figure = Figure { name, work, records: plan.records, records_per_s };
        eprintln!("kafka: {figure:?}");
        figure
    };
    for (topic, settings) in
        [("warm", ""), ("plain", ""), ("numbered", ""), ("alerts", ""), ("synced", "flush.messages=1")]
    {
        broker.make_topic(topic, settings)?;
    }
    // Java is fast once it is warm.
    generator.produce(at, "warm", plan.records, VALUE_BYTES, false)?;
    generator.consume(at, "warm", plan.records)?;
    let synced = generator.produce(at, "synced", plan.records, VALUE_BYTES, false)?;
    let plain = generator.produce(at, "plain", plan.records, VALUE_BYTES, false)?;
    let numbered = generator.produce(at, "numbered", plan.records, VALUE_BYTES, true)?;
    generator.produce(at, "alerts", plan.records, alert_bytes, false)?;
    let consumed = generator.consume(at, "alerts", plan.records)?;
    Ok(vec![
        figure("append, synced (flush.messages=1)", synced.records_per_s),
        figure("append, not synced", plain.records_per_s),
        figure("append, idempotent, not synced", numbered.records_per_s),
        figure("consume", consumed.records_per_s),
    ])
}

/// The figures, and how long an alert is.
fn of_tollgate(plan: &Plan, generator: &Generator, options: &Options) -> anyhow::Result<(Vec<Figure>, u32)> {
    let mut node = Tollgate::start(options, "sync", Purpose::Speed)?;
    let at: SocketAddr = node.kafka();
    let figure = |work, records_per_s| {
        let name = "tollgate";
        let figure = Figure { name, work, records: plan.records, records_per_s };
        eprintln!("kafka: {figure:?}");
        figure
    };
    node.load(Population { cards: CARDS })?;
    let synced = generator.produce(at, "plain", plan.records, VALUE_BYTES, false)?;
    let numbered = generator.produce(at, "numbered", plan.records, VALUE_BYTES, true)?;
    let carried_out = recharges::run(at, plan.records, CARDS)?;
    let consumed = generator.consume(at, "CARD_ALERT_EXPORT", plan.records)?;
    let figures = vec![
        figure("append, synced", synced.records_per_s),
        figure("append, idempotent, synced", numbered.records_per_s),
        figure("recharge: a procedure a record, idempotent, synced", carried_out),
        figure("consume", consumed.records_per_s),
    ];
    Ok((figures, consumed.value_bytes))
}
