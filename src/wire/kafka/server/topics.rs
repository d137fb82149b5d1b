//! The topics there are: those that the DDL declares, the dead letters of those that run procedures, and
//! those that were made while the server ran.

use super::{admin, settings::Settings};
use crate::{
    clock,
    config::TopicConfig,
    format::{Decoder, Encoder, FormatError, Options},
    wire::kafka::identity::{TopicId, dead_letters_of, declared_id, export_errors_of, number_of},
};
use parking_lot::RwLock;
use rustc_hash::FxHashMap;
use std::{
    collections::BTreeMap,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicI64, Ordering},
    },
    time::Instant,
};
use tokio::sync::Notify;
use tollgate_procedures::{Kind, Registry, registry::ProcedureId};
use tollgate_schema::{
    catalog::{Catalog, TableId, TableKind, TopicDef, TopicSource},
    codec::ParamWriter,
};

/// See the module.
#[derive(Default)]
pub(super) struct Topics {
    known: RwLock<Known>,
}

#[derive(Default)]
struct Known {
    by_name: BTreeMap<String, Arc<Topic>>,
    by_id: FxHashMap<TopicId, Arc<Topic>>,
}

/// A topic.
pub(super) struct Topic {
    pub(super) name: String,
    pub(super) id: TopicId,
    pub(super) partitions: i32,
    pub(super) content: Content,
    pub(super) settings: RwLock<Settings>,
    /// Where each partition's log ends, as far as this front end was told; for those that wait.
    ends: Vec<AtomicI64>,
    pub(super) grown: Notify,
    /// How far each partition's log was when it was compacted last.
    compacted: Vec<AtomicI64>,
}

/// What a topic is made of.
pub(super) enum Content {
    /// Rows that procedures write.
    Stream(Box<StreamTopic>),
    /// Records become calls.
    Procedure(ProcedureTopic),
    /// Records are kept as they came.
    Log {
        /// Clients may change and delete it.
        made: bool,
    },
}

pub(super) struct StreamTopic {
    pub(super) table: TableId,
    /// Knows the numbers of its schemas, if there are any, unless it is still to be told them.
    encoder: OnceLock<Encoder>,
    draft: Encoder,
    /// Held by whoever registers the schemas.
    pub(super) register_not_before: tokio::sync::Mutex<Instant>,
}

pub(super) struct ProcedureTopic {
    pub(super) procedure: ProcedureId,
    decoder: RwLock<Arc<Decoder>>,
    pub(super) on_error: OnError,
    /// The topic that takes dead letters.
    pub(super) dead_letters: i64,
}

/// What becomes of a record that can't be carried out: the property `on_error`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OnError {
    /// It goes to the topic of dead letters: `dlq`.
    DeadLetter,
    /// Nothing: `skip`.
    Skip,
    /// One that can't be read makes the whole batch refused; one whose procedure aborts goes to the topic of
    /// dead letters: `reject`.
    Reject,
}

/// Why a topic that the DDL declares can't be served.
#[derive(Debug, thiserror::Error)]
#[error("topic {topic}: {reason}")]
pub(super) struct TopicError {
    topic: String,
    reason: String,
}

impl Topic {
    pub(super) fn new(
        name: &str,
        id: TopicId,
        partitions: i32,
        content: Content,
        settings: Settings,
    ) -> Topic {
        Topic {
            name: name.to_string(),
            id,
            partitions,
            content,
            settings: RwLock::new(settings),
            ends: (0..partitions).map(|_| AtomicI64::new(-1)).collect(),
            grown: Notify::new(),
            compacted: (0..partitions).map(|_| AtomicI64::new(-1)).collect(),
        }
    }

    /// Under which its logs are kept.
    pub(super) fn number(&self) -> i64 {
        number_of(&self.id)
    }

    /// Parameters of `@LogRead`: from an offset on, about so many bytes.
    pub(super) fn log_read(&self, part: i32, offset: i64, bytes: usize) -> impl FnOnce(&mut ParamWriter<'_>) {
        let topic = self.number();
        move |set| {
            set.put_i64(topic)
                .put_i32(part)
                .put_i64(offset)
                .put_i32(i32::try_from(bytes).unwrap_or(i32::MAX));
        }
    }

    /// Parameters of `@LogRead` that ask only where a partition's log begins and ends.
    pub(super) fn log_bounds(&self, part: i32) -> impl FnOnce(&mut ParamWriter<'_>) {
        self.log_read(part, i64::MAX, 0)
    }

    /// The end of a partition's log, if any was told since the start.
    pub(super) fn end(&self, part: i32) -> Option<i64> {
        let end = self.ends[usize::try_from(part).ok()?].load(Ordering::Acquire);
        (end >= 0).then_some(end)
    }

    /// A partition's log reaches so far.
    pub(super) fn tell_end(&self, part: i32, end: i64) {
        if self.ends[part as usize].fetch_max(end, Ordering::AcqRel) < end {
            self.grown.notify_waiters();
        }
    }

    /// Whether a partition's log has grown since it was compacted; from now on it has not.
    pub(super) fn is_to_compact(&self, part: i32) -> bool {
        let end = self.end(part).unwrap_or(-1);
        self.compacted[part as usize].swap(end, Ordering::AcqRel) != end
    }

    pub(super) fn has(&self, part: i32) -> bool {
        (0..self.partitions).contains(&part)
    }

    /// Only the server writes it.
    pub(super) fn is_declared(&self) -> bool {
        !matches!(self.content, Content::Log { made: true })
    }
}

impl StreamTopic {
    fn new(table: TableId, draft: Encoder) -> StreamTopic {
        let encoder = OnceLock::new();
        if !draft.has_schemas() {
            let _ = encoder.set(draft.clone());
        }
        let register_not_before = tokio::sync::Mutex::new(clock::now());
        StreamTopic { table, encoder, draft, register_not_before }
    }

    /// What writes its messages; `None`: its schemas are not registered.
    pub(super) fn encoder(&self) -> Option<&Encoder> {
        self.encoder.get()
    }

    /// An encoder that does not know the numbers of its schemas.
    pub(super) fn draft(&self) -> &Encoder {
        &self.draft
    }

    /// The schemas are registered: messages are written by this one from now on.
    pub(super) fn tell_encoder(&self, encoder: Encoder) {
        // Numbers are given once: whoever came first told the same.
        let _ = self.encoder.set(encoder);
    }
}

impl ProcedureTopic {
    /// What reads its messages.
    pub(super) fn decoder(&self) -> Arc<Decoder> {
        self.decoder.read().clone()
    }

    /// Messages may have that schema from now on.
    pub(super) fn learn(&self, id: u32, text: &str) {
        Arc::make_mut(&mut self.decoder.write()).learn_schema(id, text);
    }
}

impl Topics {
    /// The topics that the DDL and the configuration declare. `partitions`: of the data.
    pub(super) fn declared(
        registry: &Registry,
        configured: &[TopicConfig],
        partitions: u16,
    ) -> Result<Topics, TopicError> {
        let topics = Topics::default();
        let of_schema = registry.catalog().topics.iter().map(|def| (def.clone(), None));
        let of_config = configured.iter().map(|config| (def_of(config), Some(config)));
        for (def, config) in of_schema.chain(of_config) {
            let failed = |reason: String| TopicError { topic: def.name.clone(), reason };
            admin::check_name(&def.name).map_err(|(_, text)| failed(text))?;
            if topics.collides(&def.name, &declared_id(&def.name)) {
                return Err(failed("there is a topic of that name".to_string()));
            }
            let (content, mut count) = content_of(registry, &def, partitions).map_err(failed)?;
            count = config.and_then(|config| config.partitions).unwrap_or(count);
            let takes_dead_letters = matches!(content, Content::Procedure(_));
            let mut settings = Settings::of_declared(&def);
            for (name, value) in config.into_iter().flat_map(|config| &config.settings) {
                settings.set(name, Some(value)).map_err(failed)?;
            }
            topics.put(Topic::new(&def.name, declared_id(&def.name), count, content, settings));
            if takes_dead_letters {
                let name = dead_letters_of(&def.name);
                let (id, content) = (declared_id(&name), Content::Log { made: false });
                topics.put(Topic::new(&name, id, i32::from(partitions), content, Settings::default()));
            }
        }
        Ok(topics)
    }

    /// The topics of rows that exports of these streams do not get rid of: each partition of the data has its
    /// own log of them.
    pub(super) fn add_export_errors<'a>(&self, streams: impl Iterator<Item = &'a str>, partitions: u16) {
        for name in streams.map(export_errors_of) {
            let (id, content) = (declared_id(&name), Content::Log { made: false });
            self.put(Topic::new(&name, id, i32::from(partitions), content, Settings::default()));
        }
    }

    pub(super) fn put(&self, topic: Topic) -> Arc<Topic> {
        let topic = Arc::new(topic);
        let mut known = self.known.write();
        known.by_id.insert(topic.id, topic.clone());
        known.by_name.insert(topic.name.clone(), topic.clone());
        topic
    }

    pub(super) fn remove(&self, topic: &Topic) {
        let mut known = self.known.write();
        known.by_id.remove(&topic.id);
        known.by_name.remove(&topic.name);
    }

    pub(super) fn named(&self, name: &str) -> Option<Arc<Topic>> {
        self.known.read().by_name.get(name).cloned()
    }

    pub(super) fn with_id(&self, id: &TopicId) -> Option<Arc<Topic>> {
        self.known.read().by_id.get(id).cloned()
    }

    /// By name.
    pub(super) fn all(&self) -> Vec<Arc<Topic>> {
        self.known.read().by_name.values().cloned().collect()
    }

    /// Whether another topic, in whatever case, has that name, or that number.
    pub(super) fn collides(&self, name: &str, id: &TopicId) -> bool {
        let known = self.known.read();
        known.by_name.keys().any(|other| other.eq_ignore_ascii_case(name))
            || known.by_id.keys().any(|other| number_of(other) == number_of(id))
    }
}

/// A topic of the configuration, as if the schema had it.
fn def_of(config: &TopicConfig) -> TopicDef {
    let source = match (&config.procedure, &config.stream) {
        (Some(procedure), _) => TopicSource::Procedure(procedure.clone()),
        (None, Some(stream)) => TopicSource::Stream(stream.clone()),
        (None, None) => TopicSource::Opaque { partitioned: true },
    };
    TopicDef {
        name: config.name.clone(),
        source,
        profile: None,
        allow: Vec::new(),
        properties: config.properties.clone().into_iter().collect(),
    }
}

/// What a declared topic is made of, and its partitions.
fn content_of(registry: &Registry, def: &TopicDef, partitions: u16) -> Result<(Content, i32), String> {
    let wrong = |error: FormatError| error.to_string();
    let all = i32::from(partitions);
    match &def.source {
        TopicSource::Opaque { partitioned } => {
            Ok((Content::Log { made: false }, if *partitioned { all } else { 1 }))
        }
        TopicSource::Stream(stream) => {
            let options = Options::parse(&def.properties).map_err(wrong)?;
            let topic = stream_topic(registry.catalog(), stream, &options)?;
            Ok((Content::Stream(Box::new(topic)), all))
        }
        TopicSource::Procedure(name) => {
            let options = Options::parse(&def.properties).map_err(wrong)?;
            let procedure =
                registry.find(name).ok_or_else(|| format!("there is no procedure {name} to execute"))?;
            let registered = &registry.get(procedure).procedure;
            if !matches!(registered.kind, Kind::Single { .. } | Kind::Anywhere) {
                return Err(format!("{name} does not run in the partition of one of its parameters"));
            }
            let decoder = Decoder::new(&registered.parameters, &options).map_err(wrong)?;
            let dead_letters = number_of(&declared_id(&dead_letters_of(&def.name)));
            let on_error = on_error(&def.properties)?;
            let decoder = RwLock::new(Arc::new(decoder));
            let topic = ProcedureTopic { procedure, decoder, on_error, dead_letters };
            Ok((Content::Procedure(topic), all))
        }
    }
}

fn stream_topic(catalog: &Catalog, stream: &str, options: &Options) -> Result<StreamTopic, String> {
    let table = catalog.find(stream).ok_or_else(|| format!("there is no stream {stream}"))?;
    let def = catalog.table(table);
    let TableKind::Stream { key, .. } = &def.kind else { return Err(format!("{stream} is no stream")) };
    let encoder = Encoder::new(def, key, options).map_err(|error| error.to_string())?;
    Ok(StreamTopic::new(table, encoder))
}

fn on_error(properties: &[(String, String)]) -> Result<OnError, String> {
    let given = properties.iter().find(|(name, _)| name.eq_ignore_ascii_case("on_error"));
    match given.map(|(_, value)| value.as_str()) {
        None | Some("dlq") => Ok(OnError::DeadLetter),
        Some("skip") => Ok(OnError::Skip),
        Some("reject") => Ok(OnError::Reject),
        Some(other) => Err(format!("on_error is dlq, skip or reject, not {other}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::product_registry;

    #[test]
    fn the_metro_s_topics() {
        let topics = Topics::declared(&product_registry(), &[], 4).expect("they can be served");
        let names: Vec<_> = topics.all().iter().map(|topic| topic.name.clone()).collect();
        assert_eq!(
            names,
            [
                "CARD_ALERT_EXPORT",
                "FRAUD",
                "RECHARGE",
                "RECHARGE.errors",
                "TRAINTOPIC",
                "TRAINTOPIC.errors",
                "TRIPS"
            ]
        );
        let fraud = topics.named("FRAUD").expect("it is declared");
        assert!(topics.with_id(&fraud.id).is_some() && fraud.is_declared() && fraud.partitions == 4);
        assert!(topics.named("fraud").is_none(), "names have their case");
        assert!(topics.collides("fraud", &[0; 16]), "but not two that differ in it alone");
    }

    fn declared(ddl: &str) -> Result<Topics, String> {
        let registry = Registry::new().schema("test", ddl, []).expect("a schema");
        Topics::declared(&registry, &[], 2).map_err(|error| error.to_string())
    }

    #[test]
    fn the_configuration_s_topics() {
        let plain = TopicConfig { name: "plain".to_string(), partitions: Some(7), ..Default::default() };
        let json = TopicConfig {
            name: "recharges.json".to_string(),
            procedure: Some("RechargeCard".to_string()),
            properties: [("topic.format".to_string(), "json".to_string())].into(),
            ..Default::default()
        };
        let of = |configured: &[TopicConfig]| Topics::declared(&product_registry(), configured, 2);
        let topics = of(&[plain.clone(), json]).expect("they can be served");
        assert_eq!(topics.named("plain").map(|topic| topic.partitions), Some(7));
        assert!(topics.named("recharges.json.errors").is_some_and(|topic| topic.is_declared()));
        let refused = |config: TopicConfig| of(&[config]).err().map(|error| error.to_string());
        let fraud = TopicConfig { name: "Fraud".to_string(), ..plain.clone() };
        assert_eq!(refused(fraud).as_deref(), Some("topic Fraud: there is a topic of that name"));
        let settings = [("colour".to_string(), "red".to_string())].into();
        let coloured = TopicConfig { settings, ..plain };
        assert_eq!(refused(coloured).as_deref(), Some("topic plain: Unknown topic config name: colour"));
    }

    #[test]
    fn what_can_t_be_served_is_named() {
        let check = |ddl: &str, text: &str| assert_eq!(declared(ddl).err().as_deref(), Some(text));
        let table = "CREATE TABLE t (a INTEGER NOT NULL, PRIMARY KEY (a)); PARTITION TABLE t ON COLUMN a;";
        let topic = format!("{table} CREATE TOPIC x EXECUTE PROCEDURE t.insert");
        assert!(declared(&format!("{topic} PROPERTIES (on_error=skip);")).is_ok());
        check(
            &format!("{topic} PROPERTIES (on_error=panic);"),
            "topic x: on_error is dlq, skip or reject, not panic",
        );
        assert!(declared(&format!("{topic} PROPERTIES (topic.format=avro);")).is_ok());
        check("CREATE TOPIC y EXECUTE PROCEDURE Nobody;", "topic y: there is no procedure Nobody to execute");
        let opaque = declared("CREATE OPAQUE TOPIC a; CREATE OPAQUE PARTITIONED TOPIC b;").unwrap();
        assert_eq!(opaque.all().iter().map(|topic| topic.partitions).collect::<Vec<_>>(), [1, 2]);
    }
}
