//! One group's part of the log as raft wants to see it: recent entries in memory, older ones read back from
//! their record.
//!
//! Runs where the executor does. Changes only by what its replica tells it; the disk follows, through the
//! log thread.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use raft::eraftpb::{ConfState, Entry, HardState, Snapshot};
use raft::{Error, GetEntriesContext, RaftState, Result, Storage, StorageError};

use super::batch::{LogStart, Membership};
use super::index::LogIndex;

/// What an entry costs in memory besides its data.
const ENTRY_OVERHEAD_BYTES: usize = 160;

/// A state machine's snapshot that a lagging member can be brought up with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotMeta {
    /// Index of the last entry in it.
    pub index: u64,
    /// Term of that entry.
    pub term: u64,
    /// Members of the group as of that entry.
    pub members: Membership,
}

/// A group's log, as raft's storage.
pub(crate) struct LogView {
    group: u32,
    /// The log begins behind this position.
    start_index: u64,
    start_term: u64,
    last_index: u64,
    /// (first index, term) of each run of entries of one term.
    terms: VecDeque<(u64, u64)>,
    /// The youngest entries, up to `last_index`.
    recent: VecDeque<Entry>,
    recent_bytes: usize,
    recent_bytes_limit: usize,
    /// Data of entries up to this index lie in a mapping and cost no memory of ours.
    mapped_through: u64,
    hard_state: HardState,
    /// Members as of the applied position the replica starts from.
    conf_state: ConfState,
    snapshot: Option<Snapshot>,
    index: Arc<LogIndex>,
    /// The record read back last.
    read_back: RefCell<Vec<Entry>>,
}

impl LogView {
    /// A view of a group's recovered log. `entries` directly follow `start`.
    pub(crate) fn new(
        group: u32,
        start: &LogStart,
        hard_state: HardState,
        conf_state: ConfState,
        entries: VecDeque<Entry>,
        index: Arc<LogIndex>,
        recent_bytes_limit: usize,
    ) -> Self {
        let mut view = Self {
            group,
            start_index: start.index,
            start_term: start.term,
            last_index: start.index,
            terms: VecDeque::new(),
            recent: VecDeque::new(),
            recent_bytes: 0,
            recent_bytes_limit,
            mapped_through: entries.back().map_or(0, |entry| entry.index),
            hard_state,
            conf_state,
            snapshot: None,
            index,
            read_back: RefCell::new(Vec::new()),
        };
        view.append(entries);
        view
    }

    /// Appends entries; the first may replace one that is there, and all behind it.
    pub(crate) fn append(&mut self, entries: impl IntoIterator<Item = Entry>) {
        let mut entries = entries.into_iter().peekable();
        let Some(first) = entries.peek() else { return };
        assert!(
            self.start_index < first.index && first.index <= self.last_index + 1,
            "entry {} does not fit a log of {}..={}",
            first.index,
            self.start_index + 1,
            self.last_index
        );
        self.truncate(first.index);
        for entry in entries {
            assert_eq!(entry.index, self.last_index + 1, "entries are consecutive");
            if self.terms.back().is_none_or(|&(_, term)| term != entry.term) {
                self.terms.push_back((entry.index, entry.term));
            }
            self.last_index = entry.index;
            self.recent_bytes += self.cost(&entry);
            self.recent.push_back(entry);
        }
    }

    /// Voids entries from `from_index` on.
    fn truncate(&mut self, from_index: u64) {
        if from_index > self.last_index {
            return;
        }
        self.read_back.borrow_mut().clear();
        while self.recent.back().is_some_and(|entry| entry.index >= from_index) {
            let entry = self.recent.pop_back().expect("it was just seen");
            self.recent_bytes -= self.cost(&entry);
        }
        while self.terms.back().is_some_and(|&(first, _)| first >= from_index) {
            self.terms.pop_back();
        }
        self.last_index = from_index - 1;
        self.mapped_through = self.mapped_through.min(self.last_index);
    }

    /// Entries up to `applied` may leave memory when there is too much of it; they are durable by then.
    pub(crate) fn evict(&mut self, applied: u64) {
        while self.recent_bytes > self.recent_bytes_limit
            && self.recent.front().is_some_and(|entry| entry.index <= applied)
        {
            let entry = self.recent.pop_front().expect("it was just seen");
            self.recent_bytes -= self.cost(&entry);
        }
    }

    /// Drops entries up to `index`, which a durable snapshot holds.
    pub(crate) fn compact(&mut self, index: u64) {
        assert!(
            self.start_index <= index && index <= self.last_index,
            "cannot compact to {index} a log of {}..={}",
            self.start_index + 1,
            self.last_index
        );
        self.start_term = self.term_of(index).expect("the index was checked");
        self.start_index = index;
        while self.recent.front().is_some_and(|entry| entry.index <= index) {
            let entry = self.recent.pop_front().expect("it was just seen");
            self.recent_bytes -= self.cost(&entry);
        }
        while self.terms.get(1).is_some_and(|&(first, _)| first <= index + 1) {
            self.terms.pop_front();
        }
        self.read_back.borrow_mut().clear();
    }

    /// Restarts the log behind an installed snapshot.
    pub(crate) fn reset(&mut self, meta: &SnapshotMeta) {
        self.start_index = meta.index;
        self.start_term = meta.term;
        self.last_index = meta.index;
        self.terms.clear();
        self.recent.clear();
        self.recent_bytes = 0;
        self.mapped_through = 0;
        self.conf_state = meta.members.to_conf_state();
        self.read_back.borrow_mut().clear();
    }

    pub(crate) fn set_hard_state(&mut self, hard_state: HardState) {
        self.hard_state = hard_state;
    }

    pub(crate) fn hard_state(&self) -> &HardState {
        &self.hard_state
    }

    /// Offers a snapshot to members that lag behind the start of the log.
    pub(crate) fn set_snapshot(&mut self, meta: &SnapshotMeta, manifest: Bytes) {
        let mut snapshot = Snapshot { data: manifest, ..Snapshot::default() };
        let metadata = snapshot.mut_metadata();
        metadata.index = meta.index;
        metadata.term = meta.term;
        metadata.set_conf_state(meta.members.to_conf_state());
        self.snapshot = Some(snapshot);
    }

    pub(crate) fn start_index(&self) -> u64 {
        self.start_index
    }

    /// The snapshot offered last.
    pub(crate) fn offered_snapshot(&self) -> Option<SnapshotMeta> {
        self.snapshot.as_ref().map(|snapshot| {
            let metadata = snapshot.get_metadata();
            SnapshotMeta {
                index: metadata.index,
                term: metadata.term,
                members: Membership::from_conf_state(metadata.get_conf_state()),
            }
        })
    }

    pub(crate) fn term_of(&self, index: u64) -> Option<u64> {
        if index == self.start_index {
            return Some(self.start_term);
        }
        if index < self.start_index || index > self.last_index {
            return None;
        }
        let after = self.terms.partition_point(|&(first, _)| first <= index);
        Some(self.terms[after - 1].1)
    }

    fn cost(&self, entry: &Entry) -> usize {
        let data_bytes = if entry.index <= self.mapped_through { 0 } else { entry.data.len() };
        ENTRY_OVERHEAD_BYTES + data_bytes
    }

    /// An entry that left memory, from its record on disk.
    fn read_back(&self, index: u64) -> Result<Entry> {
        let mut cached = self.read_back.borrow_mut();
        let find = |entries: &[Entry]| {
            let position = index.checked_sub(entries.first()?.index)?;
            entries.get(position as usize).cloned()
        };
        if let Some(entry) = find(&cached) {
            return Ok(entry);
        }
        *cached = self.index.read(self.group, index).map_err(other_error)?;
        let entry =
            find(&cached).ok_or_else(|| other_error(format!("entry {index} is not in its record")))?;
        if self.term_of(index) != Some(entry.term) {
            return Err(other_error(format!("entry {index} in the log has term {}", entry.term)));
        }
        Ok(entry)
    }
}

fn other_error(reason: String) -> Error {
    Error::Store(StorageError::Other(reason.into()))
}

impl Storage for LogView {
    fn initial_state(&self) -> Result<RaftState> {
        Ok(RaftState::new(self.hard_state.clone(), self.conf_state.clone()))
    }

    fn entries(
        &self,
        low: u64,
        high: u64,
        max_size: impl Into<Option<u64>>,
        _context: GetEntriesContext,
    ) -> Result<Vec<Entry>> {
        if low <= self.start_index {
            return Err(Error::Store(StorageError::Compacted));
        }
        assert!(
            high <= self.last_index + 1,
            "entries up to {high} asked of a log that ends at {}",
            self.last_index
        );
        let bytes_limit = max_size.into().unwrap_or(u64::MAX);
        let first_recent = self.last_index + 1 - self.recent.len() as u64;
        let mut entries = Vec::new();
        let mut bytes = 0u64;
        for index in low..high {
            let entry = if index >= first_recent {
                self.recent[(index - first_recent) as usize].clone()
            } else {
                self.read_back(index)?
            };
            bytes += (entry.data.len() + ENTRY_WIRE_OVERHEAD_BYTES) as u64;
            if bytes > bytes_limit && !entries.is_empty() {
                break;
            }
            entries.push(entry);
        }
        Ok(entries)
    }

    fn term(&self, index: u64) -> Result<u64> {
        match self.term_of(index) {
            Some(term) => Ok(term),
            None if index < self.start_index => Err(Error::Store(StorageError::Compacted)),
            None => Err(Error::Store(StorageError::Unavailable)),
        }
    }

    fn first_index(&self) -> Result<u64> {
        Ok(self.start_index + 1)
    }

    fn last_index(&self) -> Result<u64> {
        Ok(self.last_index)
    }

    fn snapshot(&self, request_index: u64, to: u64) -> Result<Snapshot> {
        // A snapshot whose members do not include the receiver would be dropped by it, and it would stay
        // paused for ever.
        self.snapshot
            .as_ref()
            .filter(|snapshot| {
                let metadata = snapshot.get_metadata();
                metadata.index >= request_index
                    && metadata.index >= self.start_index
                    && Membership::from_conf_state(metadata.get_conf_state()).contains(to)
            })
            .cloned()
            .ok_or(Error::Store(StorageError::SnapshotTemporarilyUnavailable))
    }
}

/// What an entry costs in a message besides its data, at most.
const ENTRY_WIRE_OVERHEAD_BYTES: usize = 32;

#[cfg(test)]
mod tests;
