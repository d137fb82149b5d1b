//! The bytes of the node log, version 1 (docs/FORMAT.md). Pure: bytes in, values out; any bytes may come in.

use bytes::Bytes;
use raft::eraftpb::{Entry, EntryType, HardState};
use rkyv::rancor;
use rkyv::with::InlineAsBox;
use rkyv::{Archive, Serialize};

use super::batch::{GroupAppend, LogStart, Membership};

pub(super) const FORMAT_VERSION: u32 = 1;
pub(super) const SEGMENT_HEADER_BYTES: u64 = 64;
pub(super) const RECORD_HEADER_BYTES: usize = 32;
/// Records start at multiples of this.
pub(super) const RECORD_ALIGN: u64 = 8;
/// Largest payload of a record; what fits the archive's 32-bit pointers with room to spare.
pub(super) const PAYLOAD_BYTES_MAX: usize = 1 << 30;

const SEGMENT_MAGIC: [u8; 8] = *b"TOLLGLOG";
const RECORD_MAGIC: [u8; 4] = *b"TGLR";

// The archived types of version 1. Frozen: a change is a new version beside them.

#[derive(Archive, Serialize)]
struct BatchV1<'a> {
    groups: Vec<GroupV1<'a>>,
}

#[derive(Archive, Serialize)]
struct GroupV1<'a> {
    group: u32,
    start: Option<StartV1>,
    entries: Vec<EntryV1<'a>>,
    hard_state: Option<HardStateV1>,
}

#[derive(Archive, Serialize)]
struct StartV1 {
    reset: bool,
    index: u64,
    term: u64,
    members: MembersV1,
}

#[derive(Archive, Serialize)]
struct MembersV1 {
    voters: Vec<u64>,
    voters_outgoing: Vec<u64>,
    learners: Vec<u64>,
    learners_next: Vec<u64>,
    auto_leave: bool,
}

#[derive(Archive, Serialize)]
struct EntryV1<'a> {
    index: u64,
    term: u64,
    kind: u8,
    #[rkyv(with = InlineAsBox)]
    data: &'a [u8],
}

#[derive(Archive, Serialize)]
struct HardStateV1 {
    term: u64,
    vote: u64,
    commit: u64,
}

const KIND_BLOCK: u8 = 0;
const KIND_MEMBERSHIP: u8 = 1;

/// Larger segment numbers, sequences and indexes are damage: no log gets there, and whoever adds one to a
/// smaller one need not think of the end.
pub(super) const COUNT_MAX: u64 = i64::MAX as u64;

/// The header of a segment file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SegmentHeader {
    pub(super) version: u32,
    pub(super) number: u64,
    pub(super) first_sequence: u64,
}

impl SegmentHeader {
    pub(super) fn encode(self) -> [u8; SEGMENT_HEADER_BYTES as usize] {
        let mut bytes = [0u8; SEGMENT_HEADER_BYTES as usize];
        bytes[0..8].copy_from_slice(&SEGMENT_MAGIC);
        bytes[8..12].copy_from_slice(&self.version.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.number.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.first_sequence.to_le_bytes());
        let crc = Self::crc(&bytes);
        bytes[12..16].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// The header at the start of a segment, or what is wrong with it.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, &'static str> {
        let Some(bytes) = bytes.get(..SEGMENT_HEADER_BYTES as usize) else {
            return Err("the segment is shorter than its header");
        };
        if bytes[0..8] != SEGMENT_MAGIC {
            return Err("the segment does not begin with TOLLGLOG");
        }
        if read_u32(bytes, 12) != Self::crc(bytes) {
            return Err("the checksum of the segment header does not match");
        }
        let (number, first_sequence) = (read_u64(bytes, 16), read_u64(bytes, 24));
        if number > COUNT_MAX {
            return Err("the segment's number is larger than any");
        }
        if first_sequence == 0 || first_sequence > COUNT_MAX {
            return Err("the segment's first sequence is none that a record has");
        }
        Ok(Self { version: read_u32(bytes, 8), number, first_sequence })
    }

    fn crc(bytes: &[u8]) -> u32 {
        crc32c::crc32c_append(crc32c::crc32c(&bytes[0..12]), &bytes[16..64])
    }
}

/// Where a record stands, and which.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RecordPlace {
    pub(super) segment: u64,
    pub(super) offset: u64,
    pub(super) sequence: u64,
    /// Every record up to this sequence was durable before this one was written.
    pub(super) synced: u64,
}

/// A record whose checksum matches.
#[derive(Debug, Clone)]
pub(super) struct RawRecord {
    pub(super) place: RecordPlace,
    pub(super) payload: Bytes,
}

impl RawRecord {
    /// Offset of the next record in the segment.
    pub(super) fn end(&self) -> u64 {
        let end = self.place.offset + (RECORD_HEADER_BYTES + self.payload.len()) as u64;
        end.next_multiple_of(RECORD_ALIGN)
    }
}

/// Writes the record of these groups into `buffer` (cleared first), padded to the alignment.
/// Returns the payload's length in bytes; `Err` with it when that is too large.
pub(super) fn encode_record<'a>(
    groups: impl Iterator<Item = &'a GroupAppend>,
    place: RecordPlace,
    buffer: &mut Vec<u8>,
) -> Result<usize, usize> {
    let batch = BatchV1 { groups: groups.map(archive_group).collect() };
    buffer.clear();
    buffer.resize(RECORD_HEADER_BYTES, 0);
    let filled = rkyv::api::high::to_bytes_in::<_, rancor::Panic>(&batch, std::mem::take(buffer))
        .expect("writing an archive into a vector has no failure");
    *buffer = filled;
    let payload_bytes = buffer.len() - RECORD_HEADER_BYTES;
    if payload_bytes > PAYLOAD_BYTES_MAX {
        return Err(payload_bytes);
    }
    buffer[0..4].copy_from_slice(&RECORD_MAGIC);
    buffer[4..8].copy_from_slice(&(payload_bytes as u32).to_le_bytes());
    buffer[16..24].copy_from_slice(&place.sequence.to_le_bytes());
    buffer[24..32].copy_from_slice(&place.synced.to_le_bytes());
    let crc = record_crc(place.segment, place.offset, buffer);
    buffer[8..12].copy_from_slice(&crc.to_le_bytes());
    let padded = buffer.len().next_multiple_of(RECORD_ALIGN as usize);
    buffer.resize(padded, 0);
    Ok(payload_bytes)
}

/// The record at `offset` of a segment, if a valid one stands there. `segment_bytes` is the whole segment.
pub(super) fn decode_record(segment: u64, segment_bytes: &Bytes, offset: u64) -> Option<RawRecord> {
    let at = usize::try_from(offset).ok()?;
    let header = segment_bytes.get(at..at.checked_add(RECORD_HEADER_BYTES)?)?;
    let record_bytes = record_len(header.try_into().expect("as many bytes were sliced"))?;
    let end = at.checked_add(record_bytes)?;
    if end > segment_bytes.len() {
        return None;
    }
    decode_record_alone(segment, offset, &segment_bytes.slice(at..end))
}

/// The same for bytes that hold nothing but the record, without its padding, as read from `offset` of the
/// segment.
pub(super) fn decode_record_alone(segment: u64, offset: u64, record: &Bytes) -> Option<RawRecord> {
    let header: &[u8; RECORD_HEADER_BYTES] = record.get(..RECORD_HEADER_BYTES)?.try_into().ok()?;
    if record_len(header)? != record.len() || read_u32(header, 8) != record_crc(segment, offset, record) {
        return None;
    }
    let place = RecordPlace { segment, offset, sequence: read_u64(header, 16), synced: read_u64(header, 24) };
    Some(RawRecord { place, payload: record.slice(RECORD_HEADER_BYTES..) })
}

/// Bytes of the record whose first [`RECORD_HEADER_BYTES`] are `header`, as far as the header can be
/// believed.
pub(super) fn record_len(header: &[u8; RECORD_HEADER_BYTES]) -> Option<usize> {
    let payload_bytes = read_u32(header, 4) as usize;
    (header[0..4] == RECORD_MAGIC && payload_bytes <= PAYLOAD_BYTES_MAX)
        .then_some(RECORD_HEADER_BYTES + payload_bytes)
}

/// The groups in a record's payload. Entries' data are slices of the payload, not copies.
pub(super) fn decode_payload(payload: &Bytes) -> Result<Vec<GroupAppend>, String> {
    let batch = rkyv::access::<ArchivedBatchV1<'static>, rancor::Error>(payload)
        .map_err(|error| format!("the record's payload is not a BatchV1: {error}"))?;
    batch.groups.iter().map(|group| restore_group(group, payload)).collect()
}

fn archive_group(group: &GroupAppend) -> GroupV1<'_> {
    GroupV1 {
        group: group.group,
        start: group.start.as_ref().map(|start| StartV1 {
            reset: start.reset,
            index: start.index,
            term: start.term,
            members: MembersV1 {
                voters: start.members.voters.clone(),
                voters_outgoing: start.members.voters_outgoing.clone(),
                learners: start.members.learners.clone(),
                learners_next: start.members.learners_next.clone(),
                auto_leave: start.members.auto_leave,
            },
        }),
        entries: group
            .entries
            .iter()
            .map(|entry| EntryV1 {
                index: entry.index,
                term: entry.term,
                kind: match entry.entry_type {
                    EntryType::EntryNormal => KIND_BLOCK,
                    EntryType::EntryConfChangeV2 => KIND_MEMBERSHIP,
                    EntryType::EntryConfChange => unreachable!("only ConfChangeV2 is ever proposed"),
                },
                data: &entry.data,
            })
            .collect(),
        hard_state: group.hard_state.as_ref().map(|state| HardStateV1 {
            term: state.term,
            vote: state.vote,
            commit: state.commit,
        }),
    }
}

fn restore_group(group: &ArchivedGroupV1<'static>, payload: &Bytes) -> Result<GroupAppend, String> {
    let numbers = |members: &rkyv::vec::ArchivedVec<rkyv::rend::unaligned::u64_ule>| {
        members.iter().map(|member| member.to_native()).collect::<Vec<u64>>()
    };
    let reachable = |index: u64| {
        if index <= COUNT_MAX { Ok(index) } else { Err(format!("index {index} is larger than any")) }
    };
    if let Some(start) = group.start.as_ref() {
        reachable(start.index.to_native())?;
    }
    let start = group.start.as_ref().map(|start| LogStart {
        reset: start.reset,
        index: start.index.to_native(),
        term: start.term.to_native(),
        members: Membership {
            voters: numbers(&start.members.voters),
            voters_outgoing: numbers(&start.members.voters_outgoing),
            learners: numbers(&start.members.learners),
            learners_next: numbers(&start.members.learners_next),
            auto_leave: start.members.auto_leave,
        },
    });
    let mut entries = Vec::with_capacity(group.entries.len());
    for entry in group.entries.iter() {
        let entry_type = match entry.kind {
            KIND_BLOCK => EntryType::EntryNormal,
            KIND_MEMBERSHIP => EntryType::EntryConfChangeV2,
            other => return Err(format!("EntryV1.kind is {other}, known are 0 and 1")),
        };
        let data = if entry.data.is_empty() { Bytes::new() } else { payload.slice_ref(&entry.data) };
        entries.push(Entry {
            index: reachable(entry.index.to_native())?,
            term: entry.term.to_native(),
            entry_type,
            data,
            ..Entry::default()
        });
    }
    let hard_state = group.hard_state.as_ref().map(|state| HardState {
        term: state.term.to_native(),
        vote: state.vote.to_native(),
        commit: state.commit.to_native(),
        ..HardState::default()
    });
    Ok(GroupAppend { group: group.group.to_native(), ready_number: 0, start, entries, hard_state })
}

/// CRC of a record that stands at `offset` of `segment`; `record` is header and payload without padding.
fn record_crc(segment: u64, offset: u64, record: &[u8]) -> u32 {
    let crc = crc32c::crc32c(&segment.to_le_bytes());
    let crc = crc32c::crc32c_append(crc, &offset.to_le_bytes());
    let crc = crc32c::crc32c_append(crc, &record[0..8]);
    crc32c::crc32c_append(crc, &record[12..])
}

fn read_u32(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes were sliced"))
}

fn read_u64(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes were sliced"))
}

#[cfg(test)]
mod tests;
