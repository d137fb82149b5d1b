//! `[[export]]` of the configuration: what leaves for which cluster, and how. Never knows: how it is done.

use crate::format::Format;
use serde::Deserialize;
use std::collections::BTreeMap;
use tollgate_schema::catalog::{Catalog, TableDef, TableId, TableKind};

/// One export: streams that leave for one Kafka cluster.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExportConfig {
    /// Positions are kept under it.
    pub name: String,
    /// `host:port`, with commas between.
    pub brokers: String,
    pub streams: Vec<String>,
    #[serde(default)]
    pub mode: ExportMode,
    #[serde(default)]
    pub format: ExportFormat,
    /// In front of the name of each topic that is not named in `topics`.
    #[serde(default)]
    pub topic_prefix: String,
    /// The topic of a stream, by the stream's name.
    #[serde(default)]
    pub topics: BTreeMap<String, String>,
    /// Rows that wait for this export, in each stream and partition. When there are more, the oldest are
    /// trimmed, and lost for the export.
    #[serde(default = "backlog_rows_default")]
    pub backlog_rows_max: u64,
    /// Exactly once: begin at the position kept here although the target's memory of it is gone.
    #[serde(default)]
    pub reset: bool,
    /// Of librdkafka.
    #[serde(default)]
    pub properties: BTreeMap<String, String>,
}

/// What is promised.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExportMode {
    #[default]
    AtLeastOnce,
    ExactlyOnce,
}

impl ExportMode {
    pub fn name(self) -> &'static str {
        match self {
            ExportMode::AtLeastOnce => "at_least_once",
            ExportMode::ExactlyOnce => "exactly_once",
        }
    }
}

/// What a message's value is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ExportFormat {
    #[default]
    Csv,
    Json,
    /// With schemas of the schema registry, under the names of the target's topics.
    Avro,
}

impl From<ExportFormat> for Format {
    fn from(format: ExportFormat) -> Format {
        match format {
            ExportFormat::Csv => Format::Csv,
            ExportFormat::Json => Format::Json,
            ExportFormat::Avro => Format::Avro,
        }
    }
}

/// The rows are in memory until they have left: what 4 partitions then take is the operator's to judge.
fn backlog_rows_default() -> u64 {
    10_000_000
}

const NAME_BYTES_MAX: usize = 64;
/// What Kafka lets a topic be called.
const TOPIC_BYTES_MAX: usize = 249;

/// Properties that the promise hangs on, or that are set from something else, and what does it.
const OURS: [(&str, &str); 25] = [
    ("bootstrap.servers", "`brokers` says it"),
    ("metadata.broker.list", "`brokers` says it"),
    ("enable.idempotence", "without it rows would be repeated or change places"),
    ("enable.gapless.guarantee", "without it rows would change places after a failure"),
    ("acks", "without all of them rows would be lost with a broker"),
    ("request.required.acks", "without all of them rows would be lost with a broker"),
    ("message.timeout.ms", "a row waits as long as it takes"),
    ("delivery.timeout.ms", "a row waits as long as it takes"),
    ("message.send.max.retries", "a row waits as long as it takes"),
    ("retries", "a row waits as long as it takes"),
    ("max.in.flight", "more would change the rows' places"),
    ("max.in.flight.requests.per.connection", "more would change the rows' places"),
    ("delivery.report.only.error", "what arrived has to be known"),
    ("transactional.id", "it is made of the cluster, the export, the stream and the partition"),
    ("transaction.timeout.ms", "the export has to know when a transaction has run out"),
    ("isolation.level", "what was aborted must not be read"),
    ("group.id", "nothing is read in a group"),
    ("enable.auto.commit", "nothing is read in a group"),
    ("enable.auto.offset.store", "nothing is read in a group"),
    ("auto.offset.reset", "what is remembered is read from its beginning"),
    ("auto.commit.interval.ms", "nothing is read in a group"),
    ("enable.partition.eof", "the end of what is remembered has to be known"),
    ("allow.auto.create.topics", "topics are made with as many partitions as the stream has"),
    ("queuing.strategy", "rows keep their order"),
    ("opaque", "it is the program's own"),
];

impl ExportConfig {
    /// What can be said without a schema; the error names the key.
    pub fn check(&self) -> anyhow::Result<()> {
        let name = &self.name;
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        anyhow::ensure!(
            (1..=NAME_BYTES_MAX).contains(&name.len()) && name.chars().all(plain),
            "export.name must be of 1 to {NAME_BYTES_MAX} letters, digits, _ and -, not {name:?}"
        );
        anyhow::ensure!(!self.brokers.trim().is_empty(), "export {name}: brokers must name a broker");
        anyhow::ensure!(!self.streams.is_empty(), "export {name}: streams must name a stream");
        anyhow::ensure!(self.backlog_rows_max > 0, "export {name}: backlog_rows_max must be at least 1");
        for property in self.properties.keys() {
            if let Some((_, why)) = OURS.iter().find(|(ours, _)| ours == property) {
                anyhow::bail!("export {name}: properties must not have {property}: {why}");
            }
        }
        Ok(())
    }

    /// The streams with their topics, in the order of the configuration; the error names the key.
    pub fn streams<'a>(&self, catalog: &'a Catalog) -> anyhow::Result<Vec<ExportedStream<'a>>> {
        let name = &self.name;
        let mut found: Vec<ExportedStream<'a>> = Vec::new();
        for stream in &self.streams {
            let id = catalog.find(stream).filter(|&id| {
                let def = catalog.table(id);
                def.is_stream() && !def.is_internal()
            });
            let Some(id) = id else { anyhow::bail!("export {name}: streams: there is no stream {stream}") };
            anyhow::ensure!(
                found.iter().all(|other| other.id != id),
                "export {name}: streams names {stream} twice"
            );
            let def = catalog.table(id);
            found.push(ExportedStream { id, def, topic: self.topic_of(def) });
        }
        for key in self.topics.keys() {
            let is_exported = found.iter().any(|stream| stream.def.name.eq_ignore_ascii_case(key));
            anyhow::ensure!(is_exported, "export {name}: topics: {key} is not one of its streams");
        }
        for (number, stream) in found.iter().enumerate() {
            let topic = &stream.topic;
            let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
            anyhow::ensure!(
                (1..=TOPIC_BYTES_MAX).contains(&topic.len())
                    && topic.chars().all(plain)
                    && topic != "."
                    && topic != "..",
                "export {name}: {topic:?}, the topic of {}, must be of 1 to {TOPIC_BYTES_MAX} letters, digits, \
                 ., _ and -",
                stream.def.name
            );
            anyhow::ensure!(
                found[..number].iter().all(|other| other.topic != *topic),
                "export {name}: topics: two streams would be written to {topic}"
            );
        }
        Ok(found)
    }

    fn topic_of(&self, def: &TableDef) -> String {
        let named = self.topics.iter().find(|(stream, _)| stream.eq_ignore_ascii_case(&def.name));
        if let Some((_, topic)) = named {
            return topic.clone();
        }
        let declared = match &def.kind {
            TableKind::Stream { topic, .. } => topic.as_deref(),
            _ => None,
        };
        format!("{}{}", self.topic_prefix, declared.unwrap_or(&def.name))
    }
}

/// All exports of a configuration; the error names the key.
pub fn check(exports: &[ExportConfig]) -> anyhow::Result<()> {
    for (number, export) in exports.iter().enumerate() {
        export.check()?;
        anyhow::ensure!(
            exports[..number].iter().all(|other| other.name != export.name),
            "export.name: there are two of the name {}",
            export.name
        );
    }
    Ok(())
}

/// A stream that leaves.
#[derive(Clone, Debug)]
pub struct ExportedStream<'a> {
    pub id: TableId,
    pub def: &'a TableDef,
    pub topic: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use tollgate_schema::ddl;

    const EXPORT: &str = "[[export]]\nname = \"e\"\nbrokers = \"b:9092\"\nstreams = [\"s\"]\n";

    fn error(text: &str) -> String {
        Config::parse(text).unwrap_err().to_string()
    }

    #[test]
    fn little_has_to_be_said() {
        let config = Config::parse(EXPORT).unwrap();
        let export = &config.export[0];
        assert_eq!((export.mode, export.format), (ExportMode::AtLeastOnce, ExportFormat::Csv));
        assert_eq!((export.backlog_rows_max, export.reset), (10_000_000, false));
    }

    #[test]
    fn refusals_name_the_key() {
        assert!(error(&EXPORT.replace("\"e\"", "\"a b\"")).contains("export.name"));
        assert!(error(&EXPORT.replace("b:9092", " ")).contains("export e: brokers"));
        assert!(error(&EXPORT.replace("\"s\"", "")).contains("export e: streams"));
        assert!(error(&format!("{EXPORT}mode = \"twice\"")).contains("at_least_once"));
        assert!(error(&format!("{EXPORT}brokrs = \"\"")).contains("brokrs"));
        assert!(error(&format!("{EXPORT}backlog_rows_max = 0")).contains("backlog_rows_max"));
        assert!(error(&format!("{EXPORT}{EXPORT}")).contains("two of the name e"));
        for (ours, _) in OURS {
            let text = format!("{EXPORT}[export.properties]\n\"{ours}\" = \"1\"");
            assert!(error(&text).contains(&format!("properties must not have {ours}: ")), "{ours}");
        }
        assert!(Config::parse(&format!("{EXPORT}[export.properties]\n\"linger.ms\" = \"50\"")).is_ok());
    }

    #[test]
    fn streams_and_their_topics_are_looked_up() {
        let ddl = "CREATE STREAM s (a INTEGER); CREATE STREAM t (a INTEGER); CREATE TABLE u (a INTEGER);";
        let catalog = ddl::parse(ddl).unwrap();
        let topics = |more: &str, streams: &str| {
            let text = format!("{}{more}", EXPORT.replace("\"s\"", streams));
            let config = Config::parse(&text).unwrap();
            let found = config.export[0].streams(&catalog);
            found
                .map(|found| found.into_iter().map(|stream| stream.topic).collect::<Vec<_>>())
                .map_err(|error| error.to_string())
        };
        assert_eq!(topics("topic_prefix = \"x.\"", "\"s\", \"T\"").unwrap(), ["x.S", "x.T"]);
        assert_eq!(topics("topics = { S = \"one\" }", "\"s\", \"T\"").unwrap(), ["one", "T"]);
        assert!(topics("", "\"u\"").unwrap_err().contains("there is no stream u"));
        assert!(topics("", "\"s\", \"S\"").unwrap_err().contains("twice"));
        assert!(topics("topics = { T = \"one\" }", "\"s\"").unwrap_err().contains("topics: T"));
        assert!(topics("topics = { S = \"a/b\" }", "\"s\"").unwrap_err().contains("\"a/b\""));
        assert!(topics("topics = { S = \"T\" }", "\"s\", \"t\"").unwrap_err().contains("written to T"));
        assert!(topics("", "\"tollgate_exports\"").is_err());
    }
}
