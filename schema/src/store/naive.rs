//! The store's interface over plain maps: a stand-in until the real one takes its place.

use std::{
    collections::{BTreeMap, VecDeque},
    ops::Bound,
    sync::Arc,
};

use super::{
    EffectError, LoadError, Mark, RowCow, RowId, TableMemory, UniqueKey, WriteError,
    effect::{self, Effect},
    key::{self, KeyColumn},
    shape::{Shape, ShapeKind, key_column, key_columns, shapes},
};
use crate::{
    catalog::{Catalog, Organisation, TableId, TableKind},
    row::{RowBuf, RowRef},
};

/// The rows of one partition.
#[derive(Clone, Debug)]
pub struct Store {
    catalog: Arc<Catalog>,
    shapes: Arc<Vec<Shape>>,
    tables: Vec<Table>,
    undo: VecDeque<Inverse>,
    undo_base: u64,
    effects: Vec<u8>,
    effects_base: u64,
}

#[derive(Clone, Debug, Default)]
struct Table {
    rows: BTreeMap<u32, RowBuf>,
    next: u32,
    primary: BTreeMap<Vec<u8>, u32>,
    /// History: rows of a key in time order.
    history: BTreeMap<Vec<u8>, Vec<(i64, RowBuf)>>,
    stream: VecDeque<(i64, RowBuf)>,
    first_offset: u64,
}

#[derive(Clone, Debug)]
enum Inverse {
    Remove(TableId, u32),
    Restore(TableId, u32, RowBuf),
    HistoryRemove(TableId, Vec<u8>, usize),
    HistoryRestore(TableId, Vec<u8>, usize, i64, RowBuf),
    Pop(TableId),
    Untrim(TableId, u64, Vec<(i64, RowBuf)>),
}

/// The rows of a history's key, newest first.
#[derive(Clone, Debug)]
pub struct History<'a> {
    rows: &'a [(i64, RowBuf)],
}

impl History<'_> {
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

impl<'a> Iterator for History<'a> {
    type Item = RowRef<'a>;

    fn next(&mut self) -> Option<RowRef<'a>> {
        let (last, rest) = self.rows.split_last()?;
        self.rows = rest;
        Some(last.1.as_ref())
    }
}

impl Store {
    pub fn new(catalog: Arc<Catalog>) -> Store {
        let shapes = Arc::new(shapes(&catalog));
        let tables = vec![Table::default(); catalog.tables.len()];
        Store {
            catalog,
            shapes,
            tables,
            undo: VecDeque::new(),
            undo_base: 0,
            effects: Vec::new(),
            effects_base: 0,
        }
    }

    pub fn catalog(&self) -> &Arc<Catalog> {
        &self.catalog
    }

    /// The row with that primary key, in the encoding of [`super::key`].
    pub fn find(&self, table: TableId, key: &[u8]) -> Option<RowId> {
        self.tables[usize::from(table)].primary.get(key).map(|&id| RowId(id))
    }

    /// The row with that primary key, in a table whose primary key is one integer column.
    pub fn find_int(&self, table: TableId, key: i64) -> Option<RowId> {
        let (_, column_type) = self.shape(table).integer_key()?;
        let mut encoded = Vec::new();
        key::push_integer(key, column_type, &mut encoded);
        self.find(table, &encoded)
    }

    /// A row that exists.
    pub fn row(&self, table: TableId, id: RowId) -> RowRef<'_> {
        self.tables[usize::from(table)].rows[&id.0].as_ref()
    }

    /// The rows of an integer key in a history, newest first.
    pub fn history(&self, table: TableId, key: i64) -> History<'_> {
        let mut encoded = Vec::new();
        key::push_integer(key, self.history_columns(table).0.column_type, &mut encoded);
        self.history_bytes(table, &encoded)
    }

    /// The rows of a key in a history, newest first; the key in the encoding of [`super::key`].
    pub fn history_bytes(&self, table: TableId, key: &[u8]) -> History<'_> {
        let rows = self.tables[usize::from(table)].history.get(key).map_or(&[][..], |rows| rows);
        History { rows }
    }

    /// Every row of a table, stream or view, in no promised order.
    pub fn scan(&self, table: TableId) -> impl Iterator<Item = RowCow<'_>> {
        self.all(table).map(RowCow::Stored)
    }

    fn all(&self, table: TableId) -> impl Iterator<Item = RowRef<'_>> {
        let t = &self.tables[usize::from(table)];
        let history = t.history.values().flatten().map(|(_, row)| row.as_ref());
        t.rows.values().map(RowBuf::as_ref).chain(history).chain(t.stream.iter().map(|(_, row)| row.as_ref()))
    }

    /// Rows in the order of an index whose encoded keys lie between the bounds. An inclusive upper bound includes the keys that
    /// begin with it. `index` counts through `TableDef::indexes`, then `TableDef::uniques`.
    pub fn index_range(
        &self,
        table: TableId,
        index: usize,
        from: Bound<&[u8]>,
        to: Bound<&[u8]>,
    ) -> impl Iterator<Item = RowRef<'_>> {
        let definition = self.catalog.table(table);
        let columns = match definition.indexes.get(index) {
            Some(index) => &index.columns,
            None => &definition.uniques[index - definition.indexes.len()].columns,
        };
        let columns = key_columns(definition, columns);
        let mut rows: Vec<_> = self.all(table).map(|row| (key::of_row(row, &columns), row)).collect();
        rows.retain(|(key, _)| within(key, from, to));
        rows.sort_by(|a, b| a.0.cmp(&b.0));
        rows.into_iter().map(|(_, row)| row)
    }

    /// Rows of a table or stream.
    pub fn count(&self, table: TableId) -> u64 {
        self.all(table).count() as u64
    }

    /// The row of a view with that group, in the encoding of [`super::key`].
    pub fn view_find(&self, _view: TableId, _group: &[u8]) -> Option<RowCow<'_>> {
        None
    }

    /// The first offset a stream still holds, and the offset its next row will get.
    pub fn stream_bounds(&self, stream: TableId) -> (u64, u64) {
        let t = &self.tables[usize::from(stream)];
        (t.first_offset, t.first_offset + t.stream.len() as u64)
    }

    /// Rows of a stream from an offset on: offset, timestamp in microseconds, row.
    pub fn stream_read(
        &self,
        stream: TableId,
        from_offset: u64,
        max_rows: usize,
    ) -> impl Iterator<Item = (u64, i64, RowRef<'_>)> {
        let t = &self.tables[usize::from(stream)];
        let skip = from_offset.saturating_sub(t.first_offset) as usize;
        let offsets = t.first_offset..;
        offsets
            .zip(&t.stream)
            .skip(skip)
            .take(max_rows)
            .map(|(offset, (at, row))| (offset, *at, row.as_ref()))
    }

    /// Adds a row to a table.
    pub fn insert(&mut self, table: TableId, row: RowRef<'_>) -> Result<(), WriteError> {
        match self.shape(table).kind {
            ShapeKind::History => self.history_insert(table, row),
            ShapeKind::Keyed | ShapeKind::Heap => {
                self.check_unique(table, row, None)?;
                let id = self.tables[usize::from(table)].next;
                self.tables[usize::from(table)].next += 1;
                self.put(table, id, row.to_buf());
                self.undo.push_back(Inverse::Remove(table, id));
            }
            ShapeKind::Stream | ShapeKind::View => panic!("rows are inserted into tables only"),
        }
        Effect::Put { table, row }.push(&mut self.effects);
        Ok(())
    }

    fn history_insert(&mut self, table: TableId, row: RowRef<'_>) {
        let (key, time) = self.history_key(table, row);
        let rows = self.tables[usize::from(table)].history.entry(key.clone()).or_default();
        let at = rows.partition_point(|(t, _)| *t <= time);
        rows.insert(at, (time, row.to_buf()));
        self.undo.push_back(Inverse::HistoryRemove(table, key, at));
    }

    /// Replaces a row of a keyed table or a heap.
    pub fn update(&mut self, table: TableId, id: RowId, row: RowRef<'_>) -> Result<(), WriteError> {
        self.check_unique(table, row, Some(id.0))?;
        let old = self.row(table, id).to_buf();
        let (old_key, new_key) = (self.primary(table, old.as_ref()), self.primary(table, row));
        match self.shape(table).kind {
            ShapeKind::Heap => Effect::DeleteEqual { table, row: old.as_ref() }.push(&mut self.effects),
            _ if old_key != new_key => Effect::Delete { table, key: &old_key }.push(&mut self.effects),
            _ => {}
        }
        Effect::Put { table, row }.push(&mut self.effects);
        self.remove(table, id.0);
        self.put(table, id.0, row.to_buf());
        self.undo.push_back(Inverse::Restore(table, id.0, old));
        Ok(())
    }

    /// Replaces the fixed part of a row of a keyed table or a heap; the strings stay.
    pub fn update_fixed(&mut self, table: TableId, id: RowId, fixed: &[u8]) -> Result<(), WriteError> {
        let tail = self.row(table, id).tail.to_vec();
        self.update(table, id, RowRef { fixed, tail: &tail })
    }

    /// Deletes a row of a keyed table or a heap.
    pub fn delete(&mut self, table: TableId, id: RowId) {
        let old = self.remove(table, id.0);
        match self.shape(table).kind {
            ShapeKind::Heap => Effect::DeleteEqual { table, row: old.as_ref() }.push(&mut self.effects),
            _ => {
                let key = self.primary(table, old.as_ref());
                Effect::Delete { table, key: &key }.push(&mut self.effects);
            }
        }
        self.undo.push_back(Inverse::Restore(table, id.0, old));
    }

    /// Deletes one row equal to that one from a history or a heap: of a history the last of them. Whether there was one.
    pub fn delete_equal(&mut self, table: TableId, row: RowRef<'_>) -> bool {
        if self.shape(table).kind == ShapeKind::Heap {
            let rows = &self.tables[usize::from(table)].rows;
            let found = rows.iter().find(|(_, r)| r.as_ref() == row).map(|(id, _)| *id);
            found.inspect(|id| self.delete(table, RowId(*id)));
            return found.is_some();
        }
        let (key, _) = self.history_key(table, row);
        let Some(rows) = self.tables[usize::from(table)].history.get_mut(&key) else { return false };
        let Some(at) = rows.iter().rposition(|(_, r)| r.as_ref() == row) else { return false };
        let (time, old) = rows.remove(at);
        Effect::DeleteEqual { table, row }.push(&mut self.effects);
        self.undo.push_back(Inverse::HistoryRestore(table, key, at, time, old));
        true
    }

    /// Adds a row to the end of a stream, and says its offset.
    pub fn append(&mut self, stream: TableId, row: RowRef<'_>, timestamp_us: i64) -> Result<u64, WriteError> {
        let offset = self.stream_bounds(stream).1;
        self.tables[usize::from(stream)].stream.push_back((timestamp_us, row.to_buf()));
        self.undo.push_back(Inverse::Pop(stream));
        Effect::Append { table: stream, timestamp_us, row }.push(&mut self.effects);
        Ok(offset)
    }

    /// Forgets a stream's rows before that offset. Beyond the next offset: up to that.
    pub fn trim_stream(&mut self, stream: TableId, first_offset: u64) {
        let t = &mut self.tables[usize::from(stream)];
        let count = first_offset.saturating_sub(t.first_offset).min(t.stream.len() as u64);
        let rows = t.stream.drain(..count as usize).collect();
        self.undo.push_back(Inverse::Untrim(stream, t.first_offset, rows));
        t.first_offset += count;
        Effect::Trim { table: stream, first_offset: t.first_offset }.push(&mut self.effects);
    }

    pub fn mark(&self) -> Mark {
        Mark {
            undo_at: self.undo_base + self.undo.len() as u64,
            effects_at: self.effects_base + self.effects.len() as u64,
        }
    }

    /// Undoes every change since the mark, and forgets their effects.
    pub fn rollback_to(&mut self, mark: Mark) {
        assert!(mark.undo_at >= self.undo_base, "the undo of that mark is released");
        while self.undo_base + self.undo.len() as u64 > mark.undo_at {
            let inverse = self.undo.pop_back().expect("the log reaches back to the mark");
            self.invert(inverse);
        }
        self.effects.truncate(mark.effects_at.saturating_sub(self.effects_base) as usize);
    }

    fn invert(&mut self, inverse: Inverse) {
        match inverse {
            Inverse::Remove(table, id) => {
                self.remove(table, id);
            }
            Inverse::Restore(table, id, row) => {
                if self.tables[usize::from(table)].rows.contains_key(&id) {
                    self.remove(table, id);
                }
                self.put(table, id, row);
            }
            Inverse::HistoryRemove(table, key, at) => {
                let rows = self.tables[usize::from(table)].history.get_mut(&key).expect("the key has rows");
                rows.remove(at);
            }
            Inverse::HistoryRestore(table, key, at, time, row) => {
                self.tables[usize::from(table)].history.entry(key).or_default().insert(at, (time, row));
            }
            Inverse::Pop(table) => {
                self.tables[usize::from(table)].stream.pop_back();
            }
            Inverse::Untrim(table, first_offset, rows) => {
                let t = &mut self.tables[usize::from(table)];
                t.first_offset = first_offset;
                rows.into_iter().rev().for_each(|row| t.stream.push_front(row));
            }
        }
    }

    /// Forgets the undo of every change before the mark: they are committed.
    pub fn release_to(&mut self, mark: Mark) {
        let count = mark.undo_at.saturating_sub(self.undo_base);
        self.undo.drain(..count as usize);
        self.undo_base += count;
    }

    /// Bytes of effects since they were last taken.
    pub fn effect_bytes(&self) -> usize {
        self.effects.len()
    }

    /// The effects of every change since the last call, for a block.
    pub fn take_effects(&mut self) -> Vec<u8> {
        self.effects_base += self.effects.len() as u64;
        std::mem::take(&mut self.effects)
    }

    /// Appends the effects of every change since the last call to a block.
    pub fn drain_effects_into(&mut self, block: &mut Vec<u8>) {
        self.effects_base += self.effects.len() as u64;
        block.append(&mut self.effects);
    }

    /// Applies committed effects: a follower's way, and recovery's. Nothing may be left to undo. After an error a part of the effects
    /// is applied, and the store is to be thrown away.
    pub fn apply(&mut self, effects: &[u8]) -> Result<(), EffectError> {
        assert!(self.undo.is_empty(), "roll back or release before applying");
        let shapes = self.shapes.clone();
        let mut rest = effects;
        while !rest.is_empty() {
            let at = effects.len() - rest.len();
            let (effect, after) =
                effect::split(&shapes, rest).map_err(|reason| EffectError::Malformed { at, reason })?;
            self.apply_one(at, effect)?;
            rest = after;
        }
        self.undo.clear();
        self.effects.clear();
        Ok(())
    }

    fn apply_one(&mut self, at: usize, effect: Effect<'_>) -> Result<(), EffectError> {
        let refused = |table| move |error| EffectError::Refused { at, table, error };
        match effect {
            Effect::Put { table, row } => match self.find(table, &self.primary(table, row)) {
                Some(id) => self.update(table, id, row).map_err(refused(table)),
                None => self.insert(table, row).map_err(refused(table)),
            },
            Effect::PutFixed { table, fixed } => {
                let key = self.primary(table, RowRef { fixed, tail: &[] });
                let id = self.find(table, &key).ok_or(EffectError::NoSuchRow { at, table })?;
                self.update_fixed(table, id, fixed).map_err(refused(table))
            }
            Effect::Delete { table, key } => {
                let id = self.find(table, key).ok_or(EffectError::NoSuchRow { at, table })?;
                self.delete(table, id);
                Ok(())
            }
            Effect::DeleteEqual { table, row } => {
                self.delete_equal(table, row).then_some(()).ok_or(EffectError::NoSuchRow { at, table })
            }
            Effect::Append { table, timestamp_us, row } => {
                self.append(table, row, timestamp_us).map(drop).map_err(refused(table))
            }
            Effect::Trim { table, first_offset } => {
                self.trim_stream(table, first_offset);
                let trimmed = self.stream_bounds(table).0 == first_offset;
                trimmed.then_some(()).ok_or(EffectError::Trim { at, table, first_offset })
            }
        }
    }

    /// A view of the partition as it stands, to be read on other threads while this store moves on.
    pub fn freeze(&self) -> Frozen {
        Frozen { store: Arc::new(self.clone()) }
    }

    /// A store from the sections that [`Frozen::write`] gave, in their order.
    pub fn load<B: AsRef<[u8]>>(
        catalog: Arc<Catalog>,
        sections: impl IntoIterator<Item = (u32, B)>,
    ) -> Result<Store, LoadError> {
        let mut store = Store::new(catalog);
        for (section, (kind, bytes)) in sections.into_iter().enumerate() {
            let result = store.apply(bytes.as_ref());
            result.map_err(|e| LoadError::Section { section, kind, reason: e.to_string() })?;
            store.release_to(store.mark());
        }
        Ok(store)
    }

    /// A digest of the contents, equal on every replica that holds the same rows.
    pub fn state_digest(&self) -> u64 {
        let mut digest = 0u64;
        for (table, shape) in self.shapes.iter().enumerate() {
            for row in self.all(table as TableId) {
                let mut hasher = rustc_hash::FxHasher::default();
                std::hash::Hash::hash(&(table, shape.layout.fixed_width, row.fixed, row.tail), &mut hasher);
                digest = digest.wrapping_add(std::hash::Hasher::finish(&hasher));
            }
        }
        digest
    }

    /// What each table takes.
    pub fn memory(&self) -> Vec<TableMemory> {
        let tables = 0..self.tables.len() as TableId;
        tables.map(|table| TableMemory { table, rows: self.count(table), ..Default::default() }).collect()
    }

    /// Touches what [`Store::find_int`] or [`Store::history`] will read, so that it is in the cache by then.
    pub fn prefetch(&self, _table: TableId, _key: i64) {}

    fn shape(&self, table: TableId) -> &Shape {
        &self.shapes[usize::from(table)]
    }

    fn primary(&self, table: TableId, row: RowRef<'_>) -> Vec<u8> {
        key::of_row(row, &self.shape(table).key)
    }

    fn history_columns(&self, table: TableId) -> (KeyColumn, KeyColumn) {
        let definition = self.catalog.table(table);
        match definition.kind {
            TableKind::Table(Organisation::History { key, time }) => {
                (key_column(definition, key), key_column(definition, time))
            }
            _ => panic!("{} is not a history", definition.name),
        }
    }

    fn history_key(&self, table: TableId, row: RowRef<'_>) -> (Vec<u8>, i64) {
        let (key, time) = self.history_columns(table);
        let time = key::of_row(row, &[time]);
        let time = u64::from_be_bytes(time.try_into().expect("a timestamp is eight bytes"));
        (key::of_row(row, &[key]), time as i64 ^ i64::MIN)
    }

    fn check_unique(&self, table: TableId, row: RowRef<'_>, but: Option<u32>) -> Result<(), WriteError> {
        let definition = self.catalog.table(table);
        let indexes = definition.indexes.iter().enumerate().filter(|(_, i)| i.unique);
        let indexes = indexes.map(|(n, i)| (UniqueKey::Index(n), &i.columns));
        let uniques = definition.uniques.iter().enumerate().map(|(n, k)| (UniqueKey::Unique(n), &k.columns));
        let primary = definition.primary_key.iter().map(|k| (UniqueKey::Primary, &k.columns));
        for (key, columns) in primary.chain(uniques).chain(indexes) {
            let columns = key_columns(definition, columns);
            let encoded = key::of_row(row, &columns);
            let t = &self.tables[usize::from(table)];
            let taken =
                |(id, r): (&u32, &RowBuf)| Some(*id) != but && key::of_row(r.as_ref(), &columns) == encoded;
            let duplicate = match key {
                UniqueKey::Primary => t.primary.get(&encoded).is_some_and(|id| Some(*id) != but),
                _ => t.rows.iter().any(taken),
            };
            if duplicate {
                return Err(WriteError::Duplicate { table, key });
            }
        }
        Ok(())
    }

    fn put(&mut self, table: TableId, id: u32, row: RowBuf) {
        let key = self.primary(table, row.as_ref());
        let keyed = self.shape(table).kind == ShapeKind::Keyed;
        let t = &mut self.tables[usize::from(table)];
        if keyed {
            t.primary.insert(key, id);
        }
        t.rows.insert(id, row);
    }

    fn remove(&mut self, table: TableId, id: u32) -> RowBuf {
        let row = self.tables[usize::from(table)].rows.remove(&id).expect("the row exists");
        let key = self.primary(table, row.as_ref());
        self.tables[usize::from(table)].primary.remove(&key);
        row
    }
}

fn within(key: &[u8], from: Bound<&[u8]>, to: Bound<&[u8]>) -> bool {
    let above = match from {
        Bound::Unbounded => true,
        Bound::Included(bound) => key >= bound,
        Bound::Excluded(bound) => key > bound && !key.starts_with(bound),
    };
    above
        && match to {
            Bound::Unbounded => true,
            Bound::Included(bound) => key <= bound || key.starts_with(bound),
            Bound::Excluded(bound) => key < bound,
        }
}

/// A partition as it stood at one moment, readable on any thread.
#[derive(Clone, Debug)]
pub struct Frozen {
    store: Arc<Store>,
}

impl Frozen {
    pub fn catalog(&self) -> &Arc<Catalog> {
        &self.store.catalog
    }

    /// Every row of a table, stream or view.
    pub fn scan(&self, table: TableId) -> impl Iterator<Item = RowCow<'_>> {
        self.store.scan(table)
    }

    /// As [`Store::stream_bounds`].
    pub fn stream_bounds(&self, stream: TableId) -> (u64, u64) {
        self.store.stream_bounds(stream)
    }

    /// As [`Store::stream_read`].
    pub fn stream_read(
        &self,
        stream: TableId,
        from_offset: u64,
        max_rows: usize,
    ) -> impl Iterator<Item = (u64, i64, RowRef<'_>)> {
        self.store.stream_read(stream, from_offset, max_rows)
    }

    /// Gives the snapshot's sections to `sink`, one after another.
    #[allow(clippy::type_complexity, reason = "a sink is a closure over two plain arguments")]
    pub fn write<E>(&self, sink: &mut dyn FnMut(u32, &[u8]) -> Result<(), E>) -> Result<(), E> {
        for table in 0..self.store.tables.len() as TableId {
            let mut section = Vec::new();
            for row in self.store.all(table) {
                let effect = match self.store.shape(table).kind {
                    ShapeKind::Stream => Effect::Append { table, timestamp_us: 0, row },
                    _ => Effect::Put { table, row },
                };
                effect.push(&mut section);
            }
            sink(1, &section)?;
        }
        Ok(())
    }
}
