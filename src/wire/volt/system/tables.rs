//! How an answer is put together: tables one behind the other, each with its length in front.

use tollgate_schema::{
    codec::{RowWriter, TableHeader, TableWriter},
    types::{Type, VARCHAR_DEFAULT},
    value::Value,
};

use crate::wire::volt::response::Tables;

// The column types of system tables, short enough for their lists.
pub(super) const TINYINT: Type = Type::TinyInt;
pub(super) const SMALLINT: Type = Type::SmallInt;
pub(super) const INTEGER: Type = Type::Integer;
pub(super) const BIGINT: Type = Type::BigInt;
pub(super) const FLOAT: Type = Type::Float;
pub(super) const STRING: Type = VARCHAR_DEFAULT;
pub(super) const BINARY: Type = Type::Varbinary { max: tollgate_schema::types::VALUE_BYTES_MAX };

pub(super) type Column = (&'static str, Type);

/// The tables of an answer, owned.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResultTables {
    count: u16,
    bytes: Vec<u8>,
}

impl ResultTables {
    pub fn new() -> ResultTables {
        ResultTables::default()
    }

    /// A copy of a response's tables.
    pub fn of(tables: Tables<'_>) -> ResultTables {
        ResultTables { count: tables.count, bytes: tables.bytes.to_vec() }
    }

    /// What actions answer: one BIGINT column `STATUS`, value 0.
    pub fn status_ok() -> ResultTables {
        ResultTables::new().with(&[("STATUS", BIGINT)], [()], |r, ()| {
            r.put_i64(0);
        })
    }

    /// What writing SQL answers: one BIGINT column `modified_tuples`.
    pub fn modified(rows: i64) -> ResultTables {
        ResultTables::new().with(&[("modified_tuples", BIGINT)], [rows], |r, rows| {
            r.put_i64(rows);
        })
    }

    /// Appends a table of these columns with a row for each item; `fill` puts the item's cells.
    #[must_use]
    pub fn with<I>(
        self,
        columns: &[(&str, Type)],
        items: impl IntoIterator<Item = I>,
        mut fill: impl FnMut(&mut RowWriter<'_>, I),
    ) -> ResultTables {
        self.with_header(&TableHeader::new(columns.iter().copied()), |table| {
            for item in items {
                table.row(|r| fill(r, item));
            }
        })
    }

    /// Appends a table of that shape; `fill` writes its rows.
    #[must_use]
    pub fn with_header(
        mut self,
        header: &TableHeader,
        fill: impl FnOnce(&mut TableWriter<'_>),
    ) -> ResultTables {
        let mut table = TableWriter::new(&mut self.bytes, header);
        fill(&mut table);
        table.finish();
        self.count += 1;
        self
    }

    /// Appends a table of values, as queries give them.
    ///
    /// # Panics
    /// If a value is neither NULL nor of its column's type.
    #[must_use]
    pub fn with_values(self, columns: &[(String, Type)], rows: &[Vec<Value>]) -> ResultTables {
        let header = TableHeader::new(columns.iter().map(|(name, t)| (name.as_str(), *t)));
        self.with_header(&header, |table| {
            for values in rows {
                table.row(|r| {
                    values.iter().for_each(|value| {
                        r.put_value(value);
                    });
                });
            }
        })
    }

    /// Appends another answer's tables.
    #[must_use]
    pub fn and(mut self, other: ResultTables) -> ResultTables {
        self.count += other.count;
        self.bytes.extend_from_slice(&other.bytes);
        self
    }

    pub fn tables(&self) -> Tables<'_> {
        Tables { count: self.count, bytes: &self.bytes }
    }
}
