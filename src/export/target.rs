//! The other cluster: clients for it, its topics, what it reports. Never knows: rows, positions.

use super::{calls::Caller, config::ExportConfig, trouble::Trouble};
use parking_lot::Mutex;
use rdkafka::{
    ClientConfig, ClientContext,
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
    client::Client,
    config::{FromClientConfigAndContext, RDKafkaLogLevel},
    error::{KafkaError, RDKafkaErrorCode as Code},
    message::DeliveryResult,
    producer::{BaseProducer, ProducerContext},
};
use std::time::Duration;

/// A request to the target takes no longer; what takes longer is tried again. A node that stops waits for it.
pub(super) const REQUEST_MAX: Duration = Duration::from_secs(3);
/// A transaction whose exporter is gone keeps readers waiting no longer.
pub(super) const TRANSACTION_MAX: Duration = Duration::from_secs(30);
/// Where exports that write exactly once note how far they are.
pub(super) const PROGRESS_TOPIC: &str = "__tollgate_export_progress";

/// What the library's threads tell: what became of the rows, and errors of the connection.
#[derive(Default)]
pub(super) struct Carrier {
    reports: Mutex<Vec<Report>>,
    trouble: Mutex<Option<String>>,
}

/// What became of a row: what it was sent as, and why it did not arrive.
#[derive(Clone, Copy, Debug)]
pub(super) struct Report {
    pub(super) tag: usize,
    pub(super) failure: Option<Code>,
}

impl Carrier {
    /// What was reported since the last time.
    pub(super) fn reports(&self) -> Vec<Report> {
        std::mem::take(&mut self.reports.lock())
    }

    /// The last error of the connection since the last time.
    pub(super) fn trouble(&self) -> Option<String> {
        self.trouble.lock().take()
    }
}

impl ClientContext for Carrier {
    fn log(&self, _level: RDKafkaLogLevel, facility: &str, message: &str) {
        // What matters comes as an error, too.
        tracing::debug!(target: "librdkafka", facility, "{message}");
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(target: "librdkafka", "{error}: {reason}");
        let text = if reason.is_empty() { error.to_string() } else { reason.to_string() };
        *self.trouble.lock() = Some(text);
    }
}

impl ProducerContext for Carrier {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, tag: usize) {
        let failure = match result {
            Ok(_) => None,
            Err((error, _)) => Some(error.rdkafka_error_code().unwrap_or(Code::Fail)),
        };
        self.reports.lock().push(Report { tag, failure });
    }
}

/// Takes rows to the target.
pub(super) type Producer = BaseProducer<Carrier>;

/// What all clients of an export have in common.
pub(super) fn config(export: &ExportConfig) -> ClientConfig {
    let mut config = ClientConfig::new();
    for (property, value) in &export.properties {
        config.set(property, value);
    }
    config.set("bootstrap.servers", &export.brokers);
    config
}

/// A producer's: rows arrive in order or not at all, however long it takes. `rows`: that wait in it.
pub(super) fn producer_config(export: &ExportConfig, rows: usize) -> ClientConfig {
    let mut config = config(export);
    config.set("enable.idempotence", "true").set("acks", "all").set("message.timeout.ms", "0");
    if !export.properties.contains_key("queue.buffering.max.messages") {
        config.set("queue.buffering.max.messages", rows.to_string());
    }
    config
}

/// A producer's that ends with the first row that does not arrive, so that none behind it does.
pub(super) fn gapless_config(export: &ExportConfig, rows: usize) -> ClientConfig {
    let mut config = producer_config(export, rows);
    config.set("enable.gapless.guarantee", "true");
    config
}

/// A producer's whose rows arrive with a transaction's commit.
pub(super) fn transactional_config(export: &ExportConfig, rows: usize, id: &str) -> ClientConfig {
    let mut config = producer_config(export, rows);
    config.set("transactional.id", id);
    config.set("transaction.timeout.ms", TRANSACTION_MAX.as_millis().to_string());
    config
}

/// Looks at the properties as the library does; the error names the property.
pub(super) fn check(export: &ExportConfig) -> anyhow::Result<()> {
    producer_config(export, 1).create_native_config().map(drop).map_err(|error| match error {
        KafkaError::ClientConfig(_, reason, property, _) => {
            anyhow::anyhow!("export {}: properties: {property}: {reason}", export.name)
        }
        other => anyhow::anyhow!("export {}: properties: {other}", export.name),
    })
}

pub(super) fn producer(config: &ClientConfig) -> Result<Producer, Trouble> {
    let made = Producer::from_config_and_context(config, Carrier::default());
    made.map_err(Trouble::while_("making a producer"))
}

/// A topic that has to be there.
pub(super) struct Wanted<'a> {
    pub(super) name: &'a str,
    pub(super) partitions: i32,
    /// Only the last record of each key is kept.
    pub(super) is_compacted: bool,
}

/// Makes the topics that are missing. The reasons why some were not made: they may be there all the same.
pub(super) fn make_topics(
    caller: &Caller,
    config: &ClientConfig,
    wanted: &[Wanted<'_>],
) -> Result<Option<String>, Trouble> {
    let doing = "making topics";
    let admin = AdminClient::from_config_and_context(config, Carrier::default());
    let admin = admin.map_err(Trouble::while_(doing))?;
    let topics: Vec<NewTopic<'_>> = wanted
        .iter()
        .map(|wanted| {
            let topic = NewTopic::new(wanted.name, wanted.partitions, TopicReplication::Fixed(-1));
            match wanted.is_compacted {
                // Small segments: only those that are closed are compacted.
                true => topic
                    .set("cleanup.policy", "compact")
                    .set("segment.bytes", "8388608")
                    .set("min.cleanable.dirty.ratio", "0.1"),
                false => topic,
            }
        })
        .collect();
    let options = AdminOptions::new().request_timeout(Some(REQUEST_MAX)).operation_timeout(Some(REQUEST_MAX));
    let results = match caller.wait_for(admin.create_topics(&topics, &options)) {
        Ok(results) => results,
        Err(error) => return Ok(Some(error.to_string())),
    };
    let reasons = results.into_iter().filter_map(|result| match result {
        Ok(_) | Err((_, Code::TopicAlreadyExists)) => None,
        Err((topic, code)) => Some(format!("topic {topic} could not be made: {code}")),
    });
    Ok(reasons.reduce(|all, one| format!("{all}; {one}")))
}

/// How many partitions the topic has.
pub(super) fn partitions_of<C: ClientContext>(client: &Client<C>, topic: &str) -> Result<i32, Trouble> {
    let doing = "asking for a topic's partitions";
    let metadata = client.fetch_metadata(Some(topic), REQUEST_MAX).map_err(Trouble::while_(doing))?;
    let found = metadata.topics().iter().find(|found| found.name() == topic);
    let count = found.filter(|found| found.error().is_none()).map_or(0, |found| found.partitions().len());
    match i32::try_from(count) {
        Ok(count) if count > 0 => Ok(count),
        _ => Err(Trouble::NoTopic(topic.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn properties_are_the_library_s() {
        let check_one = |property: &str| {
            let text = format!(
                "[[export]]\nname = \"e\"\nbrokers = \"b\"\nstreams = [\"s\"]\n[export.properties]\n{property}"
            );
            check(&Config::parse(&text).unwrap().export[0]).map_err(|error| error.to_string())
        };
        assert_eq!(check_one("\"linger.ms\" = \"50\""), Ok(()));
        assert_eq!(check_one("\"compression.type\" = \"zstd\""), Ok(()));
        assert_eq!(check_one("\"security.protocol\" = \"sasl_ssl\""), Ok(()));
        let error = check_one("\"linger.msec\" = \"50\"").unwrap_err();
        assert!(error.starts_with("export e: properties: linger.msec: "), "{error}");
        let error = check_one("\"linger.ms\" = \"long\"").unwrap_err();
        assert!(error.contains("linger.ms"), "{error}");
    }
}
