//! What every thread of the node may look at: configuration, the gate, and what is published for operators.

use crate::{
    call::PartitionId,
    clock,
    config::Config,
    core::Core,
    counters::Counters,
    ends::StreamEnds,
    expiry::Expired,
    export::facts::ExportFacts,
    gate::Gate,
    node::{connections::Connections, executor::Input, latency::Latency, snapshot_thread},
    partition::FrozenAt,
    schemas::Schemas,
};
use anyhow::Context;
use crossbeam::channel::Sender;
use parking_lot::Mutex;
use std::{
    net::SocketAddr,
    sync::{Arc, OnceLock, atomic::AtomicUsize},
    time::{Duration, Instant},
};
use tollgate_cluster::log::LogStats;
use tollgate_schema::store::TableMemory;

/// See the module.
pub struct Shared {
    pub config: Config,
    pub gate: Gate,
    pub host_id: i32,
    pub build: &'static str,
    /// Milliseconds since 1970; the same as long as the cluster lives.
    pub cluster_start_ms: i64,
    /// When this process started.
    pub started: Instant,
    pub started_ms: i64,
    pub connections: AtomicUsize,
    /// Those of the Volt port, one by one.
    pub clients: Connections,
    pub latency: Latency,
    /// How far each stream reaches.
    pub ends: Arc<StreamEnds>,
    /// How far each export has come.
    pub exports: ExportFacts,
    /// Of messages in Avro.
    pub schemas: Schemas,
    pub log: Mutex<LogFacts>,
    pub snapshots: Mutex<SnapshotFacts>,
    pub recovery: Mutex<RecoveryFacts>,
    /// Known once the ports are bound.
    pub addresses: OnceLock<Addresses>,
    /// Asks the snapshot thread.
    pub snapshot_requests: Sender<snapshot_thread::Request>,
    /// By executor.
    executors: Vec<Mutex<ExecutorFacts>>,
}

/// What an executor publishes every tick.
#[derive(Clone, Debug, Default)]
pub struct ExecutorFacts {
    pub counters: Counters,
    pub partitions: Vec<PartitionFacts>,
}

#[derive(Clone, Debug, Default)]
pub struct PartitionFacts {
    pub partition: u16,
    pub leads: bool,
    pub applied_index: u64,
    /// Refreshed once a second or so: it walks the tables.
    pub memory: Vec<TableMemory>,
    /// First and next offset of each stream, by table.
    pub streams: Vec<(u16, u64, u64)>,
    /// What expiry did to each table with a TTL.
    pub expired: Vec<Expired>,
}

#[derive(Clone, Debug, Default)]
pub struct LogFacts {
    pub stats: LogStats,
    pub syncs: u64,
    /// Time in write and sync, microseconds.
    pub sync_us: u64,
}

#[derive(Clone, Debug, Default)]
pub struct SnapshotFacts {
    pub taken: u64,
    pub failed: u64,
    pub last_bytes: u64,
    pub last_ms: u64,
    /// Milliseconds since 1970; 0: none since the start.
    pub last_at_ms: i64,
    pub running: bool,
}

#[derive(Clone, Debug, Default)]
pub struct RecoveryFacts {
    pub ms: u64,
    pub blocks: u64,
    /// Snapshots that were damaged and passed over.
    pub snapshots_refused: u64,
}

/// Where the front ends listen.
#[derive(Clone, Copy, Debug)]
pub struct Addresses {
    pub volt: SocketAddr,
    pub http: SocketAddr,
    pub kafka: SocketAddr,
}

impl Shared {
    /// The front ends' monotonic clock, in microseconds since the process started.
    pub fn monotonic_us(&self) -> u64 {
        clock::now().duration_since(self.started).as_micros() as u64
    }

    pub fn new(
        config: Config,
        gate: Gate,
        snapshot_requests: Sender<snapshot_thread::Request>,
        cluster_start_ms: i64,
    ) -> anyhow::Result<Shared> {
        let executors = (0..gate.executors()).map(|_| Mutex::default()).collect();
        let now_ms = clock::wall_us() / 1000;
        let ends = Arc::new(StreamEnds::new(gate.registry().catalog(), config.partitions));
        let exports = ExportFacts::new(&config.export, gate.registry().catalog(), config.partitions);
        let schemas = Schemas::new(&config.schema_registry)?;
        Ok(Shared {
            config,
            gate,
            host_id: 0,
            build: concat!("tollgate-", env!("CARGO_PKG_VERSION")),
            cluster_start_ms,
            started: clock::now(),
            started_ms: now_ms,
            connections: AtomicUsize::new(0),
            clients: Connections::default(),
            latency: Latency::new(now_ms),
            ends,
            exports,
            schemas,
            log: Mutex::default(),
            snapshots: Mutex::default(),
            recovery: Mutex::default(),
            addresses: OnceLock::new(),
            snapshot_requests,
            executors,
        })
    }

    /// An executor shows what it has.
    pub fn publish(&self, executor: usize, core: &Core, with_memory: bool) {
        let mut facts = self.executors[executor].lock();
        facts.counters.clone_from(&core.counters);
        for partition in core.partitions() {
            let place = facts.partitions.iter().position(|p| p.partition == partition.id);
            let place = place.unwrap_or_else(|| {
                facts
                    .partitions
                    .push(PartitionFacts { partition: partition.id, ..PartitionFacts::default() });
                facts.partitions.len() - 1
            });
            let shown = &mut facts.partitions[place];
            shown.leads = partition.serves();
            shown.applied_index = partition.applied_index();
            shown.expired.clear();
            shown.expired.extend(partition.expired());
            if with_memory {
                shown.memory = partition.store().memory();
                shown.streams = partition.streams();
            }
        }
    }

    /// A consistent, committed view of every partition, in order. Waits for the log, not for a disk of its
    /// own.
    pub fn freeze_all(&self, longest: Duration) -> anyhow::Result<Vec<FrozenAt>> {
        let (sender, views) = crossbeam::channel::unbounded();
        // A receiver that gave up needs no view.
        let publish = Arc::new(move |view| drop(sender.send(view)));
        self.gate.tell(0, Input::FreezeAll(publish)).context("the executor is gone")?;
        let deadline = clock::now() + longest;
        let count = usize::from(self.config.partitions);
        let mut frozen: Vec<FrozenAt> = Vec::with_capacity(count);
        while frozen.len() < count {
            frozen.push(views.recv_deadline(deadline).context("not every partition answered in time")?);
        }
        frozen.sort_by_key(|view| view.partition);
        Ok(frozen)
    }

    /// A committed view of one partition that has everything that was answered before this was called.
    pub fn freeze_one(&self, partition: PartitionId, longest: Duration) -> anyhow::Result<FrozenAt> {
        let (sender, view) = crossbeam::channel::bounded(1);
        let publish = Arc::new(move |frozen| drop(sender.try_send(frozen)));
        let freeze = Input::Freeze { partition, publish };
        self.gate.tell(self.gate.owner_of(partition), freeze).context("the executor is gone")?;
        view.recv_timeout(longest).with_context(|| format!("partition {partition} did not answer in time"))
    }

    /// Has a snapshot of every partition taken and waits for it. An error means that nobody could be asked.
    pub fn take_snapshot(&self) -> anyhow::Result<Result<snapshot_thread::Taken, String>> {
        let (reply, taken) = crossbeam::channel::bounded(1);
        self.snapshot_requests
            .send(snapshot_thread::Request::Take(reply))
            .ok()
            .context("the snapshot thread is gone")?;
        taken.recv().context("the snapshot thread is gone")
    }

    /// Has every executor publish its facts now, memory too. What came in time is published; the rest is as
    /// it was.
    pub fn refresh(&self, longest: Duration) {
        let (done, published) = crossbeam::channel::unbounded();
        let executors = 0..self.gate.executors();
        let asked =
            executors.filter(|&e| self.gate.tell(e, Input::PublishFacts { done: done.clone() }).is_ok());
        let deadline = clock::now() + longest;
        for _ in 0..asked.count() {
            if published.recv_deadline(deadline).is_err() {
                return;
            }
        }
    }

    /// Waits until this node leads every partition, so that calls are taken. On a node alone that takes a
    /// sync or two.
    pub fn wait_until_leading(&self, longest: Duration) -> anyhow::Result<()> {
        let deadline = clock::now() + longest;
        let count = usize::from(self.config.partitions);
        loop {
            self.refresh(deadline.saturating_duration_since(clock::now()));
            let partitions = self.partitions();
            if partitions.len() == count && partitions.iter().all(|partition| partition.leads) {
                return Ok(());
            }
            anyhow::ensure!(clock::now() < deadline, "not every partition has a leader after {longest:?}");
            std::thread::park_timeout(Duration::from_millis(1));
        }
    }

    /// Each executor's counters.
    pub fn counters_by_executor(&self) -> Vec<Counters> {
        self.executors.iter().map(|facts| facts.lock().counters.clone()).collect()
    }

    /// Counters of all executors.
    pub fn counters(&self) -> Counters {
        let mut sum = Counters::new(self.gate.registry().procedures().len());
        self.executors.iter().for_each(|facts| sum.add(&facts.lock().counters));
        sum
    }

    /// Facts of all partitions, in order.
    pub fn partitions(&self) -> Vec<PartitionFacts> {
        let mut all: Vec<_> =
            self.executors.iter().flat_map(|facts| facts.lock().partitions.clone()).collect();
        all.sort_by_key(|p| p.partition);
        all
    }
}
