//! The snapshot thread: when the log has grown enough, or when asked, it writes every partition's frozen rows to
//! disk, then lets the log before them go. Executors give it a few pointers and go on.

use crate::{
    clock,
    config::SnapshotConfig,
    node::{executor::Input, fingerprint, shared::Shared, spawn},
    partition::FrozenAt,
};
use anyhow::{Context, Result};
use bytes::Bytes;
use crossbeam::channel::{Receiver, RecvTimeoutError, Sender};
use std::{
    path::PathBuf,
    sync::Arc,
    thread::JoinHandle,
    time::{Duration, Instant},
};
use tollgate_cluster::{
    disk::Disk,
    log::{SnapshotMeta, SpareMaker},
    replica::Position,
    snapshot::{self, SnapshotHead, SnapshotWriter},
};

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

struct Snapshots {
    shared: Arc<Shared>,
    disk: Arc<dyn Disk>,
    directory: PathBuf,
    spares: SpareMaker,
}

/// How often the log's growth is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// The executors answer a freeze when its blocks are committed: a few log rounds.
const FREEZE_MAX: Duration = Duration::from_secs(30);

impl SnapshotThread {
    pub(super) fn start(
        shared: Arc<Shared>,
        disk: Arc<dyn Disk>,
        directory: PathBuf,
        spares: SpareMaker,
        requests: Receiver<Request>,
    ) -> Result<SnapshotThread> {
        let sender = shared.snapshot_requests.clone();
        let snapshots = Snapshots { shared, disk, directory, spares };
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

/// Replies come before snapshots.
#[allow(unsafe_code, reason = "the standard library has no call for a thread's priority")]
fn lower_priority() {
    // SAFETY: setpriority reads three integers and touches no memory of ours. On Linux `who` 0 is the calling thread.
    let outcome = unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, 10) };
    if outcome != 0 {
        tracing::warn!("the snapshot thread keeps its priority");
    }
}

impl Snapshots {
    fn run(&self, requests: &Receiver<Request>) {
        loop {
            match requests.recv_timeout(LOOK_EVERY) {
                Ok(Request::Stop) | Err(RecvTimeoutError::Disconnected) => return,
                Ok(Request::Take(reply)) => {
                    // Whoever asked may have gone.
                    let _ = reply.send(self.take().map_err(|error| format!("{error:#}")));
                }
                Err(RecvTimeoutError::Timeout) => {
                    let grown = self.shared.log.lock().stats.bytes_since_compaction;
                    if grown > self.shared.config.snapshot.log_bytes && self.take().is_err() {
                        tracing::warn!("the log grows on until a snapshot succeeds");
                    }
                }
            }
            while self.spares.wanted() {
                if let Err(error) = self.spares.make(&mut |_| {}) {
                    tracing::warn!(%error, "a spare log segment could not be made");
                    break;
                }
            }
        }
    }

    fn take(&self) -> Result<Taken> {
        self.shared.snapshots.lock().running = true;
        let started = clock::now();
        let outcome = self.write_all();
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

    fn write_all(&self) -> Result<u64> {
        let frozen = self.shared.freeze_all(FREEZE_MAX)?;
        let mut bytes = 0;
        for view in frozen {
            bytes += self.write_one(view)?;
        }
        Ok(bytes)
    }

    fn write_one(&self, frozen: FrozenAt) -> Result<u64> {
        let (partition, group) = (frozen.partition, u32::from(frozen.partition));
        let fingerprint = fingerprint::fingerprint(self.shared.gate.registry().catalog());
        let Position { index, term } = frozen.position;
        let head = SnapshotHead {
            group,
            meta: SnapshotMeta { index, term, members: frozen.members.clone() },
            created_us: clock::wall_us(),
            state_us: frozen.timestamp_us,
            manifest: Bytes::copy_from_slice(&fingerprint.to_le_bytes()),
        };
        let mut pace = Pace::new(&self.shared.config.snapshot);
        let mut spend = |bytes| pace.spend(bytes);
        let mut writer = SnapshotWriter::create(self.disk.clone(), &self.directory, &head, &mut spend)?;
        frozen.rows.write(&mut |kind, section| {
            writer.section(kind)?;
            writer.write(section)
        })?;
        let bytes = writer.finish()?.file_bytes;
        // Frees the pages that the executor has replaced since.
        drop(frozen);
        snapshot::remove_old(&*self.disk, &self.directory, group)?;
        let executor = usize::from(partition) % self.shared.gate.executors();
        let compact = Input::Compact { partition, snapshot: head.meta };
        self.shared.gate.tell(executor, compact).context("the executor is gone")?;
        Ok(bytes)
    }
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
