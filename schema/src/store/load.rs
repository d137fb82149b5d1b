//! Loading a partition from snapshot sections. Bytes of any kind give a store or an error.

use std::sync::Arc;

use super::{
    LoadError, Store,
    effect::split_row,
    section::{END, HEADER, ROWS, STREAM, VIEW_ROWS, VIEW_VALUES, header},
    shape::{Shape, ShapeKind},
    stream::{OFFSET_MAX, StreamRows},
    table::Body,
};
use crate::{
    catalog::{Catalog, TableId},
    row::{Layout, RowRef},
};

struct Loader {
    store: Store,
    /// How many tables the header speaks of, once it was there.
    tables: Option<usize>,
    is_ended: bool,
    /// Streams whose first section was there.
    begun_streams: Vec<bool>,
}

impl Store {
    /// A store from the sections that [`super::Frozen::write`] gave, in their order.
    pub fn load<B: AsRef<[u8]>>(
        catalog: Arc<Catalog>,
        sections: impl IntoIterator<Item = (u32, B)>,
    ) -> Result<Store, LoadError> {
        let begun_streams = vec![false; catalog.tables.len()];
        let mut loader = Loader { store: Store::new(catalog), tables: None, is_ended: false, begun_streams };
        for (section, (kind, bytes)) in sections.into_iter().enumerate() {
            let result = loader.section(kind, bytes.as_ref());
            result.map_err(|reason| LoadError::Section { section, kind, reason })?;
        }
        if !loader.is_ended {
            return Err(LoadError::Incomplete("the section that ends it is missing".into()));
        }
        loader.store.complete().map_err(LoadError::Incomplete)?;
        Ok(loader.store)
    }
}

impl Loader {
    fn section(&mut self, kind: u32, bytes: &[u8]) -> Result<(), String> {
        if self.is_ended {
            return Err("it comes after the end".into());
        }
        let Some(tables) = self.tables else { return self.begin(kind, bytes) };
        if kind == END {
            return self.end(tables, bytes);
        }
        let (table, rest) = bytes.split_first_chunk().ok_or("the table's number is cut short")?;
        let table = TableId::from_le_bytes(*table);
        let shapes = self.store.shapes.clone();
        let shape = shapes[..tables].get(usize::from(table));
        let shape = shape.ok_or_else(|| format!("no table has number {table}"))?;
        match (kind, shape.kind) {
            (ROWS, ShapeKind::Keyed | ShapeKind::Heap) => self.rows(table, shape, rest),
            (ROWS, ShapeKind::History) => self.history(table, shape, rest),
            (STREAM, ShapeKind::Stream) => self.stream(table, shape, rest),
            (VIEW_ROWS, ShapeKind::View) => self.view_rows(table, shape, rest),
            (VIEW_VALUES, ShapeKind::View) => self.view_values(table, rest),
            _ => Err(format!("no section of this kind is for table {table}")),
        }
    }

    fn begin(&mut self, kind: u32, bytes: &[u8]) -> Result<(), String> {
        if kind != HEADER {
            return Err("the header does not come first".into());
        }
        let [_, _, low, high, ..] = *bytes else { return Err("it is cut short".into()) };
        let count = usize::from(u16::from_le_bytes([low, high]));
        let (catalog, shapes) = (&self.store.catalog, &self.store.shapes);
        if count > shapes.len() || bytes != header(catalog, shapes, count) {
            return Err("it is of another version, or of other tables than the catalogue's".into());
        }
        self.tables = Some(count);
        Ok(())
    }

    fn end(&mut self, tables: usize, bytes: &[u8]) -> Result<(), String> {
        let ids = 0..tables as TableId;
        let counts = ids.flat_map(|id| {
            let is_view = self.store.catalog.table(id).is_view();
            if is_view { 0 } else { self.store.count(id) }.to_le_bytes()
        });
        if !counts.eq(bytes.iter().copied()) {
            return Err("it counts other rows than there were".into());
        }
        self.is_ended = true;
        Ok(())
    }

    fn rows(&mut self, table: TableId, shape: &Shape, mut bytes: &[u8]) -> Result<(), String> {
        let rows = self.store.table_mut(table).rows_mut();
        while !bytes.is_empty() {
            let (row, rest) = split_row(shape, bytes).map_err(|error| error.to_string())?;
            if rows.keying.is_some() && rows.find_like(row).is_some() {
                return Err(format!("table {table} has two rows with one primary key"));
            }
            rows.insert(row).ok_or_else(|| format!("table {table} is full"))?;
            bytes = rest;
        }
        Ok(())
    }

    fn history(&mut self, table: TableId, shape: &Shape, mut bytes: &[u8]) -> Result<(), String> {
        let history = self.store.table_mut(table).history_mut();
        let mut run: Vec<RowRef<'_>> = Vec::new();
        while !bytes.is_empty() || !run.is_empty() {
            let mut next = None;
            if !bytes.is_empty() {
                let (row, rest) = split_row(shape, bytes).map_err(|error| error.to_string())?;
                bytes = rest;
                if run.is_empty() || history.keying.same(run[0], row) {
                    let last = run.last().map_or(i64::MIN, |last| history.time.of(last.fixed));
                    if history.time.of(row.fixed) < last {
                        return Err(format!("rows of table {table} are not in the order of time"));
                    }
                    run.push(row);
                    continue;
                }
                next = Some(row);
            }
            if !history.load_key(&run) {
                return Err(format!("table {table} is full"));
            }
            run.clear();
            run.extend(next);
        }
        Ok(())
    }

    fn stream(&mut self, table: TableId, shape: &Shape, bytes: &[u8]) -> Result<(), String> {
        let (offset, mut bytes) = bytes.split_first_chunk().ok_or("the offset is cut short")?;
        let offset = u64::from_le_bytes(*offset);
        let begun = &mut self.begun_streams[usize::from(table)];
        let stream = self.store.tables[usize::from(table)].stream_mut();
        if !std::mem::replace(begun, true) {
            if offset > OFFSET_MAX {
                return Err(format!("no stream has offset {offset}"));
            }
            *stream = StreamRows::new(shape.layout.fixed_width, offset);
        } else if offset != stream.bounds().1 {
            return Err(format!("stream {table} goes on at offset {}, not at {offset}", stream.bounds().1));
        }
        while !bytes.is_empty() {
            let (timestamp_us, rest) = bytes.split_first_chunk().ok_or("a timestamp is cut short")?;
            let (row, rest) = split_row(shape, rest).map_err(|error| error.to_string())?;
            let appended = stream.append(row, i64::from_le_bytes(*timestamp_us));
            appended.ok_or_else(|| format!("stream {table} is full"))?;
            bytes = rest;
        }
        Ok(())
    }

    fn view_rows(&mut self, table: TableId, shape: &Shape, mut bytes: &[u8]) -> Result<(), String> {
        let view = match &mut self.store.views[usize::from(table)] {
            Some(view) if self.store.catalog.table(view.plan.source).is_stream() => view,
            _ => return Err(format!("view {table} is not kept in snapshots")),
        };
        // As the view's rows, but wider by what the view keeps for itself.
        let layout = Layout { fixed_width: view.plan.stored_width, ..shape.layout.clone() };
        while !bytes.is_empty() {
            let (row, rest) = layout.split(bytes).map_err(|error| error.to_string())?;
            split_row(shape, &[&row.fixed[..shape.layout.fixed_width], row.tail].concat())
                .map_err(|error| error.to_string())?;
            if !view.load(row) {
                return Err(format!("view {table} has two rows of one group, or one that counts wrong"));
            }
            bytes = rest;
        }
        Ok(())
    }

    fn view_values(&mut self, table: TableId, mut bytes: &[u8]) -> Result<(), String> {
        let view = match &mut self.store.views[usize::from(table)] {
            Some(view) if self.store.catalog.table(view.plan.source).is_stream() => view,
            _ => return Err(format!("view {table} is not kept in snapshots")),
        };
        while !bytes.is_empty() {
            let (count, rest) = bytes.split_first_chunk().ok_or("a count is cut short")?;
            let (length, rest) = rest.split_first_chunk().ok_or("a value's length is cut short")?;
            let length = u32::from_le_bytes(*length) as usize;
            let (key, rest) = rest.split_at_checked(length).ok_or("a value is cut short")?;
            if !view.values.load(u64::from_le_bytes(*count), key) {
                return Err(format!("view {table} has a value twice, or counts it wrong"));
            }
            bytes = rest;
        }
        Ok(())
    }
}

impl Store {
    /// Makes what snapshots do not have: secondary indexes, and views over tables.
    fn complete(&mut self) -> Result<(), String> {
        for (id, table) in self.tables.iter_mut().enumerate() {
            for index in &mut table.indexes {
                match &table.body {
                    Body::Rows(rows) => index.fill(rows.rows.pages.iter()),
                    Body::History(history) => index.fill(history.keys().flatten().map(|row| (0, row))),
                    _ => unreachable!("only tables have indexes"),
                }
                if index.has_duplicates() {
                    return Err(format!("table {id} has two rows with one unique key"));
                }
            }
        }
        for (id, table) in self.tables.iter().enumerate() {
            for view_id in &table.views {
                let view = self.views[usize::from(*view_id)].as_mut().expect("the view is stored");
                match &table.body {
                    Body::Rows(rows) => rows.rows.pages.iter().for_each(|(_, row)| view.recount(row)),
                    Body::History(history) => history.keys().flatten().for_each(|row| view.recount(row)),
                    // Those over streams came with the snapshot.
                    _ => {}
                }
                if !view.check_sums() {
                    return Err(format!(
                        "a sum of view {view_id} over table {id} is not what it shows, or overflows"
                    ));
                }
            }
        }
        Ok(())
    }
}
