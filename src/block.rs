//! A block: what the transactions of one partition changed between two cuts, as one entry of its raft group.
//!
//! | bytes | what |
//! |---|---|
//! | 1 | format version, 1 |
//! | 4 | fingerprint of the catalogue whose positions the effects use, little-endian |
//! | 8 | the partition's time after the block, microseconds since 1970, little-endian |
//! | 4 | transactions in the block, little-endian |
//! | rest | effects (`docs/FORMAT.md`) |

use bytes::Bytes;

/// The layout above.
pub const VERSION: u8 = 1;
const HEADER_BYTES: usize = 17;

/// A block, decoded.
#[derive(Clone, Debug, PartialEq)]
pub struct Block {
    pub catalog: u32,
    pub timestamp_us: i64,
    pub transactions: u32,
    pub effects: Bytes,
}

/// Why bytes are not a block this binary can apply.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum BlockError {
    #[error("a block of {0} bytes is shorter than its header")]
    Short(usize),
    #[error("block format version {0} is not known to this binary, which reads version {VERSION}")]
    Version(u8),
}

/// Starts a block in `out`; effects follow, then [`finish`].
pub fn begin(out: &mut Vec<u8>) {
    out.clear();
    out.resize(HEADER_BYTES, 0);
}

/// Fills in the header of what [`begin`] started.
pub fn finish(out: &mut [u8], catalog: u32, timestamp_us: i64, transactions: u32) {
    out[0] = VERSION;
    out[1..5].copy_from_slice(&catalog.to_le_bytes());
    out[5..13].copy_from_slice(&timestamp_us.to_le_bytes());
    out[13..17].copy_from_slice(&transactions.to_le_bytes());
}

/// Bytes of effects in what [`begin`] started.
pub fn effect_bytes(out: &[u8]) -> usize {
    out.len().saturating_sub(HEADER_BYTES)
}

/// Decodes a block; its effects share `bytes`.
pub fn decode(bytes: &Bytes) -> Result<Block, BlockError> {
    if bytes.len() < HEADER_BYTES {
        return Err(BlockError::Short(bytes.len()));
    }
    if bytes[0] != VERSION {
        return Err(BlockError::Version(bytes[0]));
    }
    let four = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"));
    Ok(Block {
        catalog: four(1),
        timestamp_us: i64::from_le_bytes(bytes[5..13].try_into().expect("eight bytes")),
        transactions: four(13),
        effects: bytes.slice(HEADER_BYTES..),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_reads_back() {
        let mut bytes = Vec::new();
        begin(&mut bytes);
        bytes.extend_from_slice(b"effects");
        assert_eq!(effect_bytes(&bytes), 7);
        finish(&mut bytes, 7, -5, 3);
        let block = decode(&Bytes::from(bytes)).expect("whole");
        let effects = Bytes::from_static(b"effects");
        assert_eq!(block, Block { catalog: 7, timestamp_us: -5, transactions: 3, effects });
    }

    #[test]
    fn what_is_no_block_is_refused() {
        for length in 0..HEADER_BYTES {
            assert_eq!(decode(&Bytes::from(vec![VERSION; length])), Err(BlockError::Short(length)));
        }
        assert_eq!(decode(&Bytes::from(vec![9; HEADER_BYTES])), Err(BlockError::Version(9)));
    }
}
