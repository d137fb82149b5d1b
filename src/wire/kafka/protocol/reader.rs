//! A cursor over the bytes of one message that believes no length. Knows the primitive types; never knows
//! messages.

use super::error::ProtocolError;
use bytes::Bytes;

/// How many array elements one message may have, of all arrays together. An element takes up to a hundred
/// times its bytes in memory once it is read, so a limit on the bytes of a frame alone would not bound
/// memory.
pub const ELEMENTS_MAX: usize = 1 << 20;

/// Room made ahead for an array; longer ones grow while their elements turn out to be there.
const ROOM_AHEAD_MAX: usize = 1024;

/// Reads what one version of one message has. Whether lengths are compact, and whether structs end in tagged
/// fields, is a property of the version, so it is told once, here.
#[derive(Clone, Debug)]
pub struct Reader {
    rest: Bytes,
    version: i16,
    flexible: bool,
    /// Named by errors.
    field: &'static str,
    elements_left: usize,
}

impl Reader {
    pub fn new(bytes: Bytes, version: i16, flexible: bool) -> Reader {
        Reader { rest: bytes, version, flexible, field: "message", elements_left: ELEMENTS_MAX }
    }

    pub fn version(&self) -> i16 {
        self.version
    }

    pub fn is_flexible(&self) -> bool {
        self.flexible
    }

    /// Bytes not read so far.
    pub fn left(&self) -> usize {
        self.rest.len()
    }

    /// What is read next, for errors.
    pub fn enter(&mut self, field: &'static str) {
        self.field = field;
    }

    pub fn field(&self) -> &'static str {
        self.field
    }

    fn take(&mut self, count: usize) -> Result<Bytes, ProtocolError> {
        if count > self.rest.len() {
            return Err(self.truncated(count));
        }
        Ok(self.rest.split_to(count))
    }

    fn truncated(&self, needed: usize) -> ProtocolError {
        ProtocolError::Truncated { field: self.field, needed, left: self.rest.len() }
    }

    pub fn fixed<const N: usize>(&mut self) -> Result<[u8; N], ProtocolError> {
        let Some(bytes) = self.rest.first_chunk::<N>().copied() else {
            return Err(self.truncated(N));
        };
        let _read = self.rest.split_to(N);
        Ok(bytes)
    }

    pub fn int8(&mut self) -> Result<i8, ProtocolError> {
        self.fixed().map(i8::from_be_bytes)
    }

    pub fn int16(&mut self) -> Result<i16, ProtocolError> {
        self.fixed().map(i16::from_be_bytes)
    }

    pub fn int32(&mut self) -> Result<i32, ProtocolError> {
        self.fixed().map(i32::from_be_bytes)
    }

    pub fn int64(&mut self) -> Result<i64, ProtocolError> {
        self.fixed().map(i64::from_be_bytes)
    }

    /// Kafka takes every number but zero for true.
    pub fn boolean(&mut self) -> Result<bool, ProtocolError> {
        Ok(self.int8()? != 0)
    }

    /// Seven bits per byte, lowest first, at most 32 in all.
    pub fn unsigned_varint(&mut self) -> Result<u32, ProtocolError> {
        let mut value = 0;
        for shift in [0, 7, 14, 21, 28] {
            let [byte] = self.fixed()?;
            let bits = u32::from(byte & 0x7f);
            if shift == 28 && byte > 0x0f {
                break;
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(ProtocolError::VariableLength { field: self.field })
    }

    /// `None`: null. A compact length is one more than the length, so that zero can say null.
    fn compact_length(&mut self) -> Result<Option<usize>, ProtocolError> {
        Ok(self.unsigned_varint()?.checked_sub(1).map(|length| length as usize))
    }

    fn length_of(&self, length: i64) -> Result<Option<usize>, ProtocolError> {
        match length {
            -1 => Ok(None),
            _ => match usize::try_from(length) {
                Ok(length) => Ok(Some(length)),
                Err(_) => Err(ProtocolError::Value { field: self.field, value: length }),
            },
        }
    }

    fn string_length(&mut self) -> Result<Option<usize>, ProtocolError> {
        if self.flexible {
            return self.compact_length();
        }
        let length = self.int16()?;
        self.length_of(i64::from(length))
    }

    /// Of bytes and of arrays.
    fn length(&mut self) -> Result<Option<usize>, ProtocolError> {
        if self.flexible {
            return self.compact_length();
        }
        let length = self.int32()?;
        self.length_of(i64::from(length))
    }

    pub fn nullable_string(&mut self) -> Result<Option<String>, ProtocolError> {
        let Some(length) = self.string_length()? else {
            return Ok(None);
        };
        let bytes = self.take(length)?;
        match std::str::from_utf8(&bytes) {
            Ok(text) => Ok(Some(text.to_owned())),
            Err(_) => Err(ProtocolError::Text { field: self.field }),
        }
    }

    pub fn string(&mut self) -> Result<String, ProtocolError> {
        let string = self.nullable_string()?;
        self.not_null(string)
    }

    /// A part of the frame, not a copy.
    pub fn nullable_bytes(&mut self) -> Result<Option<Bytes>, ProtocolError> {
        match self.length()? {
            Some(length) => self.take(length).map(Some),
            None => Ok(None),
        }
    }

    pub fn bytes(&mut self) -> Result<Bytes, ProtocolError> {
        let bytes = self.nullable_bytes()?;
        self.not_null(bytes)
    }

    /// `element_bytes_min`: the least an element takes.
    pub fn nullable_array<T>(
        &mut self,
        element_bytes_min: usize,
        mut read: impl FnMut(&mut Reader) -> Result<T, ProtocolError>,
    ) -> Result<Option<Vec<T>>, ProtocolError> {
        let Some(count) = self.length()? else {
            return Ok(None);
        };
        let (field, left) = (self.field, self.rest.len());
        if count > left / element_bytes_min.max(1) {
            return Err(ProtocolError::Count { field, count, left });
        }
        self.elements_left = self
            .elements_left
            .checked_sub(count)
            .ok_or(ProtocolError::Elements { field, max: ELEMENTS_MAX })?;
        let mut elements = Vec::with_capacity(count.min(ROOM_AHEAD_MAX));
        for _ in 0..count {
            elements.push(read(self)?);
        }
        Ok(Some(elements))
    }

    /// For what the version does not allow to be null.
    pub fn not_null<T>(&self, value: Option<T>) -> Result<T, ProtocolError> {
        value.ok_or(ProtocolError::Null { field: self.field })
    }

    /// The end of every struct of a flexible version: fields that may be left out. None is of use to a
    /// server, all are skipped.
    pub fn tagged_fields(&mut self) -> Result<(), ProtocolError> {
        if !self.flexible {
            return Ok(());
        }
        self.field = "tagged fields";
        // Each takes at least two bytes, so a count that lies soon meets the end.
        for _ in 0..self.unsigned_varint()? {
            let _tag = self.unsigned_varint()?;
            let length = self.unsigned_varint()? as usize;
            self.take(length)?;
        }
        Ok(())
    }
}
