//! Describes a log directory for people, without changing it: `tollgate log inspect` and `tollgate log
//! verify`.

use std::path::Path;

use raft::eraftpb::EntryType;

use super::batch::GroupAppend;
use super::error::LogError;
use super::format::{self, RawRecord};
use super::recover::GroupsRead;
use super::scan::{self, SegmentFile};
use super::segment::segment_name;
use crate::disk::Disk;

/// A segment file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentSummary {
    /// Its file name.
    pub file: String,
    /// Its number.
    pub number: u64,
    /// Sequence of its first record.
    pub first_sequence: u64,
    /// Bytes of the file.
    pub bytes: u64,
}

/// A record: one round of the node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordSummary {
    /// File name of its segment.
    pub file: String,
    /// Offset in the segment, in bytes.
    pub offset: u64,
    /// Its sequence.
    pub sequence: u64,
    /// Bytes of its payload.
    pub payload_bytes: usize,
    /// Its parts.
    pub groups: Vec<GroupSummary>,
}

/// A group's part of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupSummary {
    /// The group.
    pub group: u32,
    /// (reset, index, term) when the part moves the start of the group's log.
    pub start: Option<(bool, u64, u64)>,
    /// (term, vote, commit) when the part carries a hard state.
    pub hard_state: Option<(u64, u64, u64)>,
    /// Its entries.
    pub entries: Vec<EntrySummary>,
}

/// An entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntrySummary {
    /// Index in the group's log.
    pub index: u64,
    /// Term of the leader that made it.
    pub term: u64,
    /// Whether it changes the group's members rather than carry a block.
    pub membership: bool,
    /// Bytes of its data.
    pub data_bytes: usize,
}

/// Totals of a log directory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogReport {
    /// The segments, oldest first.
    pub segments: Vec<SegmentSummary>,
    /// Valid records.
    pub records: u64,
    /// Entries in them.
    pub entries: u64,
    /// File name and offset of an unacknowledged write behind the end of the log.
    pub torn: Option<(String, u64)>,
}

/// Calls `visit` for each record in order, then returns the totals. Stops at damage with the error that
/// recovery would stop with.
pub fn inspect(
    disk: &dyn Disk,
    directory: &Path,
    visit: &mut dyn FnMut(RecordSummary),
) -> Result<LogReport, LogError> {
    let segments = scan::read_segments(disk, directory)?;
    let mut report = LogReport {
        segments: segments
            .iter()
            .map(|segment| SegmentSummary {
                file: segment_name(segment.header.number),
                number: segment.header.number,
                first_sequence: segment.header.first_sequence,
                bytes: segment.bytes.len() as u64,
            })
            .collect(),
        ..LogReport::default()
    };
    let mut groups = GroupsRead::default();
    let tail = scan::scan(&segments, &mut |segment, record| {
        let parts = format::decode_payload(&record.payload)
            .map_err(|reason| LogError::corrupt(&segment.path, record.place.offset, reason))?;
        let summary = summarize(segment, &record, &parts);
        report.records += 1;
        report.entries += parts.iter().map(|part| part.entries.len() as u64).sum::<u64>();
        groups.apply(parts, segment, record.place.offset)?;
        visit(summary);
        Ok(())
    })?;
    groups.check(&segments)?;
    report.torn = tail.filter(|tail| tail.torn).map(|tail| (segment_name(tail.segment), tail.offset));
    Ok(report)
}

/// Reads the whole log and checks all that recovery checks.
pub fn verify(disk: &dyn Disk, directory: &Path) -> Result<LogReport, LogError> {
    inspect(disk, directory, &mut |_| ())
}

fn summarize(segment: &SegmentFile, record: &RawRecord, parts: &[GroupAppend]) -> RecordSummary {
    let groups = parts
        .iter()
        .map(|part| GroupSummary {
            group: part.group,
            start: part.start.as_ref().map(|start| (start.reset, start.index, start.term)),
            hard_state: part.hard_state.as_ref().map(|state| (state.term, state.vote, state.commit)),
            entries: part
                .entries
                .iter()
                .map(|entry| EntrySummary {
                    index: entry.index,
                    term: entry.term,
                    membership: entry.entry_type == EntryType::EntryConfChangeV2,
                    data_bytes: entry.data.len(),
                })
                .collect(),
        })
        .collect();
    RecordSummary {
        file: segment_name(segment.header.number),
        offset: record.place.offset,
        sequence: record.place.sequence,
        payload_bytes: record.payload.len(),
        groups,
    }
}
