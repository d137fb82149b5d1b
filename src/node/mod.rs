//! The threads of a server process around the state machines: recovery, executors, the log thread, snapshots,
//! front ends, shutdown. IO lives here and in `wire`; decisions don't.

pub mod connections;
pub mod desk;
mod directory;
pub mod executor;
mod fatal;
mod files;
pub mod fingerprint;
pub mod initiated;
pub mod latency;
pub mod log_thread;
pub mod monitor;
pub(crate) mod priority;
pub mod recover;
mod schema_file;
pub mod shared;
pub mod snapshot_thread;

use crate::{
    clock,
    config::{Config, Durability},
    core::Core,
    export::{self, Exports},
    gate::Gate,
    limits,
    memory::MemoryThread,
    partition::Partition,
    wire::{self, kafka::server::KafkaFront, volt::server::Front},
};
use anyhow::{Context, Result};
use crossbeam::channel::{Receiver, Sender, unbounded};
use desk::{By, Helper};
use directory::DataDirectory;
use executor::{Executor, ExecutorDesk, Input};
use priority::Processors;
use recover::Recovered;
use shared::{Addresses, RecoveryFacts, Shared};
use snapshot_thread::{Growth, SnapshotFiles, SnapshotThread};
use std::{net::SocketAddr, sync::Arc, thread::JoinHandle, time::Duration};
use tollgate_cluster::{
    disk::{Disk, RealDisk},
    log::{self, LogWriter},
};
use tollgate_procedures::Registry;
use tollgate_schema::ring::Ring;

/// A node that does not lead its own partitions by then has a disk that does not answer.
const LEADING_MAX: Duration = Duration::from_secs(60);

/// A running server.
pub struct Node {
    pub shared: Arc<Shared>,
    pub volt_address: SocketAddr,
    pub http_address: SocketAddr,
    pub kafka_address: SocketAddr,
    desks: Vec<Arc<ExecutorDesk>>,
    executor_threads: Vec<JoinHandle<()>>,
    log_thread: JoinHandle<()>,
    snapshots: SnapshotThread,
    memory: Option<MemoryThread>,
    net: NetThread,
    exports: Exports,
    // Held as long as the server runs: one server per directory.
    _directory: DataDirectory,
}

struct NetThread {
    stop: tokio::sync::oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

impl Node {
    /// Recovers what the data directory holds and starts serving. Returns when calls can be taken.
    pub fn start(config: Config, registry: Arc<Registry>) -> Result<Node> {
        let started = clock::now();
        export::check(&config.export, registry.catalog())?;
        files::allow_all(&config);
        let directory = DataDirectory::open(&config)?;
        let disk: Arc<dyn Disk> = Arc::new(RealDisk);
        let mut opened = log::open(disk.clone(), &directory.log(), log_config(&config))
            .context("the log could not be opened")?;
        let (before, catalog) = (schema_file::read(&directory), registry.catalog());
        let mut recovered =
            recover::partitions(&config, &registry, &disk, &directory.snapshots(), &mut opened)
                .map_err(|error| schema_file::explain(error, before.as_ref(), catalog))?;
        schema_file::keep(&directory, before.as_ref(), catalog)?;
        let growth = Growth::new(recovered.log_bytes);
        let kept = std::mem::take(&mut recovered.kept);
        let spares = opened.writer.spare_maker();
        let threads = Threads::start(config, registry, &directory, recovered, opened.writer)?;
        let log = threads.log_requests;
        let files = SnapshotFiles { disk, directory: directory.snapshots(), kept, spares, log };
        let shared = threads.shared;
        let snapshots = SnapshotThread::start(shared.clone(), files, growth, threads.snapshot_requests)?;
        let config = &shared.config;
        let memory =
            MemoryThread::start(&config.memory, config.limits.memory_bytes, config.data_dir.clone())?;
        shared.wait_until_leading(LEADING_MAX)?;
        let (addresses, net) = start_net(shared.clone(), threads.helper, threads.desks.clone())?;
        let Addresses { volt: volt_address, http: http_address, kafka: kafka_address } = addresses;
        let exports = Exports::start(&shared)?;
        let recovery_ms = started.elapsed().as_millis() as u64;
        shared.recovery.lock().ms = recovery_ms;
        tracing::info!(%volt_address, %http_address, %kafka_address, recovery_ms, "serving");
        Ok(Node {
            shared,
            volt_address,
            http_address,
            kafka_address,
            desks: threads.desks,
            executor_threads: threads.executors,
            log_thread: threads.log,
            snapshots,
            memory,
            net,
            exports,
            _directory: directory,
        })
    }

    /// Takes no more calls, finishes and makes durable what was taken, and ends every thread.
    pub fn stop(self) {
        self.exports.stop();
        self.shared.gate.stop();
        let _ = self.net.stop.send(());
        join(self.net.thread);
        self.snapshots.stop();
        if let Some(memory) = self.memory {
            memory.stop();
        }
        for desk in &self.desks {
            desk.put(Input::Stop, By::Owner);
        }
        self.executor_threads.into_iter().for_each(join);
        join(self.log_thread);
        tracing::info!("stopped");
    }
}

/// A thread that panicked has told so already; the others are still ended in order.
fn join(thread: JoinHandle<()>) {
    let _ = thread.join();
}

/// The executors and the log thread, wired to each other.
struct Threads {
    shared: Arc<Shared>,
    helper: Arc<Helper>,
    desks: Vec<Arc<ExecutorDesk>>,
    executors: Vec<JoinHandle<()>>,
    log: JoinHandle<()>,
    log_requests: Sender<log_thread::Request>,
    snapshot_requests: Receiver<snapshot_thread::Request>,
}

impl Threads {
    fn start(
        config: Config,
        registry: Arc<Registry>,
        directory: &DataDirectory,
        recovered: Recovered,
        writer: LogWriter,
    ) -> Result<Threads> {
        let ring = Arc::new(Ring::new(config.partitions));
        let count = config.executor_count();
        let helper = Arc::new(Helper::default());
        let desks: Vec<_> = (0..count).map(|_| Arc::new(ExecutorDesk::new(helper.clone()))).collect();
        let gate = Gate::new(registry.clone(), ring.clone(), desks.clone());
        let (snapshots, snapshot_requests) = unbounded();
        let shared = Arc::new(Shared::new(config, gate, snapshots, directory.cluster_start_ms)?);
        *shared.recovery.lock() =
            RecoveryFacts { ms: 0, blocks: recovered.blocks, snapshots_refused: recovered.snapshots_refused };

        let (log_sender, log_requests) = unbounded();
        let (log_shared, log_desks) = (shared.clone(), desks.clone());
        let net_core = shared.config.net_core;
        let log = spawn("log", move || {
            priority::short_slices();
            if net_core {
                priority::keep_to(Processors::Others);
            }
            log_thread::run(writer, log_requests, log_desks, log_shared).map_err(anyhow::Error::from)
        })?;
        let mut partitions = recovered.partitions;
        for partition in &mut partitions {
            partition.sessions_max = shared.config.sessions.rows;
            partition.tell_ends(shared.ends.clone());
        }
        let mut cores = deal(partitions, count, &registry, &ring).into_iter();
        let mut first = Some(recovered.first);
        let mut executors = Vec::new();
        let tick = Duration::from_millis(limits::TICK_MS);
        for (number, desk) in desks.iter().cloned().enumerate() {
            let core = cores.next().expect("one core an executor");
            let others = if number == 0 { desks[1..].to_vec() } else { Vec::new() };
            let mut executor = Executor::new(number, core, log_sender.clone(), others, shared.clone());
            if let Some(first) = first.take() {
                executor.submit(first);
            }
            desk.seat(executor);
            executors.push(spawn("executor", move || {
                // The net thread helps at the first desk before any other: its owner works where there is
                // room.
                if net_core && number > 0 {
                    priority::keep_to(Processors::Others);
                }
                desk.work(tick).map_err(anyhow::Error::from)
            })?);
        }
        Ok(Threads { shared, helper, desks, executors, log, log_requests: log_sender, snapshot_requests })
    }
}

/// Partition p goes to executor `p % count`.
fn deal(partitions: Vec<Partition>, count: usize, registry: &Arc<Registry>, ring: &Arc<Ring>) -> Vec<Core> {
    let total = partitions.len();
    let mut places: Vec<Vec<Option<Partition>>> =
        (0..count).map(|_| (0..total).map(|_| None).collect()).collect();
    for partition in partitions {
        let id = usize::from(partition.id);
        places[id % count][id] = Some(partition);
    }
    places.into_iter().map(|places| Core::new(registry.clone(), ring.clone(), places)).collect()
}

/// A thread of the node that the data depends on: its failure ends the process.
fn spawn(name: &str, work: impl FnOnce() -> Result<()> + Send + 'static) -> Result<JoinHandle<()>> {
    let label = name.to_string();
    let thread =
        std::thread::Builder::new().name(name.to_string()).spawn(move || fatal::guarded(&label, work));
    thread.with_context(|| format!("the {name} thread could not be started"))
}

fn log_config(config: &Config) -> log::LogConfig {
    let durability = match config.durability {
        Durability::Sync => log::Durability::Sync,
        Durability::Async => log::Durability::Async,
    };
    let defaults = log::LogConfig::default();
    log::LogConfig {
        segment_bytes: config.log.segment_bytes,
        durability,
        spares_kept: defaults.spares_kept.max(config.log.ready_segments),
        spares_at_open: config.log.ready_segments,
    }
}

/// Binds the ports, then serves them on one thread, which helps at the desks, too.
fn start_net(
    shared: Arc<Shared>,
    helper: Arc<Helper>,
    desks: Vec<Arc<ExecutorDesk>>,
) -> Result<(Addresses, NetThread)> {
    let net_core = shared.config.net_core;
    let mut builder = tokio::runtime::Builder::new_current_thread();
    if net_core {
        // Queries run on threads that the net thread starts.
        builder.on_thread_start(|| priority::keep_to(Processors::Others));
    }
    let runtime = builder.enable_all().build()?;
    let listen = &shared.config.listen;
    let (volt, http, kafka) = runtime.block_on(async {
        let volt = bind(listen.volt, "listen.volt").await?;
        let http = bind(listen.http, "listen.http").await?;
        let kafka = bind(listen.kafka, "listen.kafka").await?;
        anyhow::Ok((volt, http, kafka))
    })?;
    let addresses =
        Addresses { volt: volt.local_addr()?, http: http.local_addr()?, kafka: kafka.local_addr()? };
    let _ = shared.addresses.set(addresses);
    // Its rows are read through the executors' own threads: nobody helps them yet.
    let kafka_front = runtime.block_on(KafkaFront::open(shared.clone()))?;
    let (stop, stopped) = tokio::sync::oneshot::channel();
    let thread = spawn("net", move || {
        priority::short_slices();
        if net_core {
            priority::keep_to(Processors::First);
        }
        runtime.block_on(async move {
            let front = Front::new(shared.clone());
            let help = tokio::spawn(async move { helper.help(&desks).await });
            let front_watch = tokio::spawn(front.clone().watch());
            let volt = tokio::spawn(wire::volt::server::serve(volt, front.clone()));
            let http = tokio::spawn(wire::http::serve(http, shared.clone(), front, kafka_front.clone()));
            let kafka = tokio::spawn(wire::kafka::server::serve(kafka, kafka_front));
            let watch = tokio::spawn(watch_usage(shared));
            // Ends when told to, or when the node is dropped.
            let _ = stopped.await;
            volt.abort();
            http.abort();
            kafka.abort();
            watch.abort();
            front_watch.abort();
            help.abort();
        });
        // Replies on their way get a moment; then connections are cut.
        runtime.shutdown_timeout(Duration::from_millis(200));
        Ok(())
    })?;
    Ok((addresses, NetThread { stop, thread }))
}

async fn bind(address: SocketAddr, key: &str) -> Result<tokio::net::TcpListener> {
    let socket =
        if address.is_ipv4() { tokio::net::TcpSocket::new_v4() } else { tokio::net::TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.bind(address).with_context(|| {
        format!("{address} is taken: stop what listens there, or set {key} to another address")
    })?;
    Ok(socket.listen(1024)?)
}

async fn watch_usage(shared: Arc<Shared>) {
    let mut every = tokio::time::interval(Duration::from_millis(500));
    loop {
        every.tick().await;
        monitor::check(&shared);
    }
}
