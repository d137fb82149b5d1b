//! A walk over all rows of a table, done in pieces while the table changes between them: what expiry looks
//! through when no index leads to the expired. Whole pages, so that a piece costs what it looks at and
//! nothing is remembered but a place.

use super::{Store, chunks::PAGE_BYTES, table::Body};
use crate::{catalog::TableId, row::RowRef};

/// How many pages of 4 KiB a page of a history counts for.
const HISTORY_PAGE_WEIGHT: usize = PAGE_BYTES.div_ceil(4096);

/// Where a walk goes on. Rows that stay where they are are met once a walk; one that is moved meanwhile may
/// be met again or not, so what must be found is looked for walk after walk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SweepPlace {
    /// Of a history's chunks.
    class: usize,
    page: u32,
}

impl Store {
    /// Shows the rows of the next `pages_max` pages (of 4 KiB; at least one, of whatever size) of a table to
    /// `visit`, until it returns false. Where to go on; `None` at the end. A page that `visit` stopped on is
    /// shown again, as it then is.
    ///
    /// # Panics
    /// If it is a stream or a view.
    pub fn sweep(
        &self,
        table: TableId,
        from: SweepPlace,
        pages_max: usize,
        visit: &mut dyn FnMut(RowRef<'_>) -> bool,
    ) -> Option<SweepPlace> {
        match &self.table(table).body {
            Body::Rows(rows) => {
                for (n, (page, mut rows)) in rows.rows.pages.pages_from(from.page).enumerate() {
                    if n == pages_max || !rows.all(|(_, row)| visit(row)) {
                        return Some(SweepPlace { class: 0, page });
                    }
                }
            }
            Body::History(history) => {
                let pages_max = pages_max.div_ceil(HISTORY_PAGE_WEIGHT);
                let pages = history.chunk_pages().pages_from(from.class, from.page);
                for (n, (class, page, mut rows)) in pages.enumerate() {
                    if n == pages_max || !rows.all(&mut *visit) {
                        return Some(SweepPlace { class, page });
                    }
                }
            }
            Body::Stream(_) | Body::View | Body::Runs(_) => panic!("only the rows of tables are swept"),
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ddl, dynamic, record, value::Value};
    use std::{collections::BTreeMap, sync::Arc};

    const DDL: &str = "
        CREATE TABLE keyed (id INTEGER NOT NULL, name VARCHAR(9), PRIMARY KEY (id));
        CREATE TABLE heap (id INTEGER NOT NULL, name VARCHAR(9));
        CREATE TABLE history (key INTEGER NOT NULL, at TIMESTAMP, id INTEGER, name VARCHAR(9));
        PARTITION TABLE history ON COLUMN key;
        CREATE INDEX by_key ON history (key, at)";

    fn filled(rows: i32) -> Store {
        let mut store = Store::new(Arc::new(ddl::parse(DDL).unwrap()));
        for n in 0..rows {
            let name = Value::Varchar(format!("{n:05}"));
            for table in [0, 1] {
                dynamic::insert(&mut store, table, &[Value::Integer(n), name.clone()], 0).unwrap();
            }
            let row = [Value::Integer(n * n % 97), Value::Timestamp(n.into()), Value::Integer(n), name];
            dynamic::insert(&mut store, 2, &row, 0).unwrap();
        }
        store
    }

    /// How often each row was met in one walk.
    fn walk(store: &Store, table: TableId, pages_max: usize) -> BTreeMap<String, u32> {
        let (mut met, mut place, mut pieces) = (BTreeMap::new(), SweepPlace::default(), 0);
        loop {
            let next = store.sweep(table, place, pages_max, &mut |row| {
                let name = record::decode_row(store.catalog().table(table), row).pop().unwrap();
                *met.entry(name.to_string()).or_insert(0) += 1;
                true
            });
            pieces += 1;
            match next {
                Some(next) => {
                    assert_ne!(next, place, "a piece gets on");
                    place = next;
                }
                None => break,
            }
        }
        assert!(pieces > 1 || met.is_empty(), "{pieces} pieces");
        met
    }

    #[test]
    fn every_row_is_met_once() {
        let store = filled(5000);
        for table in 0..3 {
            for pages_max in [1, 7] {
                let met = walk(&store, table, pages_max);
                assert_eq!(met.len(), 5000, "table {table}");
                assert!(met.values().all(|times| *times == 1), "table {table}");
            }
        }
        assert_eq!(walk(&filled(0), 0, 1).len(), 0);
    }

    #[test]
    fn what_is_deleted_on_the_way_is_found_entirely() {
        for table in [0, 1, 2] {
            let mut store = filled(3000);
            let def = store.catalog().table(table).clone();
            let id_column = def.column("ID").unwrap();
            let (mut place, mut walks) = (SweepPlace::default(), 0);
            while walks < 3 {
                let mut found = Vec::new();
                let next = store.sweep(table, place, 4, &mut |row| {
                    let id = record::column_value(&def, row, id_column).as_integer().unwrap();
                    if id % 3 != 0 {
                        found.push(row.to_buf());
                    }
                    found.len() < 50
                });
                for row in &found {
                    match table {
                        0 => {
                            let key = [record::column_value(&def, row.as_ref(), 0)];
                            assert!(dynamic::delete(&mut store, table, &key).unwrap());
                        }
                        _ => assert!(store.delete_equal(table, row.as_ref()).unwrap()),
                    }
                }
                walks += u32::from(next.is_none());
                place = next.unwrap_or_default();
            }
            assert_eq!(store.count(table), 1000, "table {table}");
        }
    }
}
