//! What every thread of the node may look at: configuration, the gate, and what is published for operators.

use crate::{
    clock,
    config::Config,
    core::Core,
    counters::Counters,
    gate::Gate,
    node::{executor::Input, snapshot_thread},
    partition::FrozenAt,
};
use anyhow::Context;
use crossbeam::channel::Sender;
use hdrhistogram::Histogram;
use parking_lot::Mutex;
use std::{
    net::SocketAddr,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, AtomicUsize},
    },
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
    pub latency: Latency,
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
}

/// Where the front ends listen.
#[derive(Clone, Copy, Debug)]
pub struct Addresses {
    pub volt: SocketAddr,
    pub http: SocketAddr,
}

impl Shared {
    pub fn new(
        config: Config,
        gate: Gate,
        snapshot_requests: Sender<snapshot_thread::Request>,
        cluster_start_ms: i64,
    ) -> Shared {
        let executors = (0..gate.executors()).map(|_| Mutex::default()).collect();
        Shared {
            config,
            gate,
            host_id: 0,
            build: concat!("tollgate-", env!("CARGO_PKG_VERSION")),
            cluster_start_ms,
            started: clock::now(),
            started_ms: clock::wall_us() / 1000,
            connections: AtomicUsize::new(0),
            latency: Latency::default(),
            log: Mutex::default(),
            snapshots: Mutex::default(),
            recovery: Mutex::default(),
            addresses: OnceLock::new(),
            snapshot_requests,
            executors,
        }
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
            if with_memory {
                shown.memory = partition.store().memory();
                shown.streams = partition.streams();
            }
        }
    }

    /// A consistent, committed view of every partition, in order. Waits for the log, not for a disk of its own.
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

/// Latencies of calls from the socket read to the reply's hand-over, microseconds.
pub struct Latency {
    total: Mutex<Histogram<u64>>,
    /// Restarted by [`Latency::take_interval`].
    interval: Mutex<Histogram<u64>>,
    sum_us: AtomicU64,
}

/// Longer ones count as this: a minute.
const LATENCY_MAX_US: u64 = 60_000_000;

impl Default for Latency {
    fn default() -> Latency {
        let histogram = || {
            let histogram = Histogram::new_with_bounds(1, LATENCY_MAX_US, 3);
            Mutex::new(histogram.expect("the bounds are constants that hdrhistogram accepts"))
        };
        Latency { total: histogram(), interval: histogram(), sum_us: AtomicU64::new(0) }
    }
}

impl Latency {
    /// `calls` calls took this long.
    pub fn record(&self, us: u64, calls: u32) {
        let us = us.clamp(1, LATENCY_MAX_US);
        self.total.lock().saturating_record_n(us, u64::from(calls));
        self.interval.lock().saturating_record_n(us, u64::from(calls));
        self.sum_us.fetch_add(us * u64::from(calls), std::sync::atomic::Ordering::Relaxed);
    }

    /// All since the start.
    pub fn total(&self) -> Histogram<u64> {
        self.total.lock().clone()
    }

    pub fn sum_us(&self) -> u64 {
        self.sum_us.load(std::sync::atomic::Ordering::Relaxed)
    }

    /// Those since the last time this was asked.
    pub fn take_interval(&self) -> Histogram<u64> {
        let mut interval = self.interval.lock();
        let taken = interval.clone();
        interval.reset();
        taken
    }
}
