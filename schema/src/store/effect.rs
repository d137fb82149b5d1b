//! Effects: what a transaction changed, as bytes that any replica applies. The form is `docs/FORMAT.md`,
//! "Effects". Knows the catalogue's order and layouts; nothing of where rows are.

use thiserror::Error;

use super::{
    key,
    shape::{Shape, ShapeKind},
};
use crate::{
    catalog::TableId,
    row::{ImageError, RowRef},
};

const PUT: u8 = 1;
const PUT_FIXED: u8 = 2;
const DELETE: u8 = 3;
const DELETE_EQUAL: u8 = 4;
const APPEND: u8 = 5;
const TRIM: u8 = 6;

/// In the place of a table's byte: the number follows in two.
const WIDE_TABLE: u8 = 0xFF;

/// One change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect<'a> {
    /// A keyed table: insert or replace by primary key. A history or a heap: insert.
    Put {
        table: TableId,
        row: RowRef<'a>,
    },
    /// A keyed table whose key is in the fixed part: replace that part of a row that exists.
    PutFixed {
        table: TableId,
        fixed: &'a [u8],
    },
    /// A keyed table: delete by the key's encoding.
    Delete {
        table: TableId,
        key: &'a [u8],
    },
    /// A history or a heap: delete one equal row.
    DeleteEqual {
        table: TableId,
        row: RowRef<'a>,
    },
    Append {
        table: TableId,
        timestamp_us: i64,
        row: RowRef<'a>,
    },
    /// Forget a stream's rows before that offset.
    Trim {
        table: TableId,
        first_offset: u64,
    },
}

/// Effects that can't be applied: bytes that are none, or that don't fit the rows at hand.
/// The store has applied a part of them and is to be thrown away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum EffectError {
    #[error("effect at byte {at}: {reason}")]
    Malformed { at: usize, reason: Malformed },
    #[error("effect at byte {at}: table {table} has no such row")]
    NoSuchRow { at: usize, table: TableId },
    #[error("effect at byte {at}: table {table} refuses the row: {error}")]
    Refused { at: usize, table: TableId, error: super::WriteError },
    #[error("effect at byte {at}: stream {table} can't be trimmed to offset {first_offset}")]
    Trim { at: usize, table: TableId, first_offset: u64 },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Malformed {
    #[error("the table's number is cut short")]
    TableCut,
    #[error("no table has number {0}")]
    NoSuchTable(TableId),
    #[error("operation {operation} is not one for table {table}")]
    Operation { operation: u8, table: TableId },
    #[error("{0}")]
    Image(#[from] ImageError),
    #[error("text column {ordinal} is not UTF-8")]
    Text { ordinal: usize },
    #[error("the fixed part is cut short")]
    Fixed,
    #[error("the key is cut short or malformed")]
    Key,
    #[error("the number after the table is cut short")]
    Number,
}

/// Appends effects to a block.
pub(crate) fn push_head(operation_of: &Effect<'_>, out: &mut Vec<u8>) {
    let (operation, table) = match *operation_of {
        Effect::Put { table, .. } => (PUT, table),
        Effect::PutFixed { table, .. } => (PUT_FIXED, table),
        Effect::Delete { table, .. } => (DELETE, table),
        Effect::DeleteEqual { table, .. } => (DELETE_EQUAL, table),
        Effect::Append { table, .. } => (APPEND, table),
        Effect::Trim { table, .. } => (TRIM, table),
    };
    if table < TableId::from(WIDE_TABLE) {
        out.extend_from_slice(&[operation, table as u8]);
    } else {
        out.extend_from_slice(&[operation, WIDE_TABLE]);
        out.extend_from_slice(&table.to_le_bytes());
    }
}

impl Effect<'_> {
    /// Appends the effect's bytes.
    #[inline]
    pub(crate) fn push(&self, out: &mut Vec<u8>) {
        push_head(self, out);
        match *self {
            Effect::Put { row, .. } | Effect::DeleteEqual { row, .. } => push_row(row, out),
            Effect::PutFixed { fixed, .. } => out.extend_from_slice(fixed),
            Effect::Delete { key, .. } => out.extend_from_slice(key),
            Effect::Append { timestamp_us, row, .. } => {
                out.extend_from_slice(&timestamp_us.to_le_bytes());
                push_row(row, out);
            }
            Effect::Trim { first_offset, .. } => out.extend_from_slice(&first_offset.to_le_bytes()),
        }
    }
}

fn push_row(row: RowRef<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(row.fixed);
    if !row.tail.is_empty() {
        out.extend_from_slice(row.tail);
    }
}

/// Takes one effect off the front of `bytes`: the effect, and what follows it. `bytes` is not empty.
#[inline]
pub(crate) fn split<'a>(shapes: &[Shape], bytes: &'a [u8]) -> Result<(Effect<'a>, &'a [u8]), Malformed> {
    let operation = bytes[0];
    let (table, rest) = split_table(&bytes[1..])?;
    let shape = shapes.get(usize::from(table)).ok_or(Malformed::NoSuchTable(table))?;
    use ShapeKind::{Heap, History, Keyed, Stream};
    match (operation, shape.kind) {
        (PUT, Keyed | History | Heap) => {
            let (row, rest) = split_row(shape, rest)?;
            Ok((Effect::Put { table, row }, rest))
        }
        (PUT_FIXED, Keyed) if shape.key_is_fixed => {
            let (fixed, rest) = rest.split_at_checked(shape.layout.fixed_width).ok_or(Malformed::Fixed)?;
            Ok((Effect::PutFixed { table, fixed }, rest))
        }
        (DELETE, Keyed) => {
            let (key, rest) = rest.split_at(key::measure(&shape.key, rest).ok_or(Malformed::Key)?);
            Ok((Effect::Delete { table, key }, rest))
        }
        (DELETE_EQUAL, History | Heap) => {
            let (row, rest) = split_row(shape, rest)?;
            Ok((Effect::DeleteEqual { table, row }, rest))
        }
        (APPEND, Stream) => {
            let (timestamp_us, rest) = rest.split_first_chunk().ok_or(Malformed::Number)?;
            let (row, rest) = split_row(shape, rest)?;
            Ok((Effect::Append { table, timestamp_us: i64::from_le_bytes(*timestamp_us), row }, rest))
        }
        (TRIM, Stream) => {
            let (first_offset, rest) = rest.split_first_chunk().ok_or(Malformed::Number)?;
            Ok((Effect::Trim { table, first_offset: u64::from_le_bytes(*first_offset) }, rest))
        }
        _ => Err(Malformed::Operation { operation, table }),
    }
}

fn split_table(bytes: &[u8]) -> Result<(TableId, &[u8]), Malformed> {
    match bytes {
        [WIDE_TABLE, low, high, rest @ ..] => Ok((TableId::from_le_bytes([*low, *high]), rest)),
        [WIDE_TABLE, ..] | [] => Err(Malformed::TableCut),
        [table, rest @ ..] => Ok((TableId::from(*table), rest)),
    }
}

/// Takes a row image of that table off the front of `bytes`, with its texts checked.
#[inline]
pub(crate) fn split_row<'a>(shape: &Shape, bytes: &'a [u8]) -> Result<(RowRef<'a>, &'a [u8]), Malformed> {
    let (row, rest) = shape.layout.split(bytes)?;
    for (ordinal, _) in shape.tail_is_text.iter().enumerate().filter(|(_, is_text)| **is_text) {
        if row.tail_value(ordinal).is_some_and(|text| std::str::from_utf8(text).is_err()) {
            return Err(Malformed::Text { ordinal });
        }
    }
    Ok((row, rest))
}
