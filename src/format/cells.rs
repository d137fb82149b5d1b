//! A row's columns, one after another, straight from its bytes. Never knows formats, allocates nothing.

use tollgate_schema::{
    catalog::TableDef,
    row::{RowRef, Slot, TAIL_NULL},
    types::Type,
    value::{Decimal, NULL_DECIMAL, NULL_FLOAT},
};

/// One column's value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Cell<'a> {
    Null,
    Integer(i64),
    Float(f64),
    Decimal(Decimal),
    /// UTF-8: only text is ever written to a VARCHAR.
    Text(&'a [u8]),
    Binary(&'a [u8]),
    /// Microseconds since 1970-01-01 UTC.
    Timestamp(i64),
}

/// How a column is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reading {
    TinyInt { offset: usize },
    SmallInt { offset: usize },
    Integer { offset: usize },
    BigInt { offset: usize },
    Timestamp { offset: usize },
    Float { offset: usize },
    Decimal { offset: usize },
    Text { ordinal: usize },
    Binary { ordinal: usize },
}

/// A column that leaves.
#[derive(Clone, Debug)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) column_type: Type,
    pub(super) nullable: bool,
    reading: Reading,
}

impl Column {
    /// `position`: of one of the table's columns.
    pub(super) fn new(table: &TableDef, position: usize) -> Column {
        let column = &table.columns[position];
        let reading = match (table.layout.slots[position], column.column_type) {
            (Slot::Tail { ordinal }, Type::Varbinary { .. }) => Reading::Binary { ordinal: ordinal as usize },
            (Slot::Tail { ordinal }, _) => Reading::Text { ordinal: ordinal as usize },
            (Slot::Fixed { offset }, Type::Timestamp) => Reading::Timestamp { offset: offset as usize },
            (Slot::Fixed { offset }, Type::Float) => Reading::Float { offset: offset as usize },
            (Slot::Fixed { offset }, Type::Decimal) => Reading::Decimal { offset: offset as usize },
            (Slot::Fixed { offset }, Type::TinyInt) => Reading::TinyInt { offset: offset as usize },
            (Slot::Fixed { offset }, Type::SmallInt) => Reading::SmallInt { offset: offset as usize },
            (Slot::Fixed { offset }, Type::Integer) => Reading::Integer { offset: offset as usize },
            (Slot::Fixed { offset }, Type::BigInt) => Reading::BigInt { offset: offset as usize },
            (Slot::Fixed { .. }, Type::Varchar { .. } | Type::Varbinary { .. }) => {
                unreachable!("a column in the fixed part is of a fixed width")
            }
        };
        Column {
            name: column.name.clone(),
            column_type: column.column_type,
            nullable: column.nullable,
            reading,
        }
    }
}

/// Reads columns of one row. Cheapest in the order of the declaration: the tail is walked once.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cells<'a> {
    row: RowRef<'a>,
    /// The tail from value number `next` on.
    rest: &'a [u8],
    next: usize,
}

impl<'a> Cells<'a> {
    pub(super) fn new(row: RowRef<'a>) -> Cells<'a> {
        Cells { row, rest: row.tail, next: 0 }
    }

    /// The row must be one of the column's table. Inlined, so that a cell is at once what becomes of it.
    #[inline(always)]
    pub(super) fn read(&mut self, column: &Column) -> Cell<'a> {
        match column.reading {
            Reading::TinyInt { offset } => match i8::from_le_bytes(self.fixed(offset)) {
                i8::MIN => Cell::Null,
                number => Cell::Integer(number.into()),
            },
            Reading::SmallInt { offset } => match i16::from_le_bytes(self.fixed(offset)) {
                i16::MIN => Cell::Null,
                number => Cell::Integer(number.into()),
            },
            Reading::Integer { offset } => match i32::from_le_bytes(self.fixed(offset)) {
                i32::MIN => Cell::Null,
                number => Cell::Integer(number.into()),
            },
            Reading::BigInt { offset } => match i64::from_le_bytes(self.fixed(offset)) {
                i64::MIN => Cell::Null,
                number => Cell::Integer(number),
            },
            Reading::Timestamp { offset } => match i64::from_le_bytes(self.fixed(offset)) {
                i64::MIN => Cell::Null,
                micros => Cell::Timestamp(micros),
            },
            Reading::Float { offset } => match f64::from_le_bytes(self.fixed(offset)) {
                number if number <= NULL_FLOAT => Cell::Null,
                number => Cell::Float(number),
            },
            Reading::Decimal { offset } => match i128::from_le_bytes(self.fixed(offset)) {
                NULL_DECIMAL => Cell::Null,
                number => Cell::Decimal(Decimal(number)),
            },
            Reading::Text { ordinal } => self.tail(ordinal).map_or(Cell::Null, Cell::Text),
            Reading::Binary { ordinal } => self.tail(ordinal).map_or(Cell::Null, Cell::Binary),
        }
    }

    #[inline(always)]
    fn fixed<const WIDTH: usize>(&self, offset: usize) -> [u8; WIDTH] {
        *self.row.fixed[offset..].first_chunk().expect("the row is one of the column's table")
    }

    #[inline]
    fn tail(&mut self, ordinal: usize) -> Option<&'a [u8]> {
        if ordinal < self.next {
            (self.rest, self.next) = (self.row.tail, 0);
        }
        loop {
            let (length, rest) = self.rest.split_first_chunk().expect("a row's tail is well formed");
            let length = u32::from_le_bytes(*length);
            let value = if length == TAIL_NULL { None } else { Some(rest.split_at(length as usize)) };
            self.rest = value.map_or(rest, |(_, after)| after);
            self.next += 1;
            if self.next > ordinal {
                return value.map(|(value, _)| value);
            }
        }
    }
}
