//! What a store holds, as one number; and what it takes. For tests, the simulator and statistics.

use super::{Store, TableMemory, id_table::bytes_hash, table::Body};
use crate::{catalog::TableId, row::RowRef};

fn row_hash(row: RowRef<'_>) -> u64 {
    bytes_hash(row.fixed) ^ bytes_hash(row.tail).rotate_left(32)
}

impl Store {
    /// A digest of the contents: equal on every replica that holds the same rows, wherever they are.
    pub fn state_digest(&self) -> u64 {
        let tables = (0..self.tables.len() as TableId).map(|id| {
            let sum = self.table_digest(id);
            bytes_hash(&[&u64::from(id).to_le_bytes()[..], &sum.to_le_bytes()].concat())
        });
        tables.fold(0, u64::wrapping_add)
    }

    /// Sums, so that the order in which rows are met does not count.
    fn table_digest(&self, id: TableId) -> u64 {
        match &self.table(id).body {
            Body::Rows(rows) => {
                rows.rows.pages.iter().map(|(_, row)| row_hash(row)).fold(0, u64::wrapping_add)
            }
            // The order of a key's rows counts.
            Body::History(history) => {
                let key = |rows: super::History<'_>| {
                    rows.fold(1, |hash: u64, row| {
                        bytes_hash(&[hash.to_le_bytes(), row_hash(row).to_le_bytes()].concat())
                    })
                };
                history.keys().map(key).fold(0, u64::wrapping_add)
            }
            Body::Stream(stream) => {
                let (first, next) = stream.bounds();
                let bounds = bytes_hash(&[first.to_le_bytes(), next.to_le_bytes()].concat());
                let rows = stream.read(first).map(|(offset, timestamp_us, row)| {
                    let place = [offset.to_le_bytes(), timestamp_us.to_le_bytes()].concat();
                    bytes_hash(&[&place[..], &row_hash(row).to_le_bytes()].concat())
                });
                rows.fold(bounds, u64::wrapping_add)
            }
            Body::View => {
                let view = self.view(id);
                let values = view.values.rows.pages.iter().map(|(_, row)| row_hash(row).rotate_left(1));
                let rows = view.rows.pages.iter().map(|(_, row)| row_hash(row));
                rows.chain(values).fold(0, u64::wrapping_add)
            }
            // What it shows is its source's.
            Body::Runs(_) => 0,
        }
    }

    /// What each table, stream and view takes, as allocated.
    pub fn memory(&self) -> Vec<TableMemory> {
        let each = |(id, table): (usize, &super::table::Table)| {
            let (row_bytes, tail_bytes, more) = match &table.body {
                Body::Rows(rows) => rows.allocated_bytes(),
                Body::History(history) => history.allocated_bytes(),
                Body::Stream(stream) => (stream.allocated_bytes(), 0, 0),
                Body::View => self.view(id as TableId).allocated_bytes(),
                Body::Runs(_) => (0, 0, 0),
            };
            let rows = if matches!(table.body, Body::Runs(_)) { 0 } else { self.count(id as TableId) };
            let indexes: u64 = table.indexes.iter().map(super::index::Index::allocated_bytes).sum();
            TableMemory { table: id as TableId, rows, row_bytes, tail_bytes, index_bytes: more + indexes }
        };
        self.tables.iter().enumerate().map(each).collect()
    }
}
