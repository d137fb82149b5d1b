//! Bounded big-endian reads for the Volt and PostgreSQL decoders, both of which count in network order.

use super::WireError;

/// A cursor over one message. Every read names its field, so that an error can.
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    #[inline]
    pub(crate) fn take(&mut self, len: usize, field: &'static str) -> Result<&'a [u8], WireError> {
        let end = self.at.checked_add(len).filter(|&end| end <= self.bytes.len());
        let Some(end) = end else {
            return Err(WireError::new(
                field,
                format!("{len} bytes wanted, {} left", self.bytes.len() - self.at),
            ));
        };
        let taken = &self.bytes[self.at..end];
        self.at = end;
        Ok(taken)
    }

    /// A reader of what is left.
    pub(crate) fn rest(&self) -> Self {
        Self { bytes: &self.bytes[self.at..], at: 0 }
    }

    #[inline]
    fn array<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], WireError> {
        let taken = self.take(N, field)?;
        Ok(taken.try_into().expect("take returns exactly as many bytes as asked for"))
    }

    #[inline]
    pub(crate) fn i8(&mut self, field: &'static str) -> Result<i8, WireError> {
        Ok(i8::from_be_bytes(self.array(field)?))
    }

    #[inline]
    pub(crate) fn i16(&mut self, field: &'static str) -> Result<i16, WireError> {
        Ok(i16::from_be_bytes(self.array(field)?))
    }

    #[inline]
    pub(crate) fn i32(&mut self, field: &'static str) -> Result<i32, WireError> {
        Ok(i32::from_be_bytes(self.array(field)?))
    }

    #[inline]
    pub(crate) fn i64(&mut self, field: &'static str) -> Result<i64, WireError> {
        Ok(i64::from_be_bytes(self.array(field)?))
    }

    /// Bytes behind a 32-bit length; empty when the length is negative, which both protocols use for NULL.
    #[inline]
    pub(crate) fn counted(&mut self, field: &'static str) -> Result<&'a [u8], WireError> {
        let len = self.i32(field)?;
        self.take(usize::try_from(len).unwrap_or(0), field)
    }
}

/// The length in the first four bytes; None when fewer are there, an error when it is outside `range`.
#[inline]
pub(crate) fn frame_length(
    bytes: &[u8],
    range: std::ops::RangeInclusive<i32>,
) -> Result<Option<usize>, WireError> {
    let Some(prefix) = bytes.first_chunk::<4>() else { return Ok(None) };
    let len = i32::from_be_bytes(*prefix);
    if !range.contains(&len) {
        return Err(WireError::new("frame length", len.to_string()));
    }
    Ok(Some(len as usize))
}
