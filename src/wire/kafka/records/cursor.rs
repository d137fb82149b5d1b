//! Reading numbers and lengths off bytes. Takes slices of them, allocates nothing.

use super::error::RecordsError;

/// What is left to read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Cursor<'a> {
        Cursor(bytes)
    }

    pub(super) fn left(&self) -> usize {
        self.0.len()
    }

    #[inline]
    pub(super) fn take(&mut self, count: usize, field: &'static str) -> Result<&'a [u8], RecordsError> {
        let left = self.0.len();
        let (taken, rest) =
            self.0.split_at_checked(count).ok_or(RecordsError::Truncated { field, needed: count, left })?;
        self.0 = rest;
        Ok(taken)
    }

    #[inline]
    pub(super) fn u8(&mut self, field: &'static str) -> Result<u8, RecordsError> {
        Ok(self.take(1, field)?[0])
    }

    /// A zigzag number of at most 64 bits.
    pub(super) fn varlong(&mut self, field: &'static str) -> Result<i64, RecordsError> {
        const BYTES_MAX: usize = 10;
        let mut bits = 0u64;
        for number in 0..BYTES_MAX {
            let byte = self.u8(field)?;
            let part = u64::from(byte & 0x7f);
            // The tenth byte has room for one bit.
            if number == BYTES_MAX - 1 && part > 1 {
                break;
            }
            bits |= part << (7 * number);
            if byte & 0x80 == 0 {
                return Ok((bits >> 1) as i64 ^ -((bits & 1) as i64));
            }
        }
        Err(RecordsError::Varint { field, bytes_max: BYTES_MAX })
    }

    /// A zigzag number of at most 32 bits.
    pub(super) fn varint(&mut self, field: &'static str) -> Result<i32, RecordsError> {
        let value = self.varlong(field)?;
        i32::try_from(value).map_err(|_| RecordsError::Value { field, value })
    }

    /// A count or a length that cannot be negative, nor more than what is left.
    pub(super) fn length(&mut self, field: &'static str) -> Result<usize, RecordsError> {
        let value = self.varint(field)?;
        let length =
            usize::try_from(value).map_err(|_| RecordsError::Value { field, value: i64::from(value) })?;
        if length > self.left() {
            return Err(RecordsError::Truncated { field, needed: length, left: self.left() });
        }
        Ok(length)
    }

    /// Bytes behind their length; -1 stands for null.
    pub(super) fn nullable(&mut self, field: &'static str) -> Result<Option<&'a [u8]>, RecordsError> {
        let value = self.varint(field)?;
        match usize::try_from(value) {
            Ok(length) => self.take(length, field).map(Some),
            Err(_) if value == -1 => Ok(None),
            Err(_) => Err(RecordsError::Value { field, value: i64::from(value) }),
        }
    }

    pub(super) fn end(&self, field: &'static str) -> Result<(), RecordsError> {
        match self.left() {
            0 => Ok(()),
            left => Err(RecordsError::Trailing { field, left }),
        }
    }
}
