//! How a row is laid out in bytes: the one layout of tables, effects, snapshots and streams.
//!
//! A row image is its *fixed part* followed by its *tail*.
//! - Fixed part: the columns of fixed width, in the order of declaration, little-endian, without padding,
//!   NULL as VoltDB's null of the type.
//! - Tail: for each VARCHAR or VARBINARY column in the order of declaration a `u32` little-endian length,
//!   `u32::MAX` for NULL, then the bytes. A table without such columns has no tail.

use crate::types::Type;

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
