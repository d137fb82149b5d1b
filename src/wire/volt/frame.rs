//! Frames: an int32 length, then that many bytes. The same in both directions.

/// A frame longer than this is refused, in either direction.
pub use crate::limits::FRAME_BYTES_MAX;

/// Bytes of the length in front of a frame.
const LENGTH_BYTES: usize = 4;

/// A length no frame can have. The connection has lost its place and can only be closed, without a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a frame of {length} bytes: from 1 to {FRAME_BYTES_MAX} are possible")]
pub struct FrameError {
    pub length: i32,
}

/// What a buffer of received bytes begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame<'a> {
    /// A whole frame (without its length), and what comes after it.
    Whole { body: &'a [u8], rest: &'a [u8] },
    /// `missing` more bytes are needed to go on; after the length itself is there, to complete the frame.
    Partial { missing: usize },
}

/// Takes the first frame off `received`. Nothing is believed beyond [`FRAME_BYTES_MAX`].
#[inline]
pub fn split(received: &[u8]) -> Result<Frame<'_>, FrameError> {
    let Some((length, rest)) = received.split_first_chunk::<LENGTH_BYTES>() else {
        return Ok(Frame::Partial { missing: LENGTH_BYTES - received.len() });
    };
    let length = i32::from_be_bytes(*length);
    let wanted = match usize::try_from(length) {
        Ok(wanted @ 1..=FRAME_BYTES_MAX) => wanted,
        _ => return Err(FrameError { length }),
    };
    Ok(match rest.split_at_checked(wanted) {
        Some((body, rest)) => Frame::Whole { body, rest },
        None => Frame::Partial { missing: wanted - rest.len() },
    })
}

/// Leaves room for a length; give the result to [`end`] when the body is appended.
#[inline]
#[must_use]
pub fn begin(out: &mut Vec<u8>) -> usize {
    out.extend_from_slice(&[0; LENGTH_BYTES]);
    out.len() - LENGTH_BYTES
}

/// Writes the length of the frame that began at `start`.
///
/// # Panics
/// If the frame is empty or too long: writers bound what they append.
#[inline]
pub fn end(out: &mut [u8], start: usize) {
    let length = out.len() - start - LENGTH_BYTES;
    assert!((1..=FRAME_BYTES_MAX).contains(&length), "a frame of {length} bytes");
    out[start..start + LENGTH_BYTES].copy_from_slice(&(length as i32).to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_off_one_by_one() {
        let mut bytes = Vec::new();
        for body in [&b"a"[..], b"bcd"] {
            let start = begin(&mut bytes);
            bytes.extend_from_slice(body);
            end(&mut bytes, start);
        }
        let Ok(Frame::Whole { body, rest }) = split(&bytes) else { panic!("no first frame") };
        assert_eq!(body, b"a");
        assert_eq!(split(rest), Ok(Frame::Whole { body: b"bcd", rest: b"" }));
        assert_eq!(split(&rest[..6]), Ok(Frame::Partial { missing: 1 }));
        assert_eq!(split(&rest[..3]), Ok(Frame::Partial { missing: 1 }));
        assert_eq!(split(b""), Ok(Frame::Partial { missing: 4 }));
    }

    #[test]
    fn impossible_lengths() {
        for (length, possible) in
            [(-1, false), (0, false), (1, true), (50 << 20, true), ((50 << 20) + 1, false), (i32::MAX, false)]
        {
            assert_eq!(split(&i32::to_be_bytes(length)).is_ok(), possible, "{length}");
        }
    }
}
