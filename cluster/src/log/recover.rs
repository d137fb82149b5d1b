//! Reads the node log back at start: every durable record into the state of its groups, entries' data without
//! a copy.
//!
//! Never mends damage: either the log ends in a write nobody was told of, which is cut, or it refuses with
//! what and where.

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use raft::eraftpb::{Entry, EntryType, HardState};

use super::batch::{GroupAppend, LogStart};
use super::error::LogError;
use super::format;
use super::index::{Location, LogIndex};
use super::ledger::Ledger;
use super::scan::{self, SegmentFile, Tail};
use super::segment::{SparePool, parse_spare_name, segment_name};
use super::writer::{LogConfig, LogWriter};
use crate::disk::Disk;

/// What the log holds of one group.
#[derive(Clone)]
pub struct RecoveredGroup {
    /// The group.
    pub group: u32,
    pub(crate) state: GroupRead,
    pub(crate) index: Arc<LogIndex>,
}

impl RecoveredGroup {
    /// Where the group's log begins; `None` for a group the log has never heard of.
    #[must_use]
    pub fn start(&self) -> Option<&LogStart> {
        self.state.start.as_ref()
    }

    /// Index of the last entry, or of the start.
    #[must_use]
    pub fn last_index(&self) -> u64 {
        self.state.last_index()
    }

    /// (index, data) of each block behind the start, in order: of entries that are neither raft's own nor
    /// changes of members.
    pub fn blocks(&self) -> impl Iterator<Item = (u64, &Bytes)> {
        let is_block = |entry: &&Entry| entry.entry_type == EntryType::EntryNormal && !entry.data.is_empty();
        self.state.entries.iter().filter(is_block).map(|entry| (entry.index, &entry.data))
    }

    /// (index, term, data) of each entry behind the start, in order. A replica hands out the committed ones
    /// itself; this is for tools and tests.
    pub fn entries(&self) -> impl Iterator<Item = (u64, u64, &Bytes)> {
        self.state.entries.iter().map(|entry| (entry.index, entry.term, &entry.data))
    }
}

/// A group's state as the records tell it.
#[derive(Debug, Default, Clone)]
pub(crate) struct GroupRead {
    pub(crate) start: Option<LogStart>,
    pub(crate) hard_state: HardState,
    /// All entries behind `start`, in order.
    pub(crate) entries: VecDeque<Entry>,
}

impl GroupRead {
    pub(crate) fn last_index(&self) -> u64 {
        let start = self.start.as_ref().map_or(0, |start| start.index);
        self.entries.back().map_or(start, |entry| entry.index)
    }

    /// Whether everything between the start, the first entry and the commit index is there; `Err` says what
    /// is not.
    fn check(&self) -> Result<(), String> {
        let start = self.start.as_ref().map_or(0, |start| start.index);
        if let Some(first) = self.entries.front().filter(|first| first.index != start + 1) {
            return Err(format!("entries {} to {} are missing", start + 1, first.index - 1));
        }
        let (commit, last_index) = (self.hard_state.commit, self.last_index());
        if commit > last_index {
            return Err(format!("entries up to {commit} are committed, the log ends at {last_index}"));
        }
        Ok(())
    }

    /// Applies one part of a record; `Err` says what does not fit together.
    fn apply(&mut self, part: GroupAppend) -> Result<(), String> {
        if let Some(start) = part.start {
            while self.entries.front().is_some_and(|entry| start.reset || entry.index <= start.index) {
                self.entries.pop_front();
            }
            self.start = Some(start);
        }
        let start_index = self.start.as_ref().map_or(0, |start| start.index);
        for entry in part.entries {
            if entry.index <= start_index {
                return Err(format!("entry {} is not behind the start at {start_index}", entry.index));
            }
            while self.entries.back().is_some_and(|last| last.index >= entry.index) {
                self.entries.pop_back();
            }
            if entry.index != self.last_index() + 1 {
                // What is missing was in a segment that went, because a start that is still to come made it
                // needless.
                self.entries.clear();
            }
            self.entries.push_back(entry);
        }
        if let Some(hard_state) = part.hard_state {
            self.hard_state = hard_state;
        }
        Ok(())
    }
}

/// All groups, as the records tell it.
#[derive(Default)]
pub(super) struct GroupsRead(BTreeMap<u32, GroupRead>);

impl GroupsRead {
    /// Applies the parts of the record at `offset` of a segment.
    pub(super) fn apply(
        &mut self,
        parts: Vec<GroupAppend>,
        segment: &SegmentFile,
        offset: u64,
    ) -> Result<(), LogError> {
        for part in parts {
            let group = part.group;
            self.0.entry(group).or_default().apply(part).map_err(|reason| {
                LogError::corrupt(&segment.path, offset, format!("group {group}: {reason}"))
            })?;
        }
        Ok(())
    }

    /// Checks each group once all records are read.
    pub(super) fn check(&self, segments: &[SegmentFile]) -> Result<(), LogError> {
        for (number, group) in &self.0 {
            let first_segment = segments.first().expect("groups come from records in segments");
            group.check().map_err(|reason| {
                LogError::corrupt(&first_segment.path, 0, format!("group {number}: {reason}"))
            })?;
        }
        Ok(())
    }
}

/// What recovery found, for one log line and for metrics.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RecoveryReport {
    /// Segments read.
    pub segments: usize,
    /// Records read.
    pub records: u64,
    /// Bytes of segments read.
    pub bytes: u64,
    /// File name and offset of an unacknowledged write that was cut off.
    pub torn: Option<(String, u64)>,
}

/// An opened log: the writer for the log thread and each group's past for its replica.
pub struct OpenedLog {
    /// For the log thread.
    pub writer: LogWriter,
    /// What was found.
    pub report: RecoveryReport,
    groups: GroupsRead,
    index: Arc<LogIndex>,
}

impl OpenedLog {
    /// Groups the log knows and that were not taken yet.
    #[must_use]
    pub fn groups(&self) -> Vec<u32> {
        self.groups.0.keys().copied().collect()
    }

    /// Takes a group's past out, an empty one if the log has never heard of it.
    pub fn take_group(&mut self, group: u32) -> RecoveredGroup {
        let state = self.groups.0.remove(&group).unwrap_or_default();
        RecoveredGroup { group, state, index: self.index.clone() }
    }
}

/// Opens the node log in `directory` (created if missing), recovering what is there.
pub fn open(disk: Arc<dyn Disk>, directory: &Path, config: LogConfig) -> Result<OpenedLog, LogError> {
    disk.create_dir(directory).map_err(LogError::io("create", directory))?;
    let segments = scan::read_segments(&*disk, directory)?;
    let index = Arc::new(LogIndex::default());
    let mut groups = GroupsRead::default();
    let mut ledger = Ledger::new(index.clone());
    for segment in &segments {
        ledger.add_segment(segment.header.number, true);
    }
    let tail = scan::scan(&segments, &mut |segment, record| {
        let place = record.place;
        let parts = format::decode_payload(&record.payload)
            .map_err(|reason| LogError::corrupt(&segment.path, place.offset, reason))?;
        let location = Location { segment: place.segment, offset: place.offset };
        ledger.add_record(location, place.sequence, record.end());
        for part in &parts {
            ledger.add_part(part, location);
        }
        groups.apply(parts, segment, place.offset)
    })?;
    groups.check(&segments)?;
    if let Some(last) = segments.last() {
        ledger.last_sequence = ledger.last_sequence.max(last.header.first_sequence - 1);
    }
    let report = RecoveryReport {
        segments: segments.len(),
        records: ledger.last_sequence,
        bytes: segments.iter().map(|segment| segment.bytes.len() as u64).sum(),
        torn: tail.as_ref().filter(|tail| tail.torn).map(|tail| (segment_name(tail.segment), tail.offset)),
    };
    keep_segments(&*disk, &segments, tail.as_ref(), &index)?;
    drop(segments);
    let spares = Arc::new(SparePool::new(disk.clone(), directory.to_path_buf()));
    for name in disk.list(directory).map_err(LogError::io("list", directory))? {
        if let Some(number) = parse_spare_name(&name) {
            spares.adopt(number, config.segment_bytes)?;
        }
    }
    while spares.ready_count() < config.spares_at_open {
        spares.make(config.segment_bytes, &mut |_| ())?;
    }
    let writer = LogWriter::new(config, ledger, spares);
    Ok(OpenedLog { writer, report, groups, index })
}

/// Hands the segments over to the writer, cutting the last one where the log ends: that gives back its unused
/// part and removes a torn write. (Nothing depends on the cut: the next segment's header says where the log
/// went on.)
fn keep_segments(
    disk: &dyn Disk,
    segments: &[SegmentFile],
    tail: Option<&Tail>,
    index: &LogIndex,
) -> Result<(), LogError> {
    for segment in segments {
        let number = segment.header.number;
        let file = disk.open(&segment.path).map_err(LogError::io("open", &segment.path))?;
        if let Some(tail) =
            tail.filter(|tail| tail.segment == number && tail.offset < segment.bytes.len() as u64)
        {
            file.set_len(tail.offset).map_err(LogError::io("cut", &segment.path))?;
            file.sync().map_err(LogError::io("sync", &segment.path))?;
        }
        index.add_segment(number, file);
    }
    Ok(())
}
