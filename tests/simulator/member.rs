//! One node of the simulation: the server's core, log and recovery, with the threads' work done step by step.

use super::{damage, workload};
use rand::{Rng as _, rngs::SmallRng};
use std::{
    collections::{BTreeSet, VecDeque},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};
use tollgate::{
    call::{Arrival, Batch, PartitionId, ReplySink},
    core::{Core, Flushed},
    limits,
    node::{fingerprint::Fingerprints, recover, snapshot_thread},
    partition::FrozenAt,
    wire::volt::{frame, response::Response},
};
use tollgate_cluster::{
    disk::{Disk, FaultyDisk, Keep},
    log::{self, LogBatch, LogConfig, LogError, LogWriter},
    replica::RaftMessage,
    snapshot::{Kept, SnapshotError},
};
use tollgate_procedures::Registry;
use tollgate_schema::{catalog::Catalog, ring::Ring};

pub(super) const PARTITIONS: u16 = 2;
const LOG: &str = "/data/log";
pub(super) const SNAPSHOTS: &str = "/data/snapshots";

/// A reply as a client gets it: the operation's number, its VoltDB status, the scalar answer.
pub(super) type Reply = (i64, i8, Option<i64>);

/// Collects replies of one life of a member.
#[derive(Default)]
pub(super) struct Inbox {
    replies: Mutex<Vec<Reply>>,
    /// Calls that were answered from what is stored.
    pub(super) repeated: AtomicU64,
}

impl ReplySink for Inbox {
    fn send(&self, frames: Vec<u8>, arrivals: &[Arrival]) {
        let calls: u32 = arrivals.iter().map(|arrival| arrival.calls).sum();
        let mut replies = self.replies.lock().expect("one thread");
        let mut rest = &frames[..];
        let before = replies.len();
        while let Ok(frame::Frame::Whole { body, rest: after }) = frame::split(rest) {
            let response = Response::read(body).expect("a good response");
            let table = response.tables.iter().next().map(|t| t.expect("a table").to_values().expect("rows"));
            let answer = table.map(|rows| match rows[0][0] {
                tollgate_schema::value::Value::BigInt(v) => v,
                ref other => panic!("{other:?} is no scalar"),
            });
            replies.push((response.handle, response.status.code(), answer));
            rest = after;
        }
        assert_eq!(replies.len() - before, calls as usize, "as many frames as calls");
    }

    fn repeated(&self, _handle: i64) {
        self.repeated.fetch_add(1, Ordering::Relaxed);
    }
}

/// A member, up or down.
pub(super) struct Member {
    pub(super) id: u64,
    pub(super) disk: FaultyDisk,
    pub(super) clock_offset_us: i64,
    /// Grows with every crash: what was meant for an earlier life is void.
    pub(super) life: u32,
    pub(super) up: Option<Up>,
    voters: Vec<u64>,
    registry: Arc<Registry>,
    ring: Arc<Ring>,
    catalog: Arc<Catalog>,
    fingerprints: Fingerprints,
    /// Snapshots that were damaged while it was down.
    damaged: BTreeSet<PathBuf>,
}

/// What a running member has.
pub(super) struct Up {
    pub(super) core: Core,
    writer: LogWriter,
    /// Rounds the log has not done.
    pub(super) waiting: VecDeque<(LogBatch, Vec<(PartitionId, u64)>)>,
    /// A log write is under way.
    pub(super) disk_busy: bool,
    pub(super) inbox: Arc<Inbox>,
    views: Arc<Mutex<Vec<FrozenAt>>>,
    kept: Vec<Kept>,
    /// Snapshots that were passed over when it started.
    pub(super) snapshots_refused: u64,
}

impl Member {
    pub(super) fn new(
        id: u64,
        voters: Vec<u64>,
        seed: u64,
        registry: Arc<Registry>,
        ring: Arc<Ring>,
    ) -> Member {
        let catalog = Arc::new(registry.catalog().clone());
        let fingerprints = Fingerprints::of(&catalog);
        let disk = FaultyDisk::new(seed);
        let (clock_offset_us, life, up, damaged) = (0, 0, None, BTreeSet::new());
        Member { id, disk, clock_offset_us, life, up, voters, registry, ring, catalog, fingerprints, damaged }
    }

    /// Recovers from the disk, as the server does.
    ///
    /// # Panics
    /// If it can't: no fault here may damage what was durable.
    pub(super) fn start(&mut self, seed: u64) {
        assert!(self.up.is_none());
        let disk: Arc<dyn Disk> = Arc::new(self.disk.clone());
        let config =
            LogConfig { segment_bytes: 64 << 10, spares_at_open: 0, spares_kept: 1, ..LogConfig::default() };
        let mut opened = log::open(disk, Path::new(LOG), config)
            .unwrap_or_else(|e| panic!("member {} cannot open its log: {e}", self.id));
        let mut first = Flushed::default();
        let (mut places, mut kept, mut snapshots_refused) = (Vec::new(), Vec::new(), 0);
        for id in 0..PARTITIONS {
            let group = opened.take_group(u32::from(id));
            let settings = recover::group_config(id, self.id, self.voters.clone());
            let schema = (&self.catalog, &self.fingerprints);
            let snapshots = Path::new(SNAPSHOTS);
            let seed = seed ^ (u64::from(id) << 32) ^ self.id;
            let recovered = recover::partition(id, group, &settings, schema, &self.disk, snapshots, seed);
            let recovered = recovered
                .unwrap_or_else(|e| panic!("member {}, partition {id} cannot recover: {e:#}", self.id));
            first.log.groups.extend(recovered.first.log.groups);
            first.acks.extend(recovered.first.acks);
            places.push(Some(recovered.partition));
            kept.push(recovered.kept);
            snapshots_refused += recovered.snapshots_refused;
        }
        let core = Core::new(self.registry.clone(), self.ring.clone(), places);
        let mut waiting = VecDeque::new();
        if !first.log.is_empty() {
            waiting.push_back((first.log, first.acks));
        }
        let (inbox, views) = (Arc::default(), Arc::default());
        let (writer, disk_busy) = (opened.writer, false);
        self.up = Some(Up { core, writer, waiting, disk_busy, inbox, views, kept, snapshots_refused });
    }

    /// The process dies; the disk keeps what `keep` says of what was not synced.
    pub(super) fn crash(&mut self, keep: Keep, seed: u64) {
        self.up = None;
        self.life += 1;
        self.disk = self.disk.after_crash(keep, seed);
    }

    /// While it is down, the newest snapshot of one of its partitions is damaged, if that takes nothing away
    /// that was promised.
    pub(super) fn damage(&mut self, rng: &mut SmallRng) {
        let (partition, kind) = (rng.random_range(0..PARTITIONS), damage::KINDS[rng.random_range(0..4)]);
        let _ = damage::damage_newest(&self.disk, partition, &mut self.damaged, kind, rng);
    }

    pub(super) fn call(&mut self, batch: &Batch, now_us: i64) {
        let up = self.up.as_mut().expect("it is up");
        up.core.run(std::slice::from_ref(batch), now_us + self.clock_offset_us);
    }

    /// Takes a message; a refused one changes nothing.
    pub(super) fn step(&mut self, partition: PartitionId, message: RaftMessage) {
        let up = self.up.as_mut().expect("it is up");
        let partition = up.core.partition_mut(partition).expect("every member has every partition");
        if let Err(error) = partition.replica.step(message) {
            panic!("member {}: a peer's message was refused: {error}", self.id);
        }
    }

    /// Everything that can be done without the disk; what peers are to get.
    pub(super) fn pump(&mut self) -> Vec<(PartitionId, RaftMessage)> {
        let up = self.up.as_mut().expect("it is up");
        let room = up.waiting.len() < limits::LOG_BATCHES_IN_FLIGHT_MAX;
        let flushed = up.core.flush(room).unwrap_or_else(|e| panic!("member {}: {e}", self.id));
        if !flushed.log.is_empty() {
            up.waiting.push_back((flushed.log, flushed.acks));
        }
        flushed.messages
    }

    /// The log thread's step: everything that waits in one write and one sync.
    pub(super) fn write_log(&mut self) -> Result<(), LogError> {
        let up = self.up.as_mut().expect("it is up");
        up.disk_busy = false;
        let mut batch = LogBatch::default();
        let mut acks = Vec::new();
        for (waiting, its_acks) in up.waiting.drain(..) {
            batch.groups.extend(waiting.groups);
            acks.extend(its_acks);
        }
        up.writer.append(&batch)?;
        acks.into_iter().for_each(|(partition, number)| up.core.persisted(partition, number));
        Ok(())
    }

    /// Freezes all partitions; the views come when they are committed.
    pub(super) fn freeze(&mut self) {
        let up = self.up.as_mut().expect("it is up");
        let views = up.views.clone();
        up.core.freeze_all(&(Arc::new(move |view| views.lock().expect("one thread").push(view)) as _));
    }

    /// The snapshot thread's step: writes what was frozen and committed, and lets the log go. How many were
    /// written.
    pub(super) fn write_snapshots(&mut self) -> Result<u32, SnapshotError> {
        let up = self.up.as_mut().expect("it is up");
        let views = std::mem::take(&mut *up.views.lock().expect("one thread"));
        let mut written = 0;
        for view in views {
            let id = view.partition;
            let (disk, directory) = (Arc::new(self.disk.clone()) as Arc<dyn Disk>, Path::new(SNAPSHOTS));
            let snapshot =
                snapshot_thread::write(&disk, directory, view, self.fingerprints.own(), 0, &mut |_| {})?
                    .head
                    .meta;
            let cut = up.kept[usize::from(id)].finished(&*disk, directory, snapshot.clone())?;
            let partition = up.core.partition_mut(id).expect("every member has every partition");
            partition.replica.set_snapshot(&snapshot, Default::default());
            cut.iter().for_each(|cut| partition.replica.compact(cut));
            written += 1;
        }
        Ok(written)
    }

    pub(super) fn take_replies(&mut self) -> Vec<Reply> {
        self.up
            .as_mut()
            .map(|up| std::mem::take(&mut *up.inbox.replies.lock().expect("one thread")))
            .unwrap_or_default()
    }

    pub(super) fn serves(&self, partition: PartitionId) -> bool {
        self.up.as_ref().is_some_and(|up| up.core.partitions().any(|p| p.id == partition && p.serves()))
    }

    pub(super) fn registry(&self) -> &Registry {
        &self.registry
    }
}

const _: fn() -> Registry = workload::registry;
