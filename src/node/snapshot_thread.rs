//! The snapshot thread: when the log has grown enough, or when asked, it writes every partition's frozen rows
//! to disk, then lets the log go that the snapshot before them made needless. Executors give it a few
//! pointers and go on.

use crate::{
    call::PartitionId,
    clock,
    config::{Durability, SnapshotConfig},
    memory,
    node::{
        executor::Input, fingerprint, log_thread, monitor, priority::lower_priority, shared::Shared, spawn,
    },
    partition::FrozenAt,
};
use anyhow::{Context, Result};
use bytes::Bytes;
use crossbeam::channel::{Receiver, RecvTimeoutError, Sender};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
    thread::JoinHandle,
    time::{Duration, Instant},
};
use tollgate_cluster::{
    disk::Disk,
    log::{SnapshotMeta, SpareMaker},
    replica::Position,
    snapshot::{Kept, Snapshot, SnapshotError, SnapshotHead, SnapshotWriter},
};
use tollgate_schema::store::TableMemory;

/// Asks for a snapshot now; the outcome comes back.
pub enum Request {
    Take(Sender<Result<Taken, String>>),
    Stop,
}

/// A snapshot of every partition.
#[derive(Clone, Copy, Debug)]
pub struct Taken {
    pub bytes: u64,
    pub ms: u64,
}

/// Its thread's handle.
pub(super) struct SnapshotThread {
    requests: Sender<Request>,
    thread: JoinHandle<()>,
}

/// What it works on.
pub(super) struct SnapshotFiles {
    pub(super) disk: Arc<dyn Disk>,
    pub(super) directory: PathBuf,
    /// By partition.
    pub(super) kept: Vec<Kept>,
    pub(super) spares: SpareMaker,
    pub(super) log: Sender<log_thread::Request>,
}

/// How much log there is that no snapshot holds.
#[derive(Clone, Copy)]
pub(super) struct Growth {
    /// Found when the node started.
    found_bytes: u64,
    /// Bytes that had been appended when the last snapshot was begun.
    mark_bytes: u64,
}

impl Growth {
    pub(super) fn new(found_bytes: u64) -> Growth {
        Growth { found_bytes, mark_bytes: 0 }
    }

    /// In bytes; `appended_bytes`: by this process so far.
    fn behind(self, appended_bytes: u64) -> u64 {
        self.found_bytes + (appended_bytes - self.mark_bytes)
    }

    /// A snapshot holds what had been appended by then.
    fn taken(&mut self, appended_bytes: u64) {
        *self = Growth { found_bytes: 0, mark_bytes: appended_bytes };
    }
}

struct Snapshots {
    shared: Arc<Shared>,
    files: SnapshotFiles,
    growth: Growth,
}

/// How often the log's growth is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// The executors answer a freeze when its blocks are committed: a few log rounds.
const FREEZE_MAX: Duration = Duration::from_secs(30);

impl SnapshotThread {
    pub(super) fn start(
        shared: Arc<Shared>,
        files: SnapshotFiles,
        growth: Growth,
        requests: Receiver<Request>,
    ) -> Result<SnapshotThread> {
        let sender = shared.snapshot_requests.clone();
        let mut snapshots = Snapshots { shared, files, growth };
        let thread = spawn("snapshot", move || {
            lower_priority();
            snapshots.run(&requests);
            Ok(())
        })?;
        Ok(SnapshotThread { requests: sender, thread })
    }

    pub(super) fn stop(self) {
        let _ = self.requests.send(Request::Stop);
        let _ = self.thread.join();
    }
}

impl Snapshots {
    fn run(&mut self, requests: &Receiver<Request>) {
        loop {
            match requests.recv_timeout(LOOK_EVERY) {
                Ok(Request::Stop) | Err(RecvTimeoutError::Disconnected) => return,
                Ok(Request::Take(reply)) => {
                    // Whoever asked may have gone.
                    let _ = reply.send(self.take().map_err(|error| format!("{error:#}")));
                }
                Err(RecvTimeoutError::Timeout) => {
                    let behind = self.growth.behind(self.appended_bytes());
                    if behind > self.shared.config.snapshot.log_bytes && self.take().is_err() {
                        tracing::warn!("the log grows on until a snapshot succeeds");
                    }
                }
            }
            while self.files.spares.wanted() {
                let mut pace = Pace::new(&self.shared.config.snapshot);
                if let Err(error) = self.files.spares.make(&mut |bytes| pace.spend(bytes)) {
                    tracing::warn!(%error, "a spare log segment could not be made");
                    break;
                }
            }
        }
    }

    fn appended_bytes(&self) -> u64 {
        self.shared.log.lock().stats.appended_bytes
    }

    fn take(&mut self) -> Result<Taken> {
        self.shared.snapshots.lock().running = true;
        let started = clock::now();
        let appended_bytes = self.appended_bytes();
        let outcome = self.write_all();
        if outcome.is_ok() {
            self.growth.taken(appended_bytes);
        }
        let mut facts = self.shared.snapshots.lock();
        facts.running = false;
        match &outcome {
            Ok(bytes) => {
                facts.taken += 1;
                facts.last_bytes = *bytes;
                facts.last_ms = started.elapsed().as_millis() as u64;
                facts.last_at_ms = clock::wall_us() / 1000;
                tracing::info!(bytes, ms = facts.last_ms, "snapshot taken");
            }
            Err(error) => {
                facts.failed += 1;
                tracing::error!("the snapshot failed: {error:#}");
            }
        }
        outcome.map(|bytes| Taken { bytes, ms: facts.last_ms })
    }

    /// From the freeze on, the executor copies each page it writes to that the snapshot still has. Memory for
    /// those copies is there before, so that none of them waits for the system.
    fn make_room_for_copies(&self, partition: PartitionId) {
        let partitions = self.shared.partitions();
        let tables = partitions.iter().filter(|facts| facts.partition == partition).flat_map(|p| &p.memory);
        let bytes = |table: &TableMemory| table.row_bytes + table.tail_bytes;
        let copied_bytes: u64 = tables.map(bytes).sum();
        let all_bytes: u64 = partitions.iter().flat_map(|p| &p.memory).map(bytes).sum();
        let usage = monitor::usage(&self.shared.config.data_dir);
        let spare_bytes = usage.own_bytes.saturating_sub(all_bytes);
        let missing_bytes = copied_bytes.saturating_sub(spare_bytes);
        if missing_bytes <= monitor::room_bytes(usage, self.shared.config.limits.memory_bytes) {
            memory::provide(missing_bytes);
        }
    }

    /// One partition after the other, each frozen when its turn comes: most copies are made right after a
    /// freeze, and with all partitions at once they would hold up every call. Each has a position in the log
    /// of its own, so no two need be of one moment.
    fn write_all(&mut self) -> Result<u64> {
        let mut bytes = 0;
        for partition in 0..self.shared.config.partitions {
            self.make_room_for_copies(partition);
            let view = self.shared.freeze_one(partition, FREEZE_MAX)?;
            bytes += self.write_one(view)?;
        }
        Ok(bytes)
    }

    fn write_one(&mut self, frozen: FrozenAt) -> Result<u64> {
        let frozen = self.at_its_own_position(frozen)?;
        self.sync_log()?;
        let partition = frozen.partition;
        let fingerprint = fingerprint::fingerprint(self.shared.gate.registry().catalog());
        let mut pace = Pace::new(&self.shared.config.snapshot);
        let mut spend = |bytes| pace.spend(bytes);
        let SnapshotFiles { disk, directory, kept, .. } = &mut self.files;
        let written = write(disk, directory, frozen, fingerprint, clock::wall_us(), &mut spend)?;
        let snapshot = written.head.meta;
        let cut = kept[usize::from(partition)].finished(&**disk, directory, snapshot.clone())?;
        self.tell_owner(partition, Input::Compact { partition, snapshot, cut })?;
        Ok(written.file_bytes)
    }

    /// Makes the log durable as far as the view goes (invariant 24): with async durability a power cut could
    /// else leave a snapshot of blocks that the log has lost.
    fn sync_log(&self) -> Result<()> {
        if self.shared.config.durability == Durability::Async {
            let (done, synced) = crossbeam::channel::bounded(1);
            let asked = self.files.log.send(log_thread::Request::Sync(done));
            asked.ok().and_then(|()| synced.recv().ok()).context("the log thread is gone")?;
        }
        Ok(())
    }

    /// The view, or a later one if the partition has not changed since its last snapshot. At the same
    /// position it would only take that snapshot's place, and the log would have to stay for the one before:
    /// an idle partition would keep the log of all for ever.
    fn at_its_own_position(&self, frozen: FrozenAt) -> Result<FrozenAt> {
        let partition = frozen.partition;
        if self.files.kept[usize::from(partition)].newest_index() != Some(frozen.position.index) {
            return Ok(frozen);
        }
        self.tell_owner(partition, Input::Advance { partition })?;
        // A member that does not lead can't; then it writes the same snapshot anew.
        Ok(self.shared.freeze_one(partition, FREEZE_MAX).unwrap_or(frozen))
    }

    fn tell_owner(&self, partition: u16, input: Input) -> Result<()> {
        let executor = self.shared.gate.owner_of(partition);
        self.shared.gate.tell(executor, input).context("the executor is gone")
    }
}

/// Writes a view as a snapshot file, whole and durable. `fingerprint`: of the catalogue that its rows go by.
pub fn write(
    disk: &Arc<dyn Disk>,
    directory: &Path,
    frozen: FrozenAt,
    fingerprint: u32,
    created_us: i64,
    pace: &mut dyn FnMut(u64),
) -> Result<Snapshot, SnapshotError> {
    let Position { index, term } = frozen.position;
    let head = SnapshotHead {
        group: u32::from(frozen.partition),
        meta: SnapshotMeta { index, term, members: frozen.members },
        created_us,
        state_us: frozen.timestamp_us,
        manifest: Bytes::copy_from_slice(&fingerprint.to_le_bytes()),
    };
    let mut writer = SnapshotWriter::create(disk.clone(), directory, &head, pace)?;
    frozen.rows.write(&mut |kind, section| {
        writer.section(kind)?;
        writer.write(section)
    })?;
    // Frees the pages that the executor has replaced since.
    drop(frozen.rows);
    writer.finish()
}

/// Spreads writing over time, so that the log's syncs stay quick.
struct Pace {
    bytes_per_second: u64,
    started: Instant,
    spent: u64,
}

impl Pace {
    fn new(config: &SnapshotConfig) -> Pace {
        Pace { bytes_per_second: config.bytes_per_second, started: clock::now(), spent: 0 }
    }

    fn spend(&mut self, bytes: u64) {
        self.spent += bytes;
        if self.bytes_per_second == 0 {
            return;
        }
        let due = Duration::from_micros(self.spent * 1_000_000 / self.bytes_per_second);
        if let Some(ahead) = due.checked_sub(self.started.elapsed()) {
            std::thread::park_timeout(ahead);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{config::Config, gate::Gate, node::executor::ExecutorDesk, product_registry};
    use crossbeam::channel::{bounded, unbounded};
    use tollgate_cluster::{
        disk::FaultyDisk,
        log::{self, LogConfig, Membership},
    };
    use tollgate_schema::{ring::Ring, store::Store};

    /// Writes a snapshot of an empty partition; how often the log was synced for it, none of its files being
    /// there.
    fn syncs_before_a_snapshot(durability: Durability) -> usize {
        let (disk, directory) = (Arc::new(FaultyDisk::new(1)), Path::new("/snapshots"));
        disk.create_dir(directory).expect("a directory");
        let no_spares = LogConfig { spares_at_open: 0, ..LogConfig::default() };
        let opened = log::open(disk.clone(), Path::new("/log"), no_spares).expect("an empty log");
        let registry = Arc::new(product_registry());
        let desk = Arc::new(ExecutorDesk::new(Arc::default()));
        let gate = Gate::new(registry.clone(), Arc::new(Ring::new(1)), vec![desk]);
        let config = Config { partitions: 1, durability, ..Config::default() };
        let shared =
            Arc::new(Shared::new(config, gate, unbounded().0, 0).expect("a configuration that is right"));
        let (log, requests) = bounded(0);
        let seen = disk.clone();
        let log_thread = std::thread::spawn(move || {
            let mut syncs = 0;
            for request in requests {
                let log_thread::Request::Sync(done) = request else { panic!("nothing is appended") };
                assert_eq!(seen.list(directory).expect("it is there"), Vec::<String>::new());
                syncs += 1;
                done.send(()).expect("somebody waits");
            }
            syncs
        });
        let files = SnapshotFiles {
            disk: disk.clone(),
            directory: directory.to_path_buf(),
            kept: vec![Kept::recovered(0, None)],
            spares: opened.writer.spare_maker(),
            log,
        };
        let mut snapshots = Snapshots { shared, files, growth: Growth::new(0) };
        let frozen = FrozenAt {
            partition: 0,
            position: Position { term: 1, index: 1 },
            timestamp_us: 0,
            members: Membership::of_voters(&[1]),
            rows: Store::new(Arc::new(registry.catalog().clone())).freeze(),
        };
        snapshots.write_one(frozen).expect("a snapshot");
        assert_eq!(disk.list(directory).expect("it is there").len(), 1);
        drop(snapshots);
        log_thread.join().expect("no panic")
    }

    /// Or a power cut could leave it behind the end of the log.
    #[test]
    fn the_log_is_durable_before_a_snapshot_of_it_is_written() {
        assert_eq!(syncs_before_a_snapshot(Durability::Async), 1);
        assert_eq!(syncs_before_a_snapshot(Durability::Sync), 0, "it always is");
    }

    /// The log stays for the snapshot before, so what counts is what came since the last one was begun.
    #[test]
    fn the_log_that_no_snapshot_holds_is_what_calls_for_the_next() {
        let mut growth = Growth::new(70);
        assert_eq!(growth.behind(5), 75, "what was found at the start counts");
        growth.taken(20);
        assert_eq!(growth.behind(25), 5, "what came while it was written counts for the next");
        assert_eq!(growth.behind(120), 100);
    }
}
