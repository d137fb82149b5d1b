//! What all connections of Kafka clients share: the topics, the groups, what was encoded.

use super::{
    encoded::Encoded,
    groups::Coordinator,
    login::Refusals,
    room::SharedRoom,
    settings::Settings,
    topics::{Content, Topic, Topics},
};
use crate::{
    call::PartitionId,
    calls::{self, CallError, binary, integer, text},
    config::{ClientCertificateRule, TlsConfig},
    node::shared::Shared,
    tls::{self, ClientCertificates},
    wire::kafka::sasl::Users,
};
use anyhow::Context;
use parking_lot::Mutex;
use rustls::ServerConfig;
use std::{
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

/// See the module.
pub struct KafkaFront {
    pub(super) shared: Arc<Shared>,
    pub(super) topics: Topics,
    pub(super) groups: Coordinator,
    pub(super) encoded: Encoded,
    pub(super) users: Users,
    pub(super) refusals: Refusals,
    pub(super) room: SharedRoom,
    pub(super) tls: Option<Arc<ServerConfig>>,
    connections: AtomicUsize,
    /// Producer ids that were taken and not given out.
    producer_ids: Mutex<Range<i64>>,
    /// One topic is made or changed at a time.
    pub(super) changing: tokio::sync::Mutex<()>,
}

/// Counts a connection as long as it lives.
pub(super) struct Counted(Arc<KafkaFront>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

fn users(shared: &Shared) -> anyhow::Result<Users> {
    let pairs = shared.config.users.iter().map(|user| (user.name.as_str(), user.password.reveal()));
    // Salts need only differ between clusters.
    let secret = shared.cluster_start_ms.to_be_bytes();
    Users::new(&secret, pairs).context("[[users]]")
}

fn tls_of(config: &TlsConfig) -> anyhow::Result<Option<Arc<ServerConfig>>> {
    if !config.is_on() {
        return Ok(None);
    }
    let authorities = config.client_ca.as_path();
    let clients = match config.client_certificates {
        ClientCertificateRule::None => ClientCertificates::None,
        ClientCertificateRule::Optional => ClientCertificates::Optional { authorities },
        ClientCertificateRule::Required => ClientCertificates::Required { authorities },
    };
    Ok(Some(tls::server_config(&config.certificate, &config.key, clients).context("[kafka.tls]")?))
}

/// Kafka's number of this node.
pub(super) const NODE_ID: i32 = 1;
/// Of every leader: a committed record is never cut off again, so no client needs to tell leaders apart.
pub(super) const LEADER_EPOCH: i32 = 0;
/// Producer ids taken at a time.
const PRODUCER_IDS_AT_ONCE: i64 = 1000;

impl KafkaFront {
    /// Knows what is declared, and reads what was made before.
    pub(crate) async fn open(shared: Arc<Shared>) -> anyhow::Result<Arc<KafkaFront>> {
        let topics =
            Topics::declared(shared.gate.registry(), &shared.config.kafka.topics, shared.config.partitions)?;
        let catalog = shared.gate.registry().catalog();
        let exported = shared.config.export.iter().flat_map(|export| &export.streams);
        let exported =
            exported.filter_map(|name| catalog.find(name)).map(|id| catalog.table(id).name.as_str());
        topics.add_export_errors(exported, shared.config.partitions);
        let groups = Coordinator::new(&shared.config.kafka);
        let users = users(&shared)?;
        let tls = tls_of(&shared.config.kafka.tls)?;
        let front = KafkaFront {
            shared,
            topics,
            groups,
            encoded: Encoded::default(),
            users,
            refusals: Refusals::default(),
            room: SharedRoom::default(),
            tls,
            connections: AtomicUsize::new(0),
            producer_ids: Mutex::new(0..0),
            changing: tokio::sync::Mutex::new(()),
        };
        front.load_topics().await.context("the topics could not be read")?;
        front.groups.load(&front.shared).await.context("the consumer groups could not be read")?;
        Ok(Arc::new(front))
    }

    /// One more connection, unless there are too many.
    pub(super) fn count_connection(self: &Arc<KafkaFront>) -> Option<Counted> {
        let before = self.connections.fetch_add(1, Ordering::Relaxed);
        let counted = Counted(self.clone());
        (before < self.shared.config.limits.connections).then_some(counted)
    }

    async fn load_topics(&self) -> Result<(), CallError> {
        let tables = calls::one(&self.shared, "@Topics", Some(0), |_| {}).await?;
        for row in tables.rows(0) {
            let [name, id, partitions, settings] = &row[..] else { panic!("four columns were expected") };
            let id = binary(id).and_then(|id| id.try_into().ok()).expect("an id has sixteen bytes");
            let settings = Settings::of_json(text(settings));
            let content = Content::Log { made: true };
            self.topics.put(Topic::new(text(name), id, integer(partitions) as i32, content, settings));
        }
        Ok(())
    }

    /// The partition of the data that has a topic's partition.
    pub(super) fn home(&self, part: i32) -> PartitionId {
        (part as u32 % u32::from(self.shared.config.partitions)) as PartitionId
    }

    /// The end of a topic's partition, as far as it is known without asking.
    pub(super) fn known_end(&self, topic: &Topic, part: i32) -> Option<i64> {
        match &topic.content {
            Content::Stream(stream) => Some(self.shared.ends.end(stream.table, part as PartitionId) as i64),
            _ => topic.end(part),
        }
    }

    /// A number for a producer, never given out before.
    pub(super) async fn producer_id(&self) -> Result<i64, CallError> {
        if let Some(id) = self.producer_ids.lock().next() {
            return Ok(id);
        }
        let taken = calls::one(&self.shared, "@NumbersTake", Some(0), |set| {
            set.put_str("producer id").put_i64(PRODUCER_IDS_AT_ONCE);
        });
        let first = taken.await?.integers(0)[0];
        let mut ids = self.producer_ids.lock();
        if ids.is_empty() {
            *ids = first..first + PRODUCER_IDS_AT_ONCE;
        }
        Ok(ids.next().expect("some were just taken"))
    }

    /// As text, for clients.
    pub(super) fn cluster_id(&self) -> String {
        format!("tollgate-{:x}", self.shared.cluster_start_ms)
    }
}
