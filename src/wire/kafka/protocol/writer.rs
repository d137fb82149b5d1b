//! Appends the primitive types to what is to be sent. Never knows messages.

use super::{error::ProtocolError, out::Out};
use bytes::Bytes;

/// Writes what one version of one message has. A length that its format cannot tell is remembered and told at
/// the end, so that the code of messages need not ask after every field.
#[derive(Debug)]
pub struct Writer<'out> {
    out: &'out mut Out,
    version: i16,
    flexible: bool,
    /// Named by errors.
    field: &'static str,
    error: Option<ProtocolError>,
}

impl<'out> Writer<'out> {
    pub fn new(out: &'out mut Out, version: i16, flexible: bool) -> Writer<'out> {
        Writer { out, version, flexible, field: "message", error: None }
    }

    /// What was written is of no use if this is an error.
    pub fn finish(self) -> Result<(), ProtocolError> {
        self.error.map_or(Ok(()), Err)
    }

    pub fn version(&self) -> i16 {
        self.version
    }

    pub fn is_flexible(&self) -> bool {
        self.flexible
    }

    /// What is written next, for errors.
    pub fn enter(&mut self, field: &'static str) {
        self.field = field;
    }

    pub fn raw(&mut self, bytes: &[u8]) {
        self.out.bytes.extend_from_slice(bytes);
    }

    pub fn int8(&mut self, value: i8) {
        self.raw(&value.to_be_bytes());
    }

    pub fn int16(&mut self, value: i16) {
        self.raw(&value.to_be_bytes());
    }

    pub fn int32(&mut self, value: i32) {
        self.raw(&value.to_be_bytes());
    }

    pub fn int64(&mut self, value: i64) {
        self.raw(&value.to_be_bytes());
    }

    pub fn boolean(&mut self, value: bool) {
        self.int8(i8::from(value));
    }

    pub fn unsigned_varint(&mut self, mut value: u32) {
        while value > 0x7f {
            self.out.bytes.push(value as u8 & 0x7f | 0x80);
            value >>= 7;
        }
        self.out.bytes.push(value as u8);
    }

    fn too_long(&mut self, length: usize) {
        self.error.get_or_insert(ProtocolError::TooLong { field: self.field, length });
    }

    fn compact_length(&mut self, length: Option<usize>) {
        let Some(length) = length else {
            return self.unsigned_varint(0);
        };
        // No length that fits the frame's own, an i32, can overflow here.
        match i32::try_from(length) {
            Ok(length) => self.unsigned_varint(length.unsigned_abs() + 1),
            Err(_) => self.too_long(length),
        }
    }

    fn string_length(&mut self, length: Option<usize>) {
        if self.flexible {
            return self.compact_length(length);
        }
        match length.map(i16::try_from) {
            None => self.int16(-1),
            Some(Ok(length)) => self.int16(length),
            Some(Err(_)) => self.too_long(length.unwrap_or_default()),
        }
    }

    fn length(&mut self, length: Option<usize>) {
        if self.flexible {
            return self.compact_length(length);
        }
        match length.map(i32::try_from) {
            None => self.int32(-1),
            Some(Ok(length)) => self.int32(length),
            Some(Err(_)) => self.too_long(length.unwrap_or_default()),
        }
    }

    pub fn nullable_string(&mut self, text: Option<&str>) {
        self.string_length(text.map(str::len));
        self.raw(text.unwrap_or_default().as_bytes());
    }

    pub fn string(&mut self, text: &str) {
        self.nullable_string(Some(text));
    }

    pub fn nullable_bytes(&mut self, bytes: Option<&[u8]>) {
        self.length(bytes.map(<[u8]>::len));
        self.raw(bytes.unwrap_or_default());
    }

    pub fn bytes(&mut self, bytes: &[u8]) {
        self.nullable_bytes(Some(bytes));
    }

    /// The pieces are one value, behind one length.
    pub fn pieces(&mut self, pieces: &[Bytes]) {
        self.length(Some(pieces.iter().map(Bytes::len).fold(0, usize::saturating_add)));
        pieces.iter().for_each(|piece| self.out.put(piece));
    }

    pub fn nullable_array<T>(&mut self, elements: Option<&[T]>, mut write: impl FnMut(&mut Writer<'_>, &T)) {
        self.length(elements.map(<[T]>::len));
        for element in elements.unwrap_or_default() {
            write(self, element);
        }
    }

    /// The end of every struct of a flexible version. Clients live without the fields that could stand here,
    /// and one widespread client cannot read them: there are never any.
    pub fn tagged_fields(&mut self) {
        if self.flexible {
            self.unsigned_varint(0);
        }
    }
}
