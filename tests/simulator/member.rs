//! One node of the simulation: the server's core, log and recovery, with the threads' work done step by step.

use super::workload;
use std::{
    collections::VecDeque,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};
use tollgate::{
    call::{Batch, PartitionId, ReplySink},
    core::{Core, Flushed},
    limits,
    node::{fingerprint::fingerprint, recover},
    partition::FrozenAt,
    wire::volt::{frame, response::Response},
};
use tollgate_cluster::{
    disk::{Disk, FaultyDisk, Keep},
    log::{self, LogBatch, LogConfig, LogError, LogWriter, SnapshotMeta},
    replica::{Position, RaftMessage},
    snapshot::{self, SnapshotError, SnapshotHead, SnapshotWriter},
};
use tollgate_procedures::Registry;
use tollgate_schema::{catalog::Catalog, ring::Ring};

pub(super) const PARTITIONS: u16 = 2;
const LOG: &str = "/data/log";
const SNAPSHOTS: &str = "/data/snapshots";

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
    fn send(&self, frames: Vec<u8>, calls: u32, _received_us: u64) {
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
    fingerprint: u32,
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
        let fingerprint = fingerprint(&catalog);
        let disk = FaultyDisk::new(seed);
        let (clock_offset_us, life, up) = (0, 0, None);
        Member { id, disk, clock_offset_us, life, up, voters, registry, ring, catalog, fingerprint }
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
        let mut places = Vec::new();
        for id in 0..PARTITIONS {
            let group = opened.take_group(u32::from(id));
            let settings = recover::group_config(id, self.id, self.voters.clone());
            let schema = (&self.catalog, self.fingerprint);
            let snapshots = Path::new(SNAPSHOTS);
            let seed = seed ^ (u64::from(id) << 32) ^ self.id;
            let recovered = recover::partition(id, group, &settings, schema, &self.disk, snapshots, seed);
            let (partition, flushed) = recovered
                .unwrap_or_else(|e| panic!("member {}, partition {id} cannot recover: {e:#}", self.id));
            first.log.groups.extend(flushed.log.groups);
            first.acks.extend(flushed.acks);
            places.push(Some(partition));
        }
        let core = Core::new(self.registry.clone(), self.ring.clone(), places);
        let mut waiting = VecDeque::new();
        if !first.log.is_empty() {
            waiting.push_back((first.log, first.acks));
        }
        let (inbox, views) = (Arc::default(), Arc::default());
        self.up = Some(Up { core, writer: opened.writer, waiting, disk_busy: false, inbox, views });
    }

    /// The process dies; the disk keeps what `keep` says of what was not synced.
    pub(super) fn crash(&mut self, keep: Keep, seed: u64) {
        self.up = None;
        self.life += 1;
        self.disk = self.disk.after_crash(keep, seed);
    }

    pub(super) fn call(&mut self, batch: &Batch, now_us: i64) {
        let up = self.up.as_mut().expect("it is up");
        up.core.run(batch, now_us + self.clock_offset_us);
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
            let group = u32::from(view.partition);
            let Position { index, term } = view.position;
            let meta = SnapshotMeta { index, term, members: view.members };
            let head = SnapshotHead {
                group,
                meta: meta.clone(),
                created_us: 0,
                state_us: view.timestamp_us,
                manifest: self.fingerprint.to_le_bytes().to_vec().into(),
            };
            let mut pace = |_| {};
            let disk = Arc::new(self.disk.clone());
            let mut writer = SnapshotWriter::create(disk, Path::new(SNAPSHOTS), &head, &mut pace)?;
            view.rows.write(&mut |kind, section| {
                writer.section(kind)?;
                writer.write(section)
            })?;
            writer.finish()?;
            snapshot::remove_old(&self.disk, Path::new(SNAPSHOTS), group)?;
            let partition = up.core.partition_mut(view.partition).expect("every member has every partition");
            partition.replica.set_snapshot(&meta, Default::default());
            partition.replica.compact(index);
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
