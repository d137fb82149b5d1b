//! A producer of librdkafka that sends records of a topic as fast as it goes or at a rate, and counts what
//! arrived. Knows nothing of what is in them.

use crate::{
    clock::now_ns,
    load::{
        open_loop::{Schedule, TICK_NS},
        poll,
    },
};
use anyhow::{Context as _, ensure};
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

/// How long the last records may take to be acknowledged.
const FLUSH_LIMIT: Duration = Duration::from_secs(120);
/// A small part of the time in which a full queue empties, and how long what was acknowledged meanwhile is
/// taken note of.
const FULL_WAIT_NS: u64 = 10_000_000;
const FULL_POLL: Duration = Duration::from_micros(200);
const METADATA_LIMIT: Duration = Duration::from_secs(30);

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

pub(super) struct Sender {
    producer: BaseProducer<Delivered>,
    topic: String,
}

impl Sender {
    /// A producer with these of librdkafka's properties; it knows the topic, which it makes if it may.
    pub(super) fn connect(
        at: SocketAddr,
        topic: &str,
        properties: &[(&str, &str)],
    ) -> anyhow::Result<Sender> {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", at.to_string()).set("acks", "all");
        config.set("queue.buffering.max.messages", "500000").set("socket.nagle.disable", "true");
        for (name, value) in properties {
            config.set(*name, *value);
        }
        let producer: BaseProducer<Delivered> = config.create_with_context(Delivered::default())?;
        let metadata = producer.client().fetch_metadata(Some(topic), METADATA_LIMIT);
        metadata.with_context(|| format!("asking {at} for topic {topic}"))?;
        Ok(Sender { producer, topic: topic.to_owned() })
    }

    /// Sends the values of the numbers 0 to `records`, until the last was acknowledged: records a second.
    pub(super) fn flat_out(&self, records: u64, value: impl Fn(u64) -> String) -> anyhow::Result<f64> {
        let start_ns = now_ns();
        for number in 0..records {
            self.send(&value(number))?;
            if number.is_multiple_of(1000) {
                self.producer.poll(Duration::ZERO);
            }
        }
        self.finish(records)?;
        Ok(records as f64 * 1e9 / (now_ns() - start_ns) as f64)
    }

    /// Sends them at the times of the schedule it answers with, however late those before were.
    pub(super) fn paced(
        &self,
        records: u64,
        records_per_s: f64,
        value: impl Fn(u64) -> String,
    ) -> anyhow::Result<Schedule> {
        let schedule = Schedule::new(now_ns(), records_per_s);
        let mut number = 0;
        while number < records {
            let now = now_ns();
            while number < records && schedule.intended_ns(number) <= now {
                self.send(&value(number))?;
                number += 1;
            }
            self.producer.poll(Duration::ZERO);
            let next_ns = schedule.intended_ns(number).max(now + TICK_NS);
            poll::wait(&mut [], next_ns.saturating_sub(now_ns()))?;
        }
        self.finish(records)?;
        Ok(schedule)
    }

    /// To a partition at random. A full queue makes it wait, without work: processors are the servers' too.
    fn send(&self, value: &str) -> anyhow::Result<()> {
        let mut record: BaseRecord<'_, (), str> = BaseRecord::to(&self.topic).payload(value);
        while let Err((error, back)) = self.producer.send(record) {
            let is_full = matches!(error, KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull));
            ensure!(is_full, "a record of {} could not be sent: {error}", self.topic);
            poll::wait(&mut [], FULL_WAIT_NS)?;
            self.producer.poll(FULL_POLL);
            record = back;
        }
        Ok(())
    }

    fn finish(&self, records: u64) -> anyhow::Result<()> {
        let topic = &self.topic;
        self.producer.flush(FLUSH_LIMIT).with_context(|| format!("waiting for {topic}'s last records"))?;
        let delivered = self.producer.client().context();
        let (arrived, failed) =
            (delivered.records.swap(0, Ordering::Relaxed), delivered.failed.swap(0, Ordering::Relaxed));
        let is_all = arrived == records && failed == 0;
        ensure!(is_all, "{arrived} of {records} records of {topic} arrived, {failed} failed");
        Ok(())
    }
}
