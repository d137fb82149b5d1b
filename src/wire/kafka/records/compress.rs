//! The four compressions of records. What comes out is bounded whatever comes in. Never knows records.

use super::{error::RecordsError, lz4};
use bytes::Bytes;
use std::io::{self, Read, Write};

/// How the records of a batch are compressed; the numbers are the protocol's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compression {
    #[default]
    None = 0,
    Gzip = 1,
    Snappy = 2,
    Lz4 = 3,
    Zstd = 4,
}

impl Compression {
    pub const ALL: [Compression; 5] =
        [Compression::None, Compression::Gzip, Compression::Snappy, Compression::Lz4, Compression::Zstd];

    pub(super) fn of_code(code: u8) -> Result<Compression, RecordsError> {
        let known = Compression::ALL.into_iter().find(|known| *known as u8 == code);
        known.ok_or(RecordsError::Compression(code))
    }

    /// As topics' configurations spell it.
    pub fn name(self) -> &'static str {
        match self {
            Compression::None => "none",
            Compression::Gzip => "gzip",
            Compression::Snappy => "snappy",
            Compression::Lz4 => "lz4",
            Compression::Zstd => "zstd",
        }
    }
}

/// A window of 8 MiB is the largest that a decoder has to support (RFC 8878, section 3.1.1.1.2).
const ZSTD_WINDOW_LOG_MAX: u32 = 23;

/// What the bytes were. `bytes_max` is what may come out; beside it a decoder holds a window or a block of
/// its own, 8 MiB at most.
pub(super) fn decompress(
    compression: Compression,
    bytes: Bytes,
    bytes_max: usize,
) -> Result<Bytes, RecordsError> {
    let failed =
        |error: io::Error| RecordsError::Decompress { name: compression.name(), reason: error.to_string() };
    if bytes.is_empty() && compression != Compression::None {
        // Some decoders take nothing for nothing compressed.
        return Err(RecordsError::Truncated { field: "records", needed: 1, left: 0 });
    }
    let plain = match compression {
        Compression::None if bytes.len() > bytes_max => return Err(RecordsError::TooLarge { bytes_max }),
        Compression::None => return Ok(bytes),
        Compression::Snappy => snappy(&bytes, bytes_max)?,
        Compression::Gzip => {
            bounded(flate2::read::MultiGzDecoder::new(&bytes[..]), bytes_max).map_err(failed)?
        }
        Compression::Lz4 => {
            lz4::check_whole(&bytes)?;
            bounded(lz4_flex::frame::FrameDecoder::new(&bytes[..]), bytes_max).map_err(failed)?
        }
        Compression::Zstd => {
            let mut decoder = zstd::stream::read::Decoder::with_buffer(&bytes[..]).map_err(failed)?;
            decoder.window_log_max(ZSTD_WINDOW_LOG_MAX).map_err(failed)?;
            bounded(decoder, bytes_max).map_err(failed)?
        }
    };
    if plain.len() > bytes_max {
        return Err(RecordsError::TooLarge { bytes_max });
    }
    Ok(plain.into())
}

/// Reads to the end, or one byte further than allowed.
fn bounded(decoder: impl Read, bytes_max: usize) -> io::Result<Vec<u8>> {
    let mut plain = Vec::new();
    decoder.take(bytes_max as u64 + 1).read_to_end(&mut plain)?;
    Ok(plain)
}

/// What Java's library puts before its blocks, each of which has its length in front.
const XERIAL_MAGIC: &[u8] = &[0x82, b'S', b'N', b'A', b'P', b'P', b'Y', 0];
/// With its version and the oldest version that can read it.
const XERIAL_HEAD_BYTES: usize = 16;
/// Three bytes of Snappy stand for 64 at most.
const SNAPPY_TIMES_MAX: usize = 22;

/// Snappy has no frame of its own in Kafka: Java's producers send blocks, others a single one as it is.
fn snappy(bytes: &[u8], bytes_max: usize) -> Result<Vec<u8>, RecordsError> {
    let mut plain = Vec::new();
    if !bytes.starts_with(XERIAL_MAGIC) {
        snappy_block(bytes, bytes_max, &mut plain)?;
        return Ok(plain);
    }
    let needed = XERIAL_HEAD_BYTES;
    let truncated = |needed, left| RecordsError::Truncated { field: "snappy block", needed, left };
    let mut rest = bytes.get(needed..).ok_or_else(|| truncated(needed, bytes.len()))?;
    while !rest.is_empty() {
        let (length, after) = rest.split_first_chunk().ok_or_else(|| truncated(4, rest.len()))?;
        let value = i32::from_be_bytes(*length);
        let length = usize::try_from(value)
            .map_err(|_| RecordsError::Value { field: "snappy block", value: i64::from(value) })?;
        let (block, next) = after.split_at_checked(length).ok_or_else(|| truncated(length, after.len()))?;
        snappy_block(block, bytes_max, &mut plain)?;
        rest = next;
    }
    Ok(plain)
}

fn snappy_block(block: &[u8], bytes_max: usize, plain: &mut Vec<u8>) -> Result<(), RecordsError> {
    let failed = |reason: String| RecordsError::Decompress { name: "snappy", reason };
    // The block says how long it was; it is believed as far as Snappy can compress.
    let length = snap::raw::decompress_len(block).map_err(|error| failed(error.to_string()))?;
    let start = plain.len();
    if length > bytes_max - start {
        return Err(RecordsError::TooLarge { bytes_max });
    }
    if length > block.len().saturating_mul(SNAPPY_TIMES_MAX) {
        return Err(failed(format!("{} bytes cannot become {length}", block.len())));
    }
    plain.resize(start + length, 0);
    let written = snap::raw::Decoder::new().decompress(block, &mut plain[start..]);
    written.map_err(|error| failed(error.to_string()))?;
    Ok(())
}

/// The other way, for our own bytes.
pub(super) fn compress(compression: Compression, plain: &[u8]) -> io::Result<Vec<u8>> {
    match compression {
        Compression::None => Ok(plain.to_vec()),
        Compression::Gzip => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
            encoder.write_all(plain)?;
            encoder.finish()
        }
        Compression::Snappy => Ok(snap::raw::Encoder::new().compress_vec(plain)?),
        Compression::Lz4 => {
            // Java's reader takes no blocks that depend on those before.
            let info = lz4_flex::frame::FrameInfo::new().block_mode(lz4_flex::frame::BlockMode::Independent);
            let mut encoder = lz4_flex::frame::FrameEncoder::with_frame_info(info, Vec::new());
            encoder.write_all(plain)?;
            encoder.finish().map_err(io::Error::from)
        }
        Compression::Zstd => zstd::stream::encode_all(plain, zstd::DEFAULT_COMPRESSION_LEVEL),
    }
}
