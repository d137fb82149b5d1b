//! The books of the log: which segments there are, what each still holds, and the latest state of each group.
//!
//! Kept by recovery while it reads and by the writer while it appends, through the same code, so that both
//! agree.

use std::collections::BTreeMap;
use std::sync::Arc;

use raft::eraftpb::HardState;
use rustc_hash::FxHashMap;

use super::batch::{GroupAppend, LogStart};
use super::format::SEGMENT_HEADER_BYTES;
use super::index::{Location, LogIndex};

/// What is remembered of a group, to restate it at the head of each segment.
#[derive(Debug, Clone, Default)]
pub(super) struct GroupState {
    pub(super) start: Option<LogStart>,
    pub(super) hard_state: Option<HardState>,
}

/// What is remembered of a segment.
#[derive(Debug, Clone)]
pub(super) struct SegmentState {
    /// Bytes up to the end of its last record.
    pub(super) used_bytes: u64,
    /// Highest index of each group that has entries in it.
    last_index: FxHashMap<u32, u64>,
    /// Whether its bytes were handed out by recovery: then it must never be written again.
    pub(super) mapped: bool,
}

pub(super) struct Ledger {
    pub(super) segments: BTreeMap<u64, SegmentState>,
    pub(super) groups: BTreeMap<u32, GroupState>,
    pub(super) index: Arc<LogIndex>,
    /// Sequence of the last record, 0 if there is none.
    pub(super) last_sequence: u64,
}

impl Ledger {
    pub(super) fn new(index: Arc<LogIndex>) -> Self {
        Self { segments: BTreeMap::new(), groups: BTreeMap::new(), index, last_sequence: 0 }
    }

    pub(super) fn add_segment(&mut self, number: u64, mapped: bool) {
        let state =
            SegmentState { used_bytes: SEGMENT_HEADER_BYTES, last_index: FxHashMap::default(), mapped };
        let known = self.segments.insert(number, state);
        assert!(known.is_none(), "segment {number} is added once");
    }

    /// Notes a record that stands at `location` and ends at `end`.
    pub(super) fn add_record(&mut self, location: Location, sequence: u64, end: u64) {
        let segment = self.segments.get_mut(&location.segment).expect("a record's segment was added before");
        segment.used_bytes = end;
        self.last_sequence = sequence;
    }

    /// Notes one part of the record at `location`. Returns whether the part may have freed segments.
    pub(super) fn add_part(&mut self, part: &GroupAppend, location: Location) -> bool {
        let state = self.groups.entry(part.group).or_default();
        if let Some(hard_state) = &part.hard_state {
            state.hard_state = Some(hard_state.clone());
        }
        let mut moved = false;
        if let Some(start) = &part.start {
            moved = start.reset || state.start.as_ref().is_none_or(|known| known.index < start.index);
            state.start = Some(start.clone());
            if start.reset {
                self.index.clear(part.group);
                for segment in self.segments.values_mut() {
                    segment.last_index.remove(&part.group);
                }
            } else {
                self.index.compact(part.group, start.index);
            }
        }
        if let (Some(first), Some(last)) = (part.entries.first(), part.entries.last()) {
            self.index.add(part.group, first.index, location);
            let segment =
                self.segments.get_mut(&location.segment).expect("a record's segment was added before");
            let highest = segment.last_index.entry(part.group).or_default();
            *highest = (*highest).max(last.index);
        }
        moved
    }

    /// The oldest segment, if it is older than `open` and no group needs an entry in it.
    pub(super) fn oldest_unneeded(&self, open: u64) -> Option<u64> {
        let (&number, segment) = self.segments.first_key_value()?;
        let needed = segment.last_index.iter().any(|(group, &last)| {
            self.groups
                .get(group)
                .and_then(|state| state.start.as_ref())
                .is_none_or(|start| last > start.index)
        });
        (number < open && !needed).then_some(number)
    }

    /// Every group as it stands, to be restated at the head of a segment.
    pub(super) fn restate(&self) -> Vec<GroupAppend> {
        self.groups
            .iter()
            .map(|(&group, state)| GroupAppend {
                group,
                start: state.start.clone().map(|start| LogStart { reset: false, ..start }),
                hard_state: state.hard_state.clone(),
                ..GroupAppend::default()
            })
            .collect()
    }
}
