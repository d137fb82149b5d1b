//! [`Store`]: the rows of one partition, and how they are read. How they are written is in `write`,
//! `rollback` and `apply`.

use std::{collections::VecDeque, ops::Bound, sync::Arc};

use super::{
    History, Mark, RowCow, RowId,
    guard::Guard,
    id_table::IdTable,
    index::{EntryRange, Index},
    keying::Keying,
    prefetch::prefetch_line,
    runs::Runs,
    shape::{Shape, shapes},
    stream::StreamSlice,
    table::{Body, Table},
    undo::Undo,
    view::{View, visible_rows},
    view_plan::ViewPlan,
};
use crate::{
    catalog::{Catalog, TableId, TableKind},
    row::{RowBuf, RowRef},
};

/// The rows of one partition.
#[derive(Debug)]
pub struct Store {
    pub(super) catalog: Arc<Catalog>,
    pub(super) shapes: Arc<[Shape]>,
    pub(super) tables: Vec<Table>,
    /// The stored views, each at its own number.
    pub(super) views: Vec<Option<View>>,
    pub(super) undo: Undo,
    /// Trims whose rows are still there to be shown again: undo position before it, stream, first offset
    /// after it.
    pub(super) trims: VecDeque<(u64, TableId, u64)>,
    pub(super) effects: Vec<u8>,
    /// Bytes of effects that were taken before these.
    pub(super) effects_base: u64,
    /// Whether changes leave undo and effects behind: not while effects are applied and changes undone.
    pub(super) is_recording: bool,
    pub(super) guard: Guard,
}

impl Store {
    /// An empty partition.
    pub fn new(catalog: Arc<Catalog>) -> Store {
        let shapes: Arc<[Shape]> = shapes(&catalog).into();
        let ids = 0..catalog.tables.len() as TableId;
        let mut tables: Vec<Table> =
            ids.clone().map(|id| Table::new(&catalog, id, &shapes[usize::from(id)])).collect();
        let mut views: Vec<Option<View>> = ids.clone().map(|_| None).collect();
        for id in ids {
            let definition = catalog.table(id);
            if let (TableKind::View(view), Body::View) = (&definition.kind, &tables[usize::from(id)].body) {
                let over_stream = catalog.table(view.source).is_stream();
                let plan = ViewPlan::new(&catalog, definition, view);
                views[usize::from(id)] = Some(View::new(plan, over_stream));
                tables[usize::from(view.source)].views.push(id);
            }
        }
        Store {
            catalog,
            shapes,
            tables,
            views,
            undo: Undo::default(),
            trims: Default::default(),
            effects: Vec::new(),
            effects_base: 0,
            is_recording: true,
            guard: Guard::default(),
        }
    }

    pub fn catalog(&self) -> &Arc<Catalog> {
        &self.catalog
    }

    #[inline]
    pub(super) fn table(&self, table: TableId) -> &Table {
        &self.tables[usize::from(table)]
    }

    #[inline]
    pub(super) fn table_mut(&mut self, table: TableId) -> &mut Table {
        &mut self.tables[usize::from(table)]
    }

    pub(super) fn view(&self, view: TableId) -> &View {
        self.views[usize::from(view)].as_ref().expect("the view is stored")
    }

    /// The row with that primary key, in the encoding of [`super::key`].
    pub fn find(&self, table: TableId, key: &[u8]) -> Option<RowId> {
        let rows = self.table(table).rows();
        rows.find(rows.keying().probe_encoded(key)).map(RowId)
    }

    /// The row with that primary key, in a table whose primary key is one integer column.
    #[inline]
    pub fn find_int(&self, table: TableId, key: i64) -> Option<RowId> {
        let rows = self.table(table).rows();
        rows.find(rows.keying().probe_integer(key)?).map(RowId)
    }

    /// A row that exists.
    #[inline]
    pub fn row(&self, table: TableId, id: RowId) -> RowRef<'_> {
        self.table(table).rows().rows.pages.row(id.0)
    }

    /// The fixed part of a row that exists, without its strings.
    #[inline]
    pub fn fixed_of(&self, table: TableId, id: RowId) -> RowRef<'_> {
        RowRef { fixed: self.table(table).rows().rows.pages.fixed(id.0), tail: &[] }
    }

    /// The rows of an integer key in a history, newest first.
    #[inline]
    pub fn history(&self, table: TableId, key: i64) -> History<'_> {
        let history = self.table(table).history();
        match history.keying.probe_integer(key) {
            Some(probe) => history.of(probe),
            None => history.none(),
        }
    }

    /// The rows of a key in a history, newest first; the key in the encoding of [`super::key`].
    pub fn history_bytes(&self, table: TableId, key: &[u8]) -> History<'_> {
        let history = self.table(table).history();
        history.of(history.keying.probe_encoded(key))
    }

    /// Every row of a table, stream or view, in no promised order.
    pub fn scan(&self, table: TableId) -> Box<dyn Iterator<Item = RowCow<'_>> + '_> {
        match &self.table(table).body {
            Body::Rows(rows) => Box::new(rows.rows.pages.iter().map(|(_, row)| RowCow::Stored(row))),
            Body::History(history) => Box::new(history.keys().flatten().map(RowCow::Stored)),
            Body::Stream(stream) => Box::new(stream.read(0).map(|(_, _, row)| RowCow::Stored(row))),
            Body::View => {
                let view = self.view(table);
                Box::new(visible_rows(&view.plan, &view.rows.pages).map(RowCow::Stored))
            }
            Body::Runs(plan) => {
                let history = self.table(plan.source).history();
                Box::new(history.keys().flat_map(|rows| Runs::new(plan, rows)).map(RowCow::Made))
            }
        }
    }

    /// Rows in the order of an index whose encoded keys lie between the bounds. An excluded lower bound
    /// excludes the keys that begin with it, an included upper bound includes them. `index` counts through
    /// `TableDef::indexes`, then `TableDef::uniques`.
    pub fn index_range(
        &self,
        table: TableId,
        index: usize,
        from: Bound<&[u8]>,
        to: Bound<&[u8]>,
    ) -> IndexRange<'_> {
        let table = self.table(table);
        let index = &table.indexes[index];
        if index.is_clustering() {
            let rows = index.clustered_rows(table.history(), from, to);
            return IndexRange { table, entries: None, rows: rows.into_iter() };
        }
        IndexRange { table, entries: Some((index, index.range(from, to))), rows: Vec::new().into_iter() }
    }

    /// Rows of a table, stream or view.
    pub fn count(&self, table: TableId) -> u64 {
        match &self.table(table).body {
            Body::Rows(rows) => rows.rows.pages.count(),
            Body::History(history) => history.count(),
            Body::Stream(stream) => stream.bounds().1 - stream.bounds().0,
            Body::View => self.view(table).rows.pages.count(),
            Body::Runs(_) => self.scan(table).count() as u64,
        }
    }

    /// The row of a view with that group, in the encoding of [`super::key`].
    pub fn view_find(&self, view: TableId, group: &[u8]) -> Option<RowCow<'_>> {
        match &self.table(view).body {
            Body::View => self.view(view).find(group).map(RowCow::Stored),
            Body::Runs(plan) => self.find_run(plan, group).map(RowCow::Made),
            _ => panic!("{} is no view", self.catalog.table(view).name),
        }
    }

    fn find_run(&self, plan: &ViewPlan, group: &[u8]) -> Option<RowBuf> {
        let history = self.table(plan.source).history();
        // The window's time is the last column, and eight bytes.
        let (key, window) = group.split_at(group.len() - 8);
        let window_of = |row: RowRef<'_>| super::key::of_row(row, &plan.key[1..]);
        let value = u64::from_be_bytes(window.try_into().expect("eight bytes")) as i64 ^ i64::MIN;
        let rows = history.of(history.keying.probe_encoded(key)).up_to(plan.latest_in_window(value));
        Runs::new(plan, rows).next().filter(|run| window_of(run.as_ref()) == window)
    }

    /// The first offset a stream still holds, and the offset its next row will get.
    pub fn stream_bounds(&self, stream: TableId) -> (u64, u64) {
        self.table(stream).stream().bounds()
    }

    /// Rows of a stream from an offset on: offset, timestamp in microseconds, row.
    pub fn stream_read(
        &self,
        stream: TableId,
        from_offset: u64,
        max_rows: usize,
    ) -> impl Iterator<Item = (u64, i64, RowRef<'_>)> {
        self.table(stream).stream().read(from_offset).take(max_rows)
    }

    /// Rows of a stream from an offset on and before another one, as many as fill about so many bytes, but
    /// one at least, to be read wherever and as long as one likes.
    pub fn stream_slice(&self, stream: TableId, from: u64, before: u64, bytes: usize) -> StreamSlice {
        self.table(stream).stream().slice(from, before, bytes)
    }

    /// A point between two changes, here and now.
    #[inline]
    pub fn mark(&self) -> Mark {
        Mark { undo_at: self.undo.end(), effects_at: self.effects_base + self.effects.len() as u64 }
    }

    /// Where a table's keys are looked for, and how.
    #[inline]
    pub(super) fn ids_of(&self, table: TableId) -> Option<(&IdTable, &Keying)> {
        match &self.table(table).body {
            Body::Rows(rows) => Some((rows.ids(), rows.keying.as_ref()?)),
            Body::History(history) => Some((history.heads(), &history.keying)),
            _ => None,
        }
    }

    /// Asks for what [`Store::find_int`] or [`Store::history`] will look at first, so that it is in the cache
    /// by then.
    #[inline]
    pub fn prefetch(&self, table: TableId, key: i64) {
        if let Some((ids, keying)) = self.ids_of(table)
            && let Some(probe) = keying.probe_integer(key)
            && let Some(address) = ids.address(probe.tag)
        {
            prefetch_line(address);
        }
    }

    /// Asks for the row, or the newest rows of the history, itself: some time after [`Store::prefetch`]. An
    /// entry with the tag is good enough: to compare keys would wait for the row.
    #[inline]
    pub fn prefetch_row(&self, table: TableId, key: i64) {
        if let Some((ids, keying)) = self.ids_of(table)
            && let Some(probe) = keying.probe_integer(key)
            && let Some(found) = ids.find(probe.tag, |_| true)
        {
            match &self.table(table).body {
                Body::Rows(rows) => rows.rows.pages.prefetch(found),
                Body::History(history) => history.prefetch(found),
                _ => {}
            }
        }
    }

    /// Asks for the rest of the newest rows of the history: some time after [`Store::prefetch_row`]. Not for
    /// the strings of a row: most calls look at none, and asking costs a walk through page tables.
    #[inline]
    pub fn prefetch_rest(&self, table: TableId, key: i64) {
        if let Body::History(history) = &self.table(table).body
            && let Some(probe) = history.keying.probe_integer(key)
            && let Some(found) = history.heads().find(probe.tag, |_| true)
        {
            history.prefetch_older(found);
        }
    }
}

/// Rows in the order of an index.
#[derive(Debug)]
pub struct IndexRange<'a> {
    table: &'a Table,
    entries: Option<(&'a Index, EntryRange<'a>)>,
    /// Rows found already.
    rows: std::vec::IntoIter<RowRef<'a>>,
}

impl<'a> Iterator for IndexRange<'a> {
    type Item = RowRef<'a>;

    fn next(&mut self) -> Option<RowRef<'a>> {
        loop {
            if let Some(row) = self.rows.next() {
                return Some(row);
            }
            let (index, entries) = self.entries.as_mut()?;
            let entry = entries.next()?;
            match index.row_id(entry) {
                Some(id) => return Some(self.table.rows().rows.pages.row(id)),
                None => self.rows = index.history_rows(self.table.history(), entry).into_iter(),
            }
        }
    }
}
