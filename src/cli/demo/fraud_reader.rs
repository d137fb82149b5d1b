//! A consumer group that reads FRAUD over the Kafka port while the metro runs. Never knows: the tables.

use crate::{clock, simulate::drive::kafka, stop::Stop};
use anyhow::{Context, Result};
use parking_lot::Mutex;
use rdkafka::{
    ClientConfig, ClientContext, Message as _, Offset,
    config::{FromClientConfigAndContext, RDKafkaLogLevel},
    consumer::{BaseConsumer, CommitMode, Consumer as _, ConsumerContext},
    error::KafkaError,
};
use std::{sync::Arc, thread::JoinHandle, time::Duration};

const TOPIC: &str = "FRAUD";
const GROUP: &str = "tollgate-demo";
const REQUEST_MAX: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(100);
/// The last records are waited for this long when the metro has stopped.
const CATCH_UP_MAX: Duration = Duration::from_secs(10);

/// What has been read.
#[derive(Clone, Debug, Default)]
pub(super) struct FraudRead {
    /// Records of this run; those that an earlier run left are read, too, and not counted.
    pub(super) records: u64,
    pub(super) last: Option<String>,
}

/// The thread that reads.
pub(super) struct FraudReader {
    read: Arc<Mutex<FraudRead>>,
    stop: Arc<Stop>,
    /// How many to wait for at the end.
    expected: Arc<Mutex<u64>>,
    thread: JoinHandle<()>,
}

struct Quiet;

impl ClientContext for Quiet {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        kafka::log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(target: "librdkafka", "{error}: {reason}");
    }
}

impl ConsumerContext for Quiet {}

type Consumer = BaseConsumer<Quiet>;

impl FraudReader {
    /// Begins to read; what is written from now on is counted.
    pub(super) fn start(kafka: &str) -> Result<FraudReader> {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", kafka).set("client.id", "tollgate-demo").set("group.id", GROUP);
        // The group's positions are kept: another run goes on behind them.
        config.set("auto.offset.reset", "earliest").set("session.timeout.ms", "10000");
        config.set("enable.auto.commit", "true").set("auto.commit.interval.ms", "1000");
        let consumer = Consumer::from_config_and_context(&config, Quiet).context("a consumer of FRAUD")?;
        let begin = ends(&consumer).context("the ends of FRAUD")?;
        consumer.subscribe(&[TOPIC]).context("a subscription to FRAUD")?;
        let (read, stop, expected) = (Arc::default(), Arc::new(Stop::default()), Arc::default());
        let reading = Reading { consumer, begin, read: Arc::clone(&read), stop: Arc::clone(&stop) };
        let wanted = Arc::clone(&expected);
        let thread = std::thread::Builder::new().name("fraud-reader".to_string());
        let thread = thread.spawn(move || reading.run(&wanted)).context("the reader of FRAUD")?;
        Ok(FraudReader { read, stop, expected, thread })
    }

    pub(super) fn read(&self) -> FraudRead {
        self.read.lock().clone()
    }

    /// Reads until `expected` records have been read, but not for long; then what was read.
    pub(super) fn finish(self, expected: u64) -> FraudRead {
        *self.expected.lock() = expected;
        self.stop.stop();
        if let Err(panic) = self.thread.join() {
            std::panic::resume_unwind(panic);
        }
        self.read.lock().clone()
    }
}

/// The next offset of each partition.
fn ends(consumer: &Consumer) -> Result<Vec<i64>> {
    let metadata = consumer.fetch_metadata(Some(TOPIC), REQUEST_MAX)?;
    let partitions = metadata.topics().iter().flat_map(|topic| topic.partitions());
    let mut ends = Vec::new();
    for partition in 0..partitions.count() {
        ends.push(consumer.fetch_watermarks(TOPIC, i32::try_from(partition)?, REQUEST_MAX)?.1);
    }
    Ok(ends)
}

struct Reading {
    consumer: Consumer,
    /// Where each partition's records of this run begin.
    begin: Vec<i64>,
    read: Arc<Mutex<FraudRead>>,
    stop: Arc<Stop>,
}

impl Reading {
    fn run(self, expected: &Mutex<u64>) {
        let mut deadline = None;
        loop {
            if self.stop.is_stopped() {
                let now = clock::now();
                let deadline = *deadline.get_or_insert(now + CATCH_UP_MAX);
                if self.read.lock().records >= *expected.lock() || now >= deadline {
                    break;
                }
            }
            match self.consumer.poll(POLL) {
                Some(Ok(message)) => self.count(message.partition(), message.offset(), message.payload()),
                // The library tries again.
                Some(Err(error)) => tracing::debug!("FRAUD cannot be read for now: {error}"),
                None => {}
            }
        }
        if let Err(error) = self.keep() {
            tracing::debug!("the group's positions were not kept: {error}");
        }
    }

    fn count(&self, partition: i32, offset: i64, value: Option<&[u8]>) {
        let begin = usize::try_from(partition).ok().and_then(|partition| self.begin.get(partition));
        if begin.is_some_and(|begin| offset < *begin) {
            return;
        }
        let mut read = self.read.lock();
        read.records += 1;
        read.last = value.map(|value| String::from_utf8_lossy(value).into_owned());
    }

    fn keep(&self) -> Result<(), KafkaError> {
        let positions = self.consumer.position()?;
        if positions.elements().iter().any(|element| matches!(element.offset(), Offset::Offset(_))) {
            self.consumer.commit_consumer_state(CommitMode::Sync)?;
        }
        Ok(())
    }
}
