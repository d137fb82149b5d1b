//! How rows are found by their key: the tag and the comparison that [`super::id_table`] needs. Knows nothing
//! of where rows are.

use super::{
    id_table::{bytes_tag, integer_tag},
    key::{self, KeyColumn},
};
use crate::{
    row::{RowRef, Slot},
    types::Type,
};

/// The key of a table: of its rows, or of a history's clustering.
#[derive(Clone, Debug)]
pub(crate) struct Keying {
    columns: Vec<KeyColumn>,
    /// Offset and width when the key is one integer or timestamp.
    integer: Option<(usize, usize)>,
}

/// A key that is looked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Probe<'a> {
    pub(crate) tag: u32,
    test: Test<'a>,
}

#[derive(Clone, Copy, Debug)]
enum Test<'a> {
    /// The tag says it all.
    Tag,
    Integer {
        offset: usize,
        value: i64,
    },
    Bytes {
        columns: &'a [KeyColumn],
        key: &'a [u8],
    },
}

impl Keying {
    pub(crate) fn new(columns: Vec<KeyColumn>) -> Keying {
        let integer = match columns[..] {
            [KeyColumn { slot: Slot::Fixed { offset }, column_type }]
                if column_type.is_integer() || column_type == Type::Timestamp =>
            {
                Some((offset as usize, column_type.fixed_width().expect("an integer type")))
            }
            _ => None,
        };
        Keying { columns, integer }
    }

    /// The key that is this integer; `None` when the key is no integer, or of a type that can't hold it.
    #[inline]
    pub(crate) fn probe_integer(&self, value: i64) -> Option<Probe<'static>> {
        let (offset, width) = self.integer?;
        let unused = 64 - 8 * width as u32;
        (value << unused >> unused == value).then(|| probe_integer(offset, width, value))
    }

    /// The row's key when it is one integer.
    #[inline]
    pub(crate) fn integer(&self, row: RowRef<'_>) -> Option<i64> {
        self.integer.map(|(offset, width)| row.integer(offset, width))
    }

    /// The key with this encoding, which is well formed.
    pub(crate) fn probe_encoded<'a>(&'a self, encoded: &'a [u8]) -> Probe<'a> {
        match self.integer {
            Some((offset, width)) => {
                assert!(encoded.len() == width, "a key of {} bytes, not {width}", encoded.len());
                let mut value = [0; 8];
                value[..width].copy_from_slice(encoded);
                let value = (i64::from_be_bytes(value) ^ i64::MIN) >> (64 - 8 * width as u32);
                probe_integer(offset, width, value)
            }
            None => {
                Probe { tag: bytes_tag(encoded), test: Test::Bytes { columns: &self.columns, key: encoded } }
            }
        }
    }

    /// The key of a row. `scratch` is emptied, and used if the key is no integer.
    #[inline]
    pub(crate) fn probe_row<'a>(&'a self, row: RowRef<'_>, scratch: &'a mut Vec<u8>) -> Probe<'a> {
        if let Some((offset, width)) = self.integer {
            return probe_integer(offset, width, row.integer(offset, width));
        }
        scratch.clear();
        for column in &self.columns {
            key::push_column(row, *column, scratch);
        }
        self.probe_encoded(scratch)
    }

    /// Whether two rows have the same key.
    #[inline]
    pub(crate) fn same(&self, a: RowRef<'_>, b: RowRef<'_>) -> bool {
        match self.integer {
            Some((offset, width)) => a.integer(offset, width) == b.integer(offset, width),
            None => key::equals(a, &self.columns, &key::of_row(b, &self.columns)),
        }
    }
}

#[inline]
fn probe_integer(offset: usize, width: usize, value: i64) -> Probe<'static> {
    let test = if width <= 4 { Test::Tag } else { Test::Integer { offset, value } };
    Probe { tag: integer_tag(value), test }
}

impl Probe<'_> {
    /// Whether the row that `row` gives, and whose key has this tag, has this key.
    #[inline]
    pub(crate) fn is<'r>(&self, row: impl FnOnce() -> RowRef<'r>) -> bool {
        match self.test {
            Test::Tag => true,
            Test::Integer { offset, value } => row().integer(offset, 8) == value,
            Test::Bytes { columns, key } => key::equals(row(), columns, key),
        }
    }
}
