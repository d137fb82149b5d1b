//! How a procedure's answer becomes result tables, written straight into the reply's bytes in VoltDB's table
//! form.

use std::sync::LazyLock;
use tollgate_schema::{
    codec::table::{RowWriter, TableHeader, TableWriter},
    types::Type,
};

/// The result tables of one call, one after another, each with its length in front; appended to the reply.
pub struct Results<'a> {
    bytes: &'a mut Vec<u8>,
    tables: u16,
}

impl<'a> Results<'a> {
    /// Appends to `bytes`.
    pub fn new(bytes: &'a mut Vec<u8>) -> Results<'a> {
        Results { bytes, tables: 0 }
    }

    /// How many tables were written.
    pub fn tables(&self) -> u16 {
        self.tables
    }

    /// A table of the rows that `rows` writes.
    pub fn table(&mut self, header: &TableHeader, rows: impl FnOnce(&mut TableWriter<'_>)) {
        let mut writer = TableWriter::new(self.bytes, header);
        rows(&mut writer);
        writer.finish();
        self.tables += 1;
    }

    /// A table of one row: the usual answer.
    #[inline]
    pub fn one_row(&mut self, header: &TableHeader, cells: impl FnOnce(&mut RowWriter<'_>)) {
        header.one_row(self.bytes, cells);
        self.tables += 1;
    }

    /// One BIGINT in one row: `modified_tuples`, `STATUS`, or no name for a procedure's scalar.
    pub fn scalar(&mut self, name: &str, value: i64) {
        /// Of most procedures: built once.
        static UNNAMED: LazyLock<TableHeader> = LazyLock::new(|| TableHeader::new([("", Type::BigInt)]));
        let named;
        let header = match name {
            "" => &*UNNAMED,
            name => {
                named = TableHeader::new([(name, Type::BigInt)]);
                &named
            }
        };
        self.one_row(header, |row| {
            row.put_i64(value);
        });
    }
}

/// What a procedure may return.
pub trait ToResults {
    fn to_results(self, results: &mut Results<'_>);
}

/// No table.
impl ToResults for () {
    fn to_results(self, _: &mut Results<'_>) {}
}

/// A scalar: one BIGINT column without a name, as VoltDB answers a procedure that returns `long`.
impl ToResults for i64 {
    fn to_results(self, results: &mut Results<'_>) {
        results.scalar("", self);
    }
}

/// Anything that writes its own tables.
impl<F: FnOnce(&mut Results<'_>)> ToResults for F {
    fn to_results(self, results: &mut Results<'_>) {
        self(results);
    }
}
