//! Recharges over a topic: each record is a procedure's call, for another card than the one before.

use crate::clock;
use anyhow::ensure;
use rdkafka::{
    ClientConfig,
    error::{KafkaError, RDKafkaErrorCode},
    producer::{BaseProducer, BaseRecord, DeliveryResult, Producer as _, ProducerContext},
};
use std::{
    net::SocketAddr,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

/// Counts what arrived.
#[derive(Default)]
struct Delivered {
    records: AtomicU64,
    failed: AtomicU64,
}

impl rdkafka::ClientContext for Delivered {}

impl ProducerContext for Delivered {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        let count = if result.is_ok() { &self.records } else { &self.failed };
        count.fetch_add(1, Ordering::Relaxed);
    }
}

/// Records a second until the last was acknowledged.
pub(super) fn run(at: SocketAddr, records: u64, cards: i32) -> anyhow::Result<f64> {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", at.to_string()).set("linger.ms", "5");
    config.set("enable.idempotence", "true").set("queue.buffering.max.messages", "500000");
    let producer: BaseProducer<Delivered> = config.create_with_context(Delivered::default())?;
    let started_ns = clock::now_ns();
    for number in 0..records {
        // A step without a common divisor: each card in turn, none near the last.
        let card = (number * 7919 % cards as u64) + 1;
        let value = format!("{card},500,{}", number % 17 + 1);
        let mut record: BaseRecord<'_, (), str> = BaseRecord::to("RECHARGE").payload(&value);
        while let Err((error, back)) = producer.send(record) {
            let is_full = matches!(error, KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull));
            ensure!(is_full, "a recharge could not be sent: {error}");
            producer.poll(Duration::from_millis(1));
            record = back;
        }
        if number % 1000 == 0 {
            producer.poll(Duration::ZERO);
        }
    }
    producer.flush(Duration::from_secs(120))?;
    let seconds = (clock::now_ns() - started_ns) as f64 / 1e9;
    let delivered = producer.client().context();
    let (arrived, failed) =
        (delivered.records.load(Ordering::Relaxed), delivered.failed.load(Ordering::Relaxed));
    ensure!(arrived == records && failed == 0, "{arrived} of {records} recharges arrived, {failed} failed");
    Ok(records as f64 / seconds)
}
