//! Whether a frame of LZ4 is whole: the decoder takes one that ends between two blocks for one that is over.
//! Follows the frame's lengths only; never looks into a block.
//!
//! Source of the layout: "LZ4 Frame Format Description", version 1.6.

use super::error::RecordsError;

const MAGIC: u32 = 0x184d_2204;
/// Of the first byte behind the magic number.
const BLOCK_CHECKSUM: u8 = 1 << 4;
const CONTENT_SIZE: u8 = 1 << 3;
const CONTENT_CHECKSUM: u8 = 1 << 2;
const DICTIONARY_ID: u8 = 1;
const CHECKSUM_BYTES: usize = 4;
/// Of a block's length: the block is stored as it is.
const UNCOMPRESSED: u32 = 1 << 31;

/// An error if the frame's end mark, or what belongs behind it, is not there.
pub(super) fn check_whole(frame: &[u8]) -> Result<(), RecordsError> {
    let mut rest = frame;
    let magic = number(&mut rest, "lz4 magic")?;
    if magic != MAGIC {
        return Err(RecordsError::Value { field: "lz4 magic", value: i64::from(magic) });
    }
    // The flags, the largest block's size, what the flags announce, and a byte that checks them.
    let flags = *rest.first().ok_or(RecordsError::Truncated { field: "lz4 flags", needed: 1, left: 0 })?;
    let has = |flag: u8, bytes: usize| if flags & flag == 0 { 0 } else { bytes };
    skip(&mut rest, 2 + has(CONTENT_SIZE, 8) + has(DICTIONARY_ID, 4) + 1, "lz4 descriptor")?;
    loop {
        let length = number(&mut rest, "lz4 block length")?;
        if length == 0 {
            return skip(&mut rest, has(CONTENT_CHECKSUM, CHECKSUM_BYTES), "lz4 content checksum");
        }
        let length = (length & !UNCOMPRESSED) as usize;
        skip(&mut rest, length, "lz4 block")?;
        skip(&mut rest, has(BLOCK_CHECKSUM, CHECKSUM_BYTES), "lz4 block checksum")?;
    }
}

fn skip(rest: &mut &[u8], bytes: usize, field: &'static str) -> Result<(), RecordsError> {
    let left = rest.len();
    *rest = rest.get(bytes..).ok_or(RecordsError::Truncated { field, needed: bytes, left })?;
    Ok(())
}

fn number(rest: &mut &[u8], field: &'static str) -> Result<u32, RecordsError> {
    let truncated = RecordsError::Truncated { field, needed: 4, left: rest.len() };
    let (bytes, after) = rest.split_first_chunk().ok_or(truncated)?;
    *rest = after;
    Ok(u32::from_le_bytes(*bytes))
}
