//! What the code that `tollgate_schema_macros::schema!` generates stands on: access to a store, and columns
//! of fixed width as plain loads. Never knows a table; generated code is the only caller of most of it.

mod scalar;
mod tail;

pub use scalar::{Scalar, is_null, load, load_nullable, null_check, store, store_nullable};
pub use tail::{Change, Tail};

use crate::{
    catalog::TableId,
    row::{RowRef, Slot},
    store::{
        RowCow, Store, WriteError,
        key::{self, KeyColumn},
    },
    types::Type,
};

/// Whoever has a partition's rows at hand: a transaction. The generated trait `Tables` is there for all of
/// them.
pub trait Access {
    fn store(&self) -> &Store;
    fn store_mut(&mut self) -> &mut Store;
    /// Where the tables of the generated module begin in the store's catalogue.
    fn base(&self) -> TableId;
    /// The transaction's time, microseconds since 1970-01-01 UTC.
    fn now_us(&self) -> i64;
}

/// The fixed part of a row, whose width is known when the code is compiled.
#[inline(always)]
pub fn fixed_part<const WIDTH: usize>(row: RowRef<'_>) -> &[u8; WIDTH] {
    row.fixed.try_into().expect("the catalogue the code was generated from is the store's")
}

/// A row with strings as it is stored, before it is.
pub struct Image<const WIDTH: usize> {
    pub fixed: [u8; WIDTH],
    pub tail: Tail,
}

impl<const WIDTH: usize> Image<WIDTH> {
    #[inline(always)]
    pub fn row(&self) -> RowRef<'_> {
        RowRef { fixed: &self.fixed, tail: self.tail.bytes() }
    }
}

/// A row without strings as it is stored, before it is.
pub struct FixedImage<const WIDTH: usize> {
    pub fixed: [u8; WIDTH],
}

impl<const WIDTH: usize> FixedImage<WIDTH> {
    #[inline(always)]
    pub fn row(&self) -> RowRef<'_> {
        RowRef { fixed: &self.fixed, tail: &[] }
    }
}

/// A VARCHAR of a tail.
pub fn text(row: RowRef<'_>, ordinal: usize) -> Option<&str> {
    let text = |bytes| std::str::from_utf8(bytes).expect("nothing but text is written to a VARCHAR");
    row.tail_value(ordinal).map(text)
}

/// A stored row: a table holds no others.
pub fn stored(row: RowCow<'_>) -> RowRef<'_> {
    match row {
        RowCow::Stored(row) => row,
        RowCow::Made(_) => unreachable!("only views make rows up"),
    }
}

/// Appends one key column of fixed width.
pub fn push_key<V: Scalar>(value: V, column_type: Type, key: &mut Vec<u8>) {
    let mut bytes = [0; 16];
    value.write(&mut bytes[..V::WIDTH]);
    let row = RowRef { fixed: &bytes, tail: &[] };
    key::push_column(row, KeyColumn { slot: Slot::Fixed { offset: 0 }, column_type }, key);
}

/// Appends one key column that is a VARCHAR or VARBINARY.
pub fn push_text_key(value: Option<&[u8]>, key: &mut Vec<u8>) {
    key::push_text(value, key);
}

/// A text's length against its column's limit.
pub fn check_text(
    text: &str,
    max: u32,
    in_bytes: bool,
    table: TableId,
    column: u16,
) -> Result<(), WriteError> {
    let fits = crate::value::check_text_length(text, max, in_bytes).is_ok();
    if fits { Ok(()) } else { Err(WriteError::TooLong { table, column }) }
}

/// A binary value's length against its column's limit.
pub fn check_binary(bytes: &[u8], max: u32, table: TableId, column: u16) -> Result<(), WriteError> {
    let fits = crate::value::check_binary_length(bytes, max).is_ok();
    if fits { Ok(()) } else { Err(WriteError::TooLong { table, column }) }
}
