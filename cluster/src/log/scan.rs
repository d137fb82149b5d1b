//! Walks the segments of a log directory and decides what is a record, what is a torn tail and what is
//! damage.
//!
//! Shared by recovery, which keeps what it finds, and by inspection, which describes it. Only reads. Accepts
//! any bytes.

use std::path::{Path, PathBuf};

use bytes::Bytes;

use super::error::LogError;
use super::format::{self, FORMAT_VERSION, RECORD_ALIGN, RawRecord, SEGMENT_HEADER_BYTES, SegmentHeader};
use super::segment::{parse_segment_name, segment_name};
use crate::disk::Disk;

/// A segment file and its header.
pub(super) struct SegmentFile {
    pub(super) path: PathBuf,
    pub(super) header: SegmentHeader,
    pub(super) bytes: Bytes,
}

/// What stands behind the last record of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tail {
    pub(super) segment: u64,
    /// Where the log ends.
    pub(super) offset: u64,
    /// Whether a write that was not acknowledged stands there.
    pub(super) torn: bool,
}

/// Opens all segments of a directory, oldest first, and checks that none is missing.
pub(super) fn read_segments(disk: &dyn Disk, directory: &Path) -> Result<Vec<SegmentFile>, LogError> {
    let names = disk.list(directory).map_err(LogError::io("list", directory))?;
    let mut segments: Vec<SegmentFile> = Vec::new();
    for number in names.iter().filter_map(|name| parse_segment_name(name)) {
        let path = directory.join(segment_name(number));
        let bytes = disk.read(&path).map_err(LogError::io("read", &path))?;
        let header = SegmentHeader::decode(&bytes).map_err(|reason| LogError::corrupt(&path, 0, reason))?;
        if header.version != FORMAT_VERSION {
            return Err(LogError::Version { path, found: header.version, known: FORMAT_VERSION });
        }
        if header.number != number {
            return Err(LogError::corrupt(&path, 16, format!("the header says segment {}", header.number)));
        }
        if let Some(previous) = segments.last() {
            if previous.header.number + 1 != number {
                let reason = format!("segment {} is missing", previous.header.number + 1);
                return Err(LogError::corrupt(&path, 0, reason));
            }
            if header.first_sequence < previous.header.first_sequence {
                return Err(LogError::corrupt(
                    &path,
                    24,
                    "its first record is older than the previous segment's",
                ));
            }
        }
        segments.push(SegmentFile { path, header, bytes });
    }
    Ok(segments)
}

/// Calls `visit` for each record of the log in order, with its segment. Returns where the log ends, `None`
/// without segments.
pub(super) fn scan(
    segments: &[SegmentFile],
    visit: &mut dyn FnMut(&SegmentFile, RawRecord) -> Result<(), LogError>,
) -> Result<Option<Tail>, LogError> {
    let mut tail = None;
    for (position, segment) in segments.iter().enumerate() {
        let next_first = segments.get(position + 1).map(|next| next.header.first_sequence);
        tail = Some(scan_segment(segment, next_first, visit)?);
    }
    Ok(tail)
}

fn scan_segment(
    segment: &SegmentFile,
    next_first: Option<u64>,
    visit: &mut dyn FnMut(&SegmentFile, RawRecord) -> Result<(), LogError>,
) -> Result<Tail, LogError> {
    let number = segment.header.number;
    let mut offset = SEGMENT_HEADER_BYTES;
    let mut expected = segment.header.first_sequence;
    while next_first.is_none_or(|next| expected < next) {
        match format::decode_record(number, &segment.bytes, offset) {
            Some(record) if record.place.sequence == expected => {
                offset = record.end();
                expected += 1;
                visit(segment, record)?;
            }
            _ => break,
        }
    }
    if let Some(next) = next_first {
        if expected < next {
            let reason = format!(
                "record {expected} is not valid, but the log goes on with record {next} in the next segment"
            );
            return Err(LogError::corrupt(&segment.path, offset, reason));
        }
        return Ok(Tail { segment: number, offset, torn: false });
    }
    let torn = check_tail(segment, offset, expected)?;
    Ok(Tail { segment: number, offset, torn })
}

/// Looks behind the end of the last segment for proof that the record missing there had been durable. Returns
/// whether anything at all stands there.
fn check_tail(segment: &SegmentFile, end: u64, missing: u64) -> Result<bool, LogError> {
    let bytes = &segment.bytes;
    let mut offset = end;
    while (offset as usize) < bytes.len() {
        if let Some(record) = format::decode_record(segment.header.number, bytes, offset)
            && record.place.synced >= missing
        {
            let reason = format!(
                "record {missing} is not valid, but record {} at offset {offset} says that it had been durable",
                record.place.sequence
            );
            return Err(LogError::corrupt(&segment.path, end, reason));
        }
        offset += RECORD_ALIGN;
    }
    Ok(bytes.get(end as usize..).is_some_and(|rest| rest.starts_with(b"TGLR")))
}
