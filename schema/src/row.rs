//! How a row is laid out in bytes: the one layout of tables, effects, snapshots and streams.
//!
//! A row image is its *fixed part* followed by its *tail*.
//! - Fixed part: the columns of fixed width, in the order of declaration, little-endian, without padding,
//!   NULL as VoltDB's null of the type.
//! - Tail: for each VARCHAR or VARBINARY column in the order of declaration a `u32` little-endian length,
//!   `u32::MAX` for NULL, then the bytes. A table without such columns has no tail.

use thiserror::Error;

use crate::types::{Type, VALUE_BYTES_MAX};

/// The widest fixed part a table, stream or view may have, so that two stored rows fit a page. The DDL
/// refuses wider ones.
pub const FIXED_WIDTH_MAX: usize = 2000;

/// The length a NULL has in a tail.
pub const TAIL_NULL: u32 = u32::MAX;

/// Where one column is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    /// Byte offset in the fixed part.
    Fixed { offset: u32 },
    /// The n-th value of the tail, from 0.
    Tail { ordinal: u32 },
}

/// Where each column of a row is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    pub slots: Vec<Slot>,
    pub fixed_width: usize,
    pub tail_columns: usize,
}

impl Layout {
    /// The layout of a row with these column types.
    pub fn new(types: impl IntoIterator<Item = Type>) -> Layout {
        let (mut fixed_width, mut tail_columns) = (0, 0);
        let slots = types
            .into_iter()
            .map(|t| match t.fixed_width() {
                Some(width) => {
                    let offset = fixed_width as u32;
                    fixed_width += width;
                    Slot::Fixed { offset }
                }
                None => {
                    tail_columns += 1;
                    Slot::Tail { ordinal: tail_columns as u32 - 1 }
                }
            })
            .collect();
        Layout { slots, fixed_width, tail_columns }
    }
}

/// A row, borrowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowRef<'a> {
    /// Exactly `Layout::fixed_width` bytes.
    pub fixed: &'a [u8],
    /// Empty, or one length and its bytes for each tail column.
    pub tail: &'a [u8],
}

/// A row, owned.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RowBuf {
    pub fixed: Vec<u8>,
    pub tail: Vec<u8>,
}

/// Bytes that were to be a row image and are not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ImageError {
    #[error("the row's fixed part needs {needed} bytes, {left} are left")]
    FixedPart { needed: usize, left: usize },
    #[error("the length of tail value {ordinal} is cut short")]
    TailLength { ordinal: usize },
    #[error("tail value {ordinal} says {length} bytes, {left} are left, {VALUE_BYTES_MAX} are allowed")]
    TailValue { ordinal: usize, length: u32, left: usize },
}

impl Layout {
    /// Takes one row image off the front of `bytes`: the row, and what follows it.
    pub fn split<'a>(&self, bytes: &'a [u8]) -> Result<(RowRef<'a>, &'a [u8]), ImageError> {
        let (fixed, rest) = bytes
            .split_at_checked(self.fixed_width)
            .ok_or(ImageError::FixedPart { needed: self.fixed_width, left: bytes.len() })?;
        if self.tail_columns == 0 {
            return Ok((RowRef { fixed, tail: &[] }, rest));
        }
        let length = self.tail_length(rest)?;
        let (tail, rest) = rest.split_at(length);
        Ok((RowRef { fixed, tail }, rest))
    }

    /// Bytes of the tail at the front of `bytes`.
    pub fn tail_length(&self, bytes: &[u8]) -> Result<usize, ImageError> {
        let mut at = 0;
        for ordinal in 0..self.tail_columns {
            let length = bytes.get(at..at + 4).ok_or(ImageError::TailLength { ordinal })?;
            let length = u32::from_le_bytes(length.try_into().expect("four bytes"));
            at += 4;
            if length == TAIL_NULL {
                continue;
            }
            let left = bytes.len() - at;
            if length > VALUE_BYTES_MAX || length as usize > left {
                return Err(ImageError::TailValue { ordinal, length, left });
            }
            at += length as usize;
        }
        Ok(at)
    }
}

impl<'a> RowRef<'a> {
    /// The integer or timestamp of `width` bytes at `offset` of the fixed part, sign-extended. A NULL is its
    /// type's smallest value.
    #[inline]
    pub fn integer(&self, offset: usize, width: usize) -> i64 {
        let bytes = &self.fixed[offset..offset + width];
        match width {
            1 => i64::from(bytes[0] as i8),
            2 => i64::from(i16::from_le_bytes(bytes.try_into().expect("two bytes"))),
            4 => i64::from(i32::from_le_bytes(bytes.try_into().expect("four bytes"))),
            8 => i64::from_le_bytes(bytes.try_into().expect("eight bytes")),
            _ => unreachable!("no integer type is {width} bytes wide"),
        }
    }

    /// The tail's value number `ordinal`, `None` for NULL. The tail must be well formed: see
    /// [`Layout::split`].
    pub fn tail_value(&self, ordinal: usize) -> Option<&'a [u8]> {
        let mut rest = self.tail;
        for _ in 0..ordinal {
            rest = split_tail_value(rest).1;
        }
        split_tail_value(rest).0
    }

    pub fn to_buf(&self) -> RowBuf {
        RowBuf { fixed: self.fixed.to_vec(), tail: self.tail.to_vec() }
    }
}

/// The first value of a well-formed tail and the tail after it.
fn split_tail_value(tail: &[u8]) -> (Option<&[u8]>, &[u8]) {
    let (length, rest) = tail.split_at(4);
    match u32::from_le_bytes(length.try_into().expect("four bytes")) {
        TAIL_NULL => (None, rest),
        length => {
            let (value, rest) = rest.split_at(length as usize);
            (Some(value), rest)
        }
    }
}

impl RowBuf {
    pub fn as_ref(&self) -> RowRef<'_> {
        RowRef { fixed: &self.fixed, tail: &self.tail }
    }

    /// Appends a value to the tail.
    pub fn push_tail(&mut self, value: Option<&[u8]>) {
        match value {
            None => self.tail.extend_from_slice(&TAIL_NULL.to_le_bytes()),
            Some(value) => {
                assert!(value.len() <= VALUE_BYTES_MAX as usize, "a value of {} bytes", value.len());
                self.tail.extend_from_slice(&(value.len() as u32).to_le_bytes());
                self.tail.extend_from_slice(value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout() -> Layout {
        let text = Type::Varchar { max: 10, in_bytes: true };
        Layout::new([Type::Integer, text, Type::TinyInt, text])
    }

    #[test]
    fn an_image_is_split_at_its_end() {
        let mut row = RowBuf { fixed: vec![1, 0, 0, 0x80, 0xFF], tail: Vec::new() };
        row.push_tail(Some(b"abc"));
        row.push_tail(None);
        let mut bytes = [row.fixed.clone(), row.tail.clone()].concat();
        bytes.extend_from_slice(b"next");
        let (split, rest) = layout().split(&bytes).unwrap();
        assert_eq!(split, row.as_ref());
        assert_eq!(rest, b"next");
        assert_eq!(split.tail_value(0), Some(&b"abc"[..]));
        assert_eq!(split.tail_value(1), None);
        assert_eq!(split.integer(0, 4), i64::from(i32::MIN + 1));
        assert_eq!(split.integer(4, 1), -1);
    }

    #[test]
    fn a_cut_image_names_what_is_missing() {
        let mut row = RowBuf { fixed: vec![0; 5], tail: Vec::new() };
        row.push_tail(Some(b"abc"));
        row.push_tail(Some(b""));
        let bytes = [row.fixed.clone(), row.tail.clone()].concat();
        assert!(layout().split(&bytes).is_ok());
        for cut in 0..bytes.len() {
            assert!(layout().split(&bytes[..cut]).is_err(), "cut at {cut}");
        }
        let long = [&bytes[..5], &(VALUE_BYTES_MAX + 1).to_le_bytes()].concat();
        let expected = ImageError::TailValue { ordinal: 0, length: VALUE_BYTES_MAX + 1, left: 0 };
        assert_eq!(layout().split(&long), Err(expected));
    }
}
