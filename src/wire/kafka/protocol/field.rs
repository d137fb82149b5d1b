//! Which Rust type is which type of the format. Never knows messages.

use super::{codes::ErrorCode, error::ProtocolError, reader::Reader, writer::Writer};
use bytes::Bytes;

pub type Uuid = [u8; 16];

/// Can be a field, or an element of an array.
pub trait Field: Sized + Default {
    /// The least it takes, in that version.
    fn bytes_min(version: i16, flexible: bool) -> usize;
    fn read(reader: &mut Reader) -> Result<Self, ProtocolError>;
    fn write(&self, writer: &mut Writer<'_>);

    fn is_null(&self) -> bool {
        false
    }

    /// Stands for null where null is not allowed.
    fn empty() -> Self {
        Self::default()
    }
}

/// Record batches, as pieces that may come from different places: they are written one behind the other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pieces(pub Vec<Bytes>);

/// Bytes that are not to be seen in logs.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(pub Bytes);

impl std::fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Secret({} bytes)", self.0.len())
    }
}

macro_rules! plain {
    ($($type:ty, $bytes:literal, $method:ident;)+) => {$(
        impl Field for $type {
            fn bytes_min(_version: i16, _flexible: bool) -> usize {
                $bytes
            }

            fn read(reader: &mut Reader) -> Result<$type, ProtocolError> {
                reader.$method()
            }

            fn write(&self, writer: &mut Writer<'_>) {
                writer.$method(*self);
            }
        }
    )+};
}

plain! {
    i8, 1, int8;
    i16, 2, int16;
    i32, 4, int32;
    i64, 8, int64;
    bool, 1, boolean;
}

impl Field for Uuid {
    fn bytes_min(_version: i16, _flexible: bool) -> usize {
        16
    }

    fn read(reader: &mut Reader) -> Result<Uuid, ProtocolError> {
        reader.fixed()
    }

    fn write(&self, writer: &mut Writer<'_>) {
        writer.raw(self);
    }
}

impl Field for ErrorCode {
    fn bytes_min(_version: i16, _flexible: bool) -> usize {
        2
    }

    fn read(reader: &mut Reader) -> Result<ErrorCode, ProtocolError> {
        let code = reader.int16()?;
        ErrorCode::of_code(code).ok_or(ProtocolError::Value { field: reader.field(), value: i64::from(code) })
    }

    fn write(&self, writer: &mut Writer<'_>) {
        writer.int16(self.code());
    }
}

impl Field for String {
    fn bytes_min(_version: i16, flexible: bool) -> usize {
        if flexible { 1 } else { 2 }
    }

    fn read(reader: &mut Reader) -> Result<String, ProtocolError> {
        reader.string()
    }

    fn write(&self, writer: &mut Writer<'_>) {
        writer.string(self);
    }
}

impl Field for Option<String> {
    fn bytes_min(version: i16, flexible: bool) -> usize {
        String::bytes_min(version, flexible)
    }

    fn read(reader: &mut Reader) -> Result<Option<String>, ProtocolError> {
        reader.nullable_string()
    }

    fn write(&self, writer: &mut Writer<'_>) {
        writer.nullable_string(self.as_deref());
    }

    fn is_null(&self) -> bool {
        self.is_none()
    }

    fn empty() -> Option<String> {
        Some(String::new())
    }
}

impl Field for Bytes {
    fn bytes_min(_version: i16, flexible: bool) -> usize {
        if flexible { 1 } else { 4 }
    }

    fn read(reader: &mut Reader) -> Result<Bytes, ProtocolError> {
        reader.bytes()
    }

    fn write(&self, writer: &mut Writer<'_>) {
        writer.bytes(self);
    }
}

impl Field for Option<Bytes> {
    fn bytes_min(version: i16, flexible: bool) -> usize {
        Bytes::bytes_min(version, flexible)
    }

    fn read(reader: &mut Reader) -> Result<Option<Bytes>, ProtocolError> {
        reader.nullable_bytes()
    }

    fn write(&self, writer: &mut Writer<'_>) {
        writer.nullable_bytes(self.as_deref());
    }

    fn is_null(&self) -> bool {
        self.is_none()
    }

    fn empty() -> Option<Bytes> {
        Some(Bytes::new())
    }
}

impl Field for Secret {
    fn bytes_min(version: i16, flexible: bool) -> usize {
        Bytes::bytes_min(version, flexible)
    }

    fn read(reader: &mut Reader) -> Result<Secret, ProtocolError> {
        reader.bytes().map(Secret)
    }

    fn write(&self, writer: &mut Writer<'_>) {
        writer.bytes(&self.0);
    }
}

impl Field for Pieces {
    fn bytes_min(version: i16, flexible: bool) -> usize {
        Bytes::bytes_min(version, flexible)
    }

    fn read(reader: &mut Reader) -> Result<Pieces, ProtocolError> {
        Ok(Pieces(reader.nullable_bytes()?.into_iter().collect()))
    }

    fn write(&self, writer: &mut Writer<'_>) {
        writer.pieces(&self.0);
    }
}

impl<T: Field> Field for Vec<T> {
    fn bytes_min(_version: i16, flexible: bool) -> usize {
        if flexible { 1 } else { 4 }
    }

    fn read(reader: &mut Reader) -> Result<Vec<T>, ProtocolError> {
        let elements = Option::read(reader)?;
        reader.not_null(elements)
    }

    fn write(&self, writer: &mut Writer<'_>) {
        writer.nullable_array(Some(self), |writer, element| element.write(writer));
    }
}

impl<T: Field> Field for Option<Vec<T>> {
    fn bytes_min(version: i16, flexible: bool) -> usize {
        Vec::<T>::bytes_min(version, flexible)
    }

    fn read(reader: &mut Reader) -> Result<Option<Vec<T>>, ProtocolError> {
        let element_bytes_min = T::bytes_min(reader.version(), reader.is_flexible());
        let field = reader.field();
        let elements = reader.nullable_array(element_bytes_min, T::read);
        // Elements have fields of their own.
        reader.enter(field);
        elements
    }

    fn write(&self, writer: &mut Writer<'_>) {
        writer.nullable_array(self.as_deref(), |writer, element| element.write(writer));
    }

    fn is_null(&self) -> bool {
        self.is_none()
    }

    fn empty() -> Option<Vec<T>> {
        Some(Vec::new())
    }
}
