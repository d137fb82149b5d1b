//! Trains and recharges over the Kafka port: CSV records for the topics that call procedures, from an
//! idempotent producer. Never knows: what the server does with a record, only whether it was taken.

use super::{Drive, LAST_REPLIES_MAX, cards::RechargesDue, trains::Timetable};
use crate::simulate::{cards::Recharge, tally::CallTally, trains::TrainEvent};
use anyhow::{Context, Result};
use parking_lot::Mutex;
use rand::rngs::SmallRng;
use rdkafka::{
    ClientConfig, ClientContext,
    config::{FromClientConfigAndContext, RDKafkaLogLevel},
    error::KafkaError,
    message::DeliveryResult,
    producer::{BaseRecord, Producer as _, ProducerContext, ThreadedProducer},
    types::RDKafkaErrorCode,
};
use std::{sync::Arc, time::Instant};
use tollgate_schema::value::Value;

const TRAIN_TOPIC: &str = "TRAINTOPIC";
const RECHARGE_TOPIC: &str = "RECHARGE";
/// A record that did not arrive by then is an error.
const DELIVERY_MAX_MS: &str = "10000";

/// What a client's library says of itself is for whoever looks for it.
pub(crate) fn log(level: RDKafkaLogLevel, facility: &str, message: &str) {
    tracing::debug!(target: "librdkafka", ?level, facility, "{message}");
}

/// Counts what became of the records.
struct Counter(Arc<Mutex<CallTally>>);

impl ClientContext for Counter {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(target: "librdkafka", "{error}: {reason}");
    }
}

impl ProducerContext for Counter {
    /// When the record was due.
    type DeliveryOpaque = Box<Instant>;

    fn delivery(&self, result: &DeliveryResult<'_>, due: Box<Instant>) {
        let mut tally = self.0.lock();
        tally.latency.record(due.elapsed());
        match result {
            Ok(_) => tally.done += 1,
            Err((error, _)) => tally.failures.add(&error.to_string()),
        }
    }
}

/// A producer for one topic.
struct Sender {
    producer: ThreadedProducer<Counter>,
    topic: &'static str,
    tally: Arc<Mutex<CallTally>>,
}

impl Sender {
    fn open(kafka: &str, window: u32, topic: &'static str, tally: &Arc<Mutex<CallTally>>) -> Result<Sender> {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", kafka).set("client.id", "tollgate-simulator");
        config.set("acks", "all").set("enable.idempotence", "true").set("linger.ms", "5");
        config.set("message.timeout.ms", DELIVERY_MAX_MS);
        config.set("queue.buffering.max.messages", window.to_string());
        let producer = ThreadedProducer::from_config_and_context(&config, Counter(tally.clone()));
        let producer = producer.with_context(|| format!("a producer for {kafka}"))?;
        Ok(Sender { producer, topic, tally: tally.clone() })
    }

    /// A full queue is a failure of this record alone: the rate does not wait for the server.
    fn send(&self, value: &str, due: Instant) -> Result<()> {
        let record = BaseRecord::<(), str, _>::with_opaque_to(self.topic, Box::new(due)).payload(value);
        match self.producer.send(record) {
            Ok(()) => Ok(()),
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), _)) => {
                self.tally.lock().failures.add("the producer's queue is full");
                Ok(())
            }
            Err((error, _)) => Err(error).with_context(|| format!("a record for {}", self.topic)),
        }
    }

    /// Waits for the last reports. A record without one is a failure by then.
    fn finish(self) -> Result<()> {
        self.producer.flush(LAST_REPLIES_MAX).with_context(|| format!("the last records of {}", self.topic))
    }
}

/// As [`super::trains::trains`], over the Kafka port at `kafka`.
pub fn trains(drive: &Drive, kafka: &str, speed: f64, tally: &Arc<Mutex<CallTally>>) -> Result<()> {
    let sender = Sender::open(kafka, drive.window, TRAIN_TOPIC, tally)?;
    let mut timetable = Timetable::new(speed);
    while let Some(events) = timetable.next(drive) {
        for (event, time_us, due) in events {
            sender.send(&train_text(&event, time_us), due)?;
        }
    }
    sender.finish()
}

/// As [`super::cards::recharges`], over the Kafka port at `kafka`.
pub fn recharges(
    drive: &Drive,
    kafka: &str,
    per_second: f64,
    cards: i32,
    random: SmallRng,
    tally: &Arc<Mutex<CallTally>>,
) -> Result<()> {
    let sender = Sender::open(kafka, drive.window, RECHARGE_TOPIC, tally)?;
    let mut recharges = RechargesDue::new(per_second, cards, random);
    while let Some(batch) = recharges.next(drive) {
        for (recharge, due) in batch {
            sender.send(&recharge_text(&recharge), due)?;
        }
    }
    sender.finish()
}

fn train_text(event: &TrainEvent, time_us: i64) -> String {
    let (train, station) = (event.train_id, event.station_id);
    format!("{train},{station},{},{}", event.activity as i8, Value::Timestamp(time_us))
}

fn recharge_text(recharge: &Recharge) -> String {
    format!("{},{},{}", recharge.card_id, recharge.amount_cents, recharge.station_id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::trains::Activity;

    #[test]
    fn records_are_rows_in_the_order_of_the_parameters() {
        let event = TrainEvent { train_id: 3, station_id: 17, activity: Activity::Departure, time_us: 0 };
        assert_eq!(train_text(&event, 86_400_000_001), "3,17,1,1970-01-02 00:00:00.000001");
        let recharge = Recharge { card_id: 9, amount_cents: 2_000, station_id: 4 };
        assert_eq!(recharge_text(&recharge), "9,2000,4");
    }
}
