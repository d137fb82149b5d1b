//! Reading big-endian bytes that came from outside: every length is checked before it is believed, nothing is
//! allocated, nothing panics.

/// Why bytes could not be read. `field` names what was being read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    #[error("{field}: {needed} bytes are needed, {left} are left")]
    Truncated { field: &'static str, needed: usize, left: usize },
    #[error("{field}: {length} is not a possible length")]
    Length { field: &'static str, length: i32 },
    #[error("{field}: not valid UTF-8")]
    NotUtf8 { field: &'static str },
    #[error("{field}: unknown type code {code}")]
    UnknownType { field: &'static str, code: i8 },
    #[error("{field}: values of type {name} are not supported")]
    Unsupported { field: &'static str, name: &'static str },
    #[error("{field}: {left} bytes too many")]
    Trailing { field: &'static str, left: usize },
    #[error("{field}: unknown version {version}")]
    Version { field: &'static str, version: u8 },
}

/// What is left to read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cursor<'a> {
    bytes: &'a [u8],
}

impl<'a> Cursor<'a> {
    #[inline]
    pub fn new(bytes: &'a [u8]) -> Cursor<'a> {
        Cursor { bytes }
    }

    /// Everything not yet read.
    #[inline]
    pub fn rest(&self) -> &'a [u8] {
        self.bytes
    }

    #[inline]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    #[inline]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    #[inline]
    pub fn take(&mut self, count: usize, field: &'static str) -> Result<&'a [u8], CodecError> {
        let Some((taken, rest)) = self.bytes.split_at_checked(count) else {
            return Err(CodecError::Truncated { field, needed: count, left: self.bytes.len() });
        };
        self.bytes = rest;
        Ok(taken)
    }

    #[inline]
    fn chunk<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], CodecError> {
        let Some((taken, rest)) = self.bytes.split_first_chunk::<N>() else {
            return Err(CodecError::Truncated { field, needed: N, left: self.bytes.len() });
        };
        self.bytes = rest;
        Ok(*taken)
    }

    #[inline]
    pub fn u8(&mut self, field: &'static str) -> Result<u8, CodecError> {
        self.chunk::<1>(field).map(|[b]| b)
    }

    #[inline]
    pub fn i8(&mut self, field: &'static str) -> Result<i8, CodecError> {
        self.chunk(field).map(i8::from_be_bytes)
    }

    #[inline]
    pub fn i16(&mut self, field: &'static str) -> Result<i16, CodecError> {
        self.chunk(field).map(i16::from_be_bytes)
    }

    #[inline]
    pub fn i32(&mut self, field: &'static str) -> Result<i32, CodecError> {
        self.chunk(field).map(i32::from_be_bytes)
    }

    #[inline]
    pub fn i64(&mut self, field: &'static str) -> Result<i64, CodecError> {
        self.chunk(field).map(i64::from_be_bytes)
    }

    #[inline]
    pub fn i128(&mut self, field: &'static str) -> Result<i128, CodecError> {
        self.chunk(field).map(i128::from_be_bytes)
    }

    #[inline]
    pub fn f64(&mut self, field: &'static str) -> Result<f64, CodecError> {
        self.chunk(field).map(f64::from_be_bytes)
    }

    /// An int16 that counts something.
    #[inline]
    pub fn count16(&mut self, field: &'static str) -> Result<usize, CodecError> {
        let count = self.i16(field)?;
        usize::try_from(count).map_err(|_| CodecError::Length { field, length: i32::from(count) })
    }

    /// An int32 that counts something or gives a length; there is no null.
    #[inline]
    pub fn count32(&mut self, field: &'static str) -> Result<usize, CodecError> {
        let count = self.i32(field)?;
        usize::try_from(count).map_err(|_| CodecError::Length { field, length: count })
    }

    /// An int32 length and that many bytes; length -1 is NULL.
    #[inline]
    pub fn nullable_bytes(&mut self, field: &'static str) -> Result<Option<&'a [u8]>, CodecError> {
        let length = self.i32(field)?;
        if length == -1 {
            return Ok(None);
        }
        let count = usize::try_from(length).map_err(|_| CodecError::Length { field, length })?;
        self.take(count, field).map(Some)
    }

    /// An int32 length and that many bytes of UTF-8; length -1 is NULL.
    #[inline]
    pub fn nullable_str(&mut self, field: &'static str) -> Result<Option<&'a str>, CodecError> {
        match self.nullable_bytes(field)? {
            None => Ok(None),
            Some(bytes) => std::str::from_utf8(bytes).map(Some).map_err(|_| CodecError::NotUtf8 { field }),
        }
    }

    /// As [`Cursor::nullable_str`], where NULL is not allowed.
    #[inline]
    pub fn str(&mut self, field: &'static str) -> Result<&'a str, CodecError> {
        self.nullable_str(field)?.ok_or(CodecError::Length { field, length: -1 })
    }

    /// Fails unless everything was read.
    pub fn finish(&self, field: &'static str) -> Result<(), CodecError> {
        match self.bytes.len() {
            0 => Ok(()),
            left => Err(CodecError::Trailing { field, left }),
        }
    }
}
