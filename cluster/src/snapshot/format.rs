//! The bytes of a snapshot file, version 1. Pure: bytes in, values out; any bytes may come in.

use bytes::Bytes;
use rkyv::rancor;
use rkyv::with::InlineAsBox;
use rkyv::{Archive, Serialize};

use super::{Section, SnapshotHead};
use crate::log::{Membership, SnapshotMeta};

pub(super) const FORMAT_VERSION: u32 = 1;
pub(super) const FILE_HEADER_BYTES: usize = 24;
pub(super) const SECTION_HEADER_BYTES: usize = 24;
pub(super) const FOOTER_BYTES: usize = 32;
pub(super) const ALIGN: u64 = 8;

const FILE_MAGIC: [u8; 8] = *b"TOLLSNAP";
const SECTION_MAGIC: [u8; 4] = *b"TSEC";
const FOOTER_MAGIC: [u8; 8] = *b"TOLLDONE";

// The archived types of version 1. Frozen: a change is a new version beside them.

#[derive(Archive, Serialize)]
struct SnapshotHeadV1<'a> {
    group: u32,
    index: u64,
    term: u64,
    members: MembersV1,
    created_us: i64,
    state_us: i64,
    #[rkyv(with = InlineAsBox)]
    manifest: &'a [u8],
}

#[derive(Archive, Serialize)]
struct MembersV1 {
    voters: Vec<u64>,
    voters_outgoing: Vec<u64>,
    learners: Vec<u64>,
    learners_next: Vec<u64>,
    auto_leave: bool,
}

/// What is wrong with a file.
pub(super) enum Flaw {
    Version(u32),
    Reason(String),
}

impl<T: Into<String>> From<T> for Flaw {
    fn from(reason: T) -> Self {
        Self::Reason(reason.into())
    }
}

/// File header and head, padded.
pub(super) fn encode_head(head: &SnapshotHead) -> Vec<u8> {
    let members = &head.meta.members;
    let archive = SnapshotHeadV1 {
        group: head.group,
        index: head.meta.index,
        term: head.meta.term,
        members: MembersV1 {
            voters: members.voters.clone(),
            voters_outgoing: members.voters_outgoing.clone(),
            learners: members.learners.clone(),
            learners_next: members.learners_next.clone(),
            auto_leave: members.auto_leave,
        },
        created_us: head.created_us,
        state_us: head.state_us,
        manifest: &head.manifest,
    };
    let mut bytes = rkyv::api::high::to_bytes_in::<_, rancor::Panic>(&archive, vec![0u8; FILE_HEADER_BYTES])
        .expect("writing an archive into a vector has no failure");
    let head_bytes = u32::try_from(bytes.len() - FILE_HEADER_BYTES).expect("a manifest is small");
    bytes[0..8].copy_from_slice(&FILE_MAGIC);
    bytes[8..12].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
    bytes[12..16].copy_from_slice(&head_bytes.to_le_bytes());
    let crc = crc32c::crc32c_append(crc32c::crc32c(&bytes[0..16]), &bytes[FILE_HEADER_BYTES..]);
    bytes[16..20].copy_from_slice(&crc.to_le_bytes());
    let padded = bytes.len().next_multiple_of(ALIGN as usize);
    bytes.resize(padded, 0);
    bytes
}

pub(super) fn encode_section_header(kind: u32, data_bytes: u64, data_crc: u32) -> [u8; SECTION_HEADER_BYTES] {
    let mut header = [0u8; SECTION_HEADER_BYTES];
    header[0..4].copy_from_slice(&SECTION_MAGIC);
    header[4..8].copy_from_slice(&kind.to_le_bytes());
    header[8..16].copy_from_slice(&data_bytes.to_le_bytes());
    header[16..20].copy_from_slice(&data_crc.to_le_bytes());
    let crc = crc32c::crc32c(&header[0..20]);
    header[20..24].copy_from_slice(&crc.to_le_bytes());
    header
}

/// The footer; `headers_crc` is the CRC of the file header and of all section headers.
pub(super) fn encode_footer(sections: u64, file_bytes: u64, headers_crc: u32) -> [u8; FOOTER_BYTES] {
    let mut footer = [0u8; FOOTER_BYTES];
    footer[0..8].copy_from_slice(&FOOTER_MAGIC);
    footer[8..16].copy_from_slice(&sections.to_le_bytes());
    footer[16..24].copy_from_slice(&file_bytes.to_le_bytes());
    let crc = crc32c::crc32c_append(headers_crc, &footer[0..24]);
    footer[24..28].copy_from_slice(&crc.to_le_bytes());
    footer
}

/// A whole file, every checksum verified.
pub(super) fn decode_file(file: &Bytes) -> Result<(SnapshotHead, Vec<Section>), Flaw> {
    let (head, mut offset) = decode_head(file)?;
    let end = file.len().checked_sub(FOOTER_BYTES).filter(|&end| end >= offset).ok_or("it is cut short")?;
    let footer = &file[end..];
    if footer[0..8] != FOOTER_MAGIC {
        return Err("it has no footer".into());
    }
    if read_u64(footer, 16) != file.len() as u64 {
        return Err("its footer states another length".into());
    }
    let mut headers_crc = crc32c::crc32c(&file[..FILE_HEADER_BYTES]);
    let mut sections = Vec::new();
    while offset < end {
        let (section, next) = decode_section(file, offset, end)?;
        headers_crc = crc32c::crc32c_append(headers_crc, &file[offset..offset + SECTION_HEADER_BYTES]);
        sections.push(section);
        offset = next;
    }
    if sections.len() as u64 != read_u64(footer, 8) {
        return Err("its footer states another number of sections".into());
    }
    if crc32c::crc32c_append(headers_crc, &footer[0..24]) != read_u32(footer, 24) {
        return Err("the checksum of its footer does not match".into());
    }
    Ok((head, sections))
}

/// The head, and the offset of the first section.
fn decode_head(file: &Bytes) -> Result<(SnapshotHead, usize), Flaw> {
    let header = file.get(..FILE_HEADER_BYTES).ok_or("it is shorter than its header")?;
    if header[0..8] != FILE_MAGIC {
        return Err("it does not begin with TOLLSNAP".into());
    }
    let end = FILE_HEADER_BYTES + read_u32(header, 12) as usize;
    let head = file.get(FILE_HEADER_BYTES..end).ok_or("it is shorter than its head")?;
    if crc32c::crc32c_append(crc32c::crc32c(&header[0..16]), head) != read_u32(header, 16) {
        return Err("the checksum of its head does not match".into());
    }
    let version = read_u32(header, 8);
    if version != FORMAT_VERSION {
        return Err(Flaw::Version(version));
    }
    let archive = rkyv::access::<ArchivedSnapshotHeadV1<'static>, rancor::Error>(head)
        .map_err(|error| format!("its head is not a SnapshotHeadV1: {error}"))?;
    let numbers = |members: &rkyv::vec::ArchivedVec<rkyv::rend::unaligned::u64_ule>| {
        members.iter().map(|member| member.to_native()).collect::<Vec<u64>>()
    };
    let head = SnapshotHead {
        group: archive.group.to_native(),
        meta: SnapshotMeta {
            index: archive.index.to_native(),
            term: archive.term.to_native(),
            members: Membership {
                voters: numbers(&archive.members.voters),
                voters_outgoing: numbers(&archive.members.voters_outgoing),
                learners: numbers(&archive.members.learners),
                learners_next: numbers(&archive.members.learners_next),
                auto_leave: archive.members.auto_leave,
            },
        },
        created_us: archive.created_us.to_native(),
        state_us: archive.state_us.to_native(),
        manifest: Bytes::copy_from_slice(&archive.manifest), // small, and so it does not pin the mapping
    };
    Ok((head, end.next_multiple_of(ALIGN as usize)))
}

/// The section at `offset`, and the offset of the next.
fn decode_section(file: &Bytes, offset: usize, end: usize) -> Result<(Section, usize), Flaw> {
    let data_at = offset + SECTION_HEADER_BYTES;
    if data_at > end {
        return Err(format!("the section at offset {offset} is cut short").into());
    }
    let header = &file[offset..data_at];
    if header[0..4] != SECTION_MAGIC || crc32c::crc32c(&header[0..20]) != read_u32(header, 20) {
        return Err(format!("there is no section at offset {offset}").into());
    }
    let kind = read_u32(header, 4);
    let data_end = usize::try_from(read_u64(header, 8))
        .ok()
        .and_then(|data_bytes| data_at.checked_add(data_bytes))
        .filter(|&data_end| data_end <= end)
        .ok_or_else(|| format!("the section of kind {kind} at offset {offset} is longer than the file"))?;
    let data = file.slice(data_at..data_end);
    if crc32c::crc32c(&data) != read_u32(header, 16) {
        return Err(
            format!("the checksum of the section of kind {kind} at offset {offset} does not match").into()
        );
    }
    Ok((Section { kind, data }, data_end.next_multiple_of(ALIGN as usize)))
}

fn read_u32(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes were sliced"))
}

fn read_u64(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes were sliced"))
}

#[cfg(test)]
mod tests;
