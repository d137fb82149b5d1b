//! One member: a replica, its log on a faulty disk, and a state machine that remembers everything it applied.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use tollgate_cluster::disk::FaultyDisk;
use tollgate_cluster::log::{self, LogBatch, LogConfig, LogWriter, SnapshotMeta};
use tollgate_cluster::replica::{EntryKind, GroupConfig, Outbox, RaftMessage, Replica, RoleChange};
use tollgate_cluster::snapshot::{Kept, SnapshotHead, SnapshotWriter, open_latest};

use crate::oracle::Oracle;

const GROUP: u32 = 1;

/// What a member has while it runs.
pub(crate) struct Running {
    pub(crate) replica: Replica,
    writer: LogWriter,
    /// Rounds on their way to the disk.
    unwritten: VecDeque<LogBatch>,
    pub(crate) applied_index: u64,
    /// Blocks applied since the group was founded.
    pub(crate) applied: Vec<Bytes>,
    committed_index: u64,
    kept: Kept,
}

fn log_config() -> LogConfig {
    LogConfig { segment_bytes: 4096, spares_kept: 1, spares_at_open: 0, ..LogConfig::default() }
}

fn encode_state(blocks: &[Bytes]) -> Bytes {
    let mut state = BytesMut::new();
    for block in blocks {
        state.put_u32(block.len() as u32);
        state.put_slice(block);
    }
    state.freeze()
}

fn decode_state(mut state: Bytes) -> Vec<Bytes> {
    let mut blocks = Vec::new();
    while state.has_remaining() {
        let block_bytes = state.get_u32() as usize;
        blocks.push(state.split_to(block_bytes));
    }
    blocks
}

/// The snapshot that the log may be cut for.
type Cut = Option<SnapshotMeta>;

/// Makes a state durable as a snapshot file; `None` when the power goes.
fn write_snapshot(disk: &FaultyDisk, kept: &mut Kept, meta: &SnapshotMeta, state: &Bytes) -> Option<Cut> {
    let head =
        SnapshotHead { group: GROUP, meta: meta.clone(), created_us: 0, state_us: 0, manifest: Bytes::new() };
    let directory = Path::new("snap");
    let mut pace = |_| ();
    let written =
        SnapshotWriter::create(Arc::new(disk.clone()), directory, &head, &mut pace).and_then(|mut writer| {
            writer.section(1)?;
            writer.write(state)?;
            writer.finish()?;
            kept.finished(disk, directory, meta.clone())
        });
    written.ok()
}

impl Running {
    /// Starts from the disk; `None` when the power goes meanwhile.
    pub(crate) fn start(disk: &FaultyDisk, member: u64, voters: &[u64], seed: u64) -> Option<Self> {
        let latest = open_latest(disk, Path::new("snap"), GROUP, u64::MAX).ok()?;
        let opened = log::open(Arc::new(disk.clone()), Path::new("log"), log_config());
        let mut opened = match opened {
            Err(log::LogError::Io { .. }) if disk.is_crashed() => return None,
            opened => opened.unwrap(),
        };
        let snapshot =
            latest.snapshot.map(|snapshot| (snapshot.head.meta, snapshot.sections[0].data.clone()));
        let meta = snapshot.as_ref().map(|(meta, _)| meta);
        let config =
            GroupConfig { recent_bytes_max: 2000, ..GroupConfig::new(GROUP, member, voters.to_vec()) };
        let replica = Replica::new(&config, opened.take_group(GROUP), meta, seed).unwrap();
        let mut running = Self {
            applied_index: replica.applied_index(),
            committed_index: replica.committed_index(),
            replica,
            writer: opened.writer,
            unwritten: VecDeque::new(),
            applied: Vec::new(),
            kept: Kept::recovered(GROUP, meta.cloned()),
        };
        if let Some((meta, state)) = snapshot {
            running.applied = decode_state(state.clone());
            running.replica.set_snapshot(&meta, state);
        }
        Some(running)
    }

    /// Carries out what the replica wants, up to handing its appends to the disk. Returns messages to send.
    pub(crate) fn process(&mut self, oracle: &mut Oracle) -> Vec<RaftMessage> {
        let mut out = Outbox::default();
        while self.replica.poll(&mut out) {}
        if let Some(snapshot) = out.snapshot_to_install {
            self.applied = decode_state(snapshot.manifest.clone());
            self.applied_index = snapshot.meta.index;
        }
        for entry in out.committed {
            if entry.position.index <= self.applied_index {
                continue;
            }
            assert_eq!(entry.position.index, self.applied_index + 1, "no entry is left out");
            oracle.commits(entry.position, &entry.data);
            self.applied_index = entry.position.index;
            if entry.kind == EntryKind::Block {
                self.applied.push(entry.data);
            }
        }
        self.replica.applied_to(self.applied_index);
        for change in out.role_changes {
            if let RoleChange::BecameLeader { term } = change
                && self.replica.is_leader()
            {
                oracle.leads(&self.replica, term);
            }
        }
        assert!(self.replica.committed_index() >= self.committed_index, "a commit index never decreases");
        self.committed_index = self.replica.committed_index();
        if !out.appends.is_empty() {
            self.unwritten.push_back(LogBatch { groups: out.appends });
        }
        out.messages
    }

    /// Writes up to `rounds` rounds as one record; false when the power goes.
    pub(crate) fn write(&mut self, rounds: usize) -> bool {
        let rounds = rounds.min(self.unwritten.len());
        let groups: Vec<_> = self.unwritten.drain(..rounds).flat_map(|batch| batch.groups).collect();
        let last = groups.last().map_or(0, |part| part.ready_number);
        if self.writer.append(&LogBatch { groups }).is_err() {
            return false;
        }
        self.replica.persisted(last);
        true
    }

    /// Takes a snapshot and drops the log before it, or before the snapshot before; false when the power
    /// goes.
    pub(crate) fn snapshot(&mut self, disk: &FaultyDisk, to_newest: bool) -> bool {
        let index = self.applied_index;
        if self.replica.applied_index() != index || index <= self.replica.start_index() {
            return true;
        }
        let term = self.replica.term_of(index).unwrap();
        let meta = SnapshotMeta { index, term, members: self.replica.members().clone() };
        let state = encode_state(&self.applied);
        let Some(before) = write_snapshot(disk, &mut self.kept, &meta, &state) else { return false };
        self.replica.set_snapshot(&meta, state);
        if let Some(cut) = if to_newest { Some(meta) } else { before } {
            self.replica.compact(&cut);
        }
        true
    }

    /// Takes a message; false when the power goes.
    pub(crate) fn receive(&mut self, disk: &FaultyDisk, message: RaftMessage) -> bool {
        if let Some((meta, state)) = message.snapshot()
            && meta.index > self.applied_index
            && write_snapshot(disk, &mut self.kept, &meta, &state).is_none()
        {
            return false;
        }
        // Over the wire and back, as a transport would.
        let mut bytes = Vec::new();
        message.encode(&mut bytes);
        let decoded = RaftMessage::decode(&Bytes::from(bytes)).unwrap();
        assert_eq!(decoded, message);
        self.replica.step(decoded).unwrap();
        true
    }
}
