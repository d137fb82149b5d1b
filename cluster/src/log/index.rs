//! Where on disk each entry of each group stands: written by the log thread, read by executors whose view no
//! longer holds an entry in memory. The only state the two threads share; the lock is held for a few
//! instructions.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use raft::eraftpb::Entry;
use rustc_hash::FxHashMap;

use super::format::{self, RECORD_HEADER_BYTES};
use crate::disk::DiskFile;

/// The record an entry is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Location {
    pub(super) segment: u64,
    pub(super) offset: u64,
}

/// Entries of one group from `first_index` up to the next run stand in one record.
#[derive(Debug, Clone, Copy)]
struct Run {
    first_index: u64,
    location: Location,
}

struct Found {
    location: Location,
    file: Arc<dyn DiskFile>,
    indexes: Range<u64>,
}

#[derive(Default)]
struct Inner {
    groups: FxHashMap<u32, VecDeque<Run>>,
    files: BTreeMap<u64, Arc<dyn DiskFile>>,
}

/// Shared map from (group, index) to the record on disk.
#[derive(Default)]
pub(crate) struct LogIndex(Mutex<Inner>);

impl LogIndex {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().expect("no code panics while it holds the index")
    }

    pub(super) fn add_segment(&self, segment: u64, file: Arc<dyn DiskFile>) {
        self.inner().files.insert(segment, file);
    }

    pub(super) fn remove_segment(&self, segment: u64) {
        self.inner().files.remove(&segment);
    }

    /// Entries from `first_index` on now stand at `location`; what was known at or behind that index is void.
    pub(super) fn add(&self, group: u32, first_index: u64, location: Location) {
        let mut inner = self.inner();
        let runs = inner.groups.entry(group).or_default();
        while runs.back().is_some_and(|run| run.first_index >= first_index) {
            runs.pop_back();
        }
        runs.push_back(Run { first_index, location });
    }

    /// Forgets entries up to `index`.
    pub(super) fn compact(&self, group: u32, index: u64) {
        let mut inner = self.inner();
        let Some(runs) = inner.groups.get_mut(&group) else { return };
        while runs.get(1).is_some_and(|next| next.first_index <= index + 1) {
            runs.pop_front();
        }
    }

    /// Forgets all entries of a group.
    pub(super) fn clear(&self, group: u32) {
        self.inner().groups.remove(&group);
    }

    /// The record of an entry, and the indexes for which it is the right one: entries in it beyond were
    /// replaced later.
    fn locate(&self, group: u32, index: u64) -> Option<Found> {
        let inner = self.inner();
        let runs = inner.groups.get(&group)?;
        let after = runs.partition_point(|run| run.first_index <= index);
        let run = runs.get(after.checked_sub(1)?)?;
        let file = inner.files.get(&run.location.segment)?.clone();
        let end = runs.get(after).map_or(u64::MAX, |next| next.first_index);
        Some(Found { location: run.location, file, indexes: run.first_index..end })
    }

    /// Reads the record that holds an entry and returns that group's entries that are valid in it, or why
    /// that failed.
    pub(super) fn read(&self, group: u32, index: u64) -> Result<Vec<Entry>, String> {
        let Found { location, file, indexes } = self
            .locate(group, index)
            .ok_or_else(|| format!("entry {index} of group {group} has no place in the log"))?;
        let at = |what: &str| format!("{what} (segment {}, offset {})", location.segment, location.offset);
        let mut header = [0u8; RECORD_HEADER_BYTES];
        file.read_at(location.offset, &mut header).map_err(|error| at(&error.to_string()))?;
        let record_bytes = format::record_len(&header).ok_or_else(|| at("there is no record"))?;
        let mut record = vec![0u8; record_bytes];
        file.read_at(location.offset, &mut record).map_err(|error| at(&error.to_string()))?;
        let record = format::decode_record_alone(location.segment, location.offset, &Bytes::from(record))
            .ok_or_else(|| at("the record's checksum does not match"))?;
        let mut entries: Vec<Entry> = Vec::new();
        for part in format::decode_payload(&record.payload)?.into_iter().filter(|part| part.group == group) {
            if let Some(first) = part.entries.first() {
                entries.retain(|entry| entry.index < first.index); // the later part of a record replaces
            }
            entries.extend(part.entries);
        }
        entries.retain(|entry| indexes.contains(&entry.index));
        Ok(entries)
    }
}
