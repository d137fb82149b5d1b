//! Changes to a partition: rows, then indexes and views, with their undo and effects. A change that is
//! refused changes nothing.

use super::{
    RowId, Store, WriteError, effect::Effect, exact_sum::Overflow, shape::ShapeKind, table::Body,
    undo::Inverse, view::View,
};
use crate::{catalog::TableId, row::RowRef};

impl Store {
    /// Adds a row to a table.
    ///
    /// # Panics
    /// When it is no table, or the row is none of it: that is the caller's mistake.
    #[inline]
    pub fn insert(&mut self, table: TableId, row: RowRef<'_>) -> Result<(), WriteError> {
        self.assert_image(table, row);
        self.guard_row(table, row)?;
        let id = self.add(table, row)?;
        if self.is_recording {
            match self.table(table).body {
                Body::History(_) => self.undo.push(Inverse::HistoryRemove, table, &[row.fixed, row.tail]),
                _ => self.undo.push(Inverse::Remove, table, &[&id.to_le_bytes()]),
            }
            Effect::Put { table, row }.push(&mut self.effects);
        }
        Ok(())
    }

    /// Replaces a row of a keyed table or a heap.
    pub fn update(&mut self, table: TableId, id: RowId, row: RowRef<'_>) -> Result<(), WriteError> {
        self.assert_image(table, row);
        self.guard_row(table, row)?;
        let old = self.row(table, id).to_buf();
        self.replace(table, id.0, old.as_ref(), row)?;
        if self.is_recording {
            let id = id.0.to_le_bytes();
            self.undo.push(Inverse::Replace, table, &[&old.fixed, &old.tail, &id]);
            let moved = !self.table(table).rows().same_key(old.as_ref(), row);
            self.push_delete(table, old.as_ref(), moved);
            Effect::Put { table, row }.push(&mut self.effects);
        }
        Ok(())
    }

    /// Replaces the fixed part of a row of a keyed table or a heap; the strings stay.
    #[inline]
    pub fn update_fixed(&mut self, table: TableId, id: RowId, fixed: &[u8]) -> Result<(), WriteError> {
        self.guard_table(table)?;
        let of = &mut self.tables[usize::from(table)];
        let Body::Rows(rows) = &mut of.body else { panic!("the rows of table {table} have no numbers") };
        let old = rows.rows.pages.row(id.0);
        assert!(
            fixed.len() == old.fixed.len(),
            "{} bytes for a fixed part of {}",
            fixed.len(),
            old.fixed.len()
        );
        let new = RowRef { fixed, tail: old.tail };
        let touches_more = rows.keying.is_none()
            || !of.views.is_empty()
            || !rows.same_key(old, new)
            || of.is_indexed && of.indexes.iter().any(|index| !index.same(old, new))
            || !self.shapes[usize::from(table)].key_is_fixed;
        if touches_more {
            let tail = old.tail.to_vec();
            return self.update(table, id, RowRef { fixed, tail: &tail });
        }
        if self.is_recording {
            self.undo.push(Inverse::ReplaceFixed, table, &[old.fixed, &id.0.to_le_bytes()]);
            Effect::PutFixed { table, fixed }.push(&mut self.effects);
        }
        rows.rows.pages.fixed_mut(id.0).copy_from_slice(fixed);
        Ok(())
    }

    /// Deletes a row of a keyed table or a heap.
    pub fn delete(&mut self, table: TableId, id: RowId) -> Result<(), WriteError> {
        self.guard_table(table)?;
        let old = self.row(table, id).to_buf();
        self.change_views(table, old.as_ref(), true)?;
        let of = self.table_mut(table);
        of.rows_mut().remove(id.0);
        of.remove_from_indexes(old.as_ref(), id.0);
        if self.is_recording {
            self.undo.push(Inverse::Insert, table, &[&old.fixed, &old.tail, &id.0.to_le_bytes()]);
            self.push_delete(table, old.as_ref(), true);
        }
        Ok(())
    }

    /// Deletes one row equal to that one from a history or a heap: of a history the last of them. Whether
    /// there was one.
    pub fn delete_equal(&mut self, table: TableId, row: RowRef<'_>) -> Result<bool, WriteError> {
        self.assert_image(table, row);
        self.guard_table(table)?;
        match self.table(table).body {
            Body::History(_) => self.delete_from_history(table, row),
            _ => match self.table(table).rows().find_like(row) {
                Some(id) => self.delete(table, RowId(id)).map(|()| true),
                None => Ok(false),
            },
        }
    }

    fn delete_from_history(&mut self, table: TableId, row: RowRef<'_>) -> Result<bool, WriteError> {
        let Some(equals_after) = self.table_mut(table).history_mut().remove_equal(row) else {
            return Ok(false);
        };
        if let Err(error) = self.change_views(table, row, true) {
            self.table_mut(table).history_mut().insert_before(row, equals_after);
            return Err(error);
        }
        self.table_mut(table).remove_from_indexes(row, 0);
        if self.is_recording {
            let count = (equals_after as u32).to_le_bytes();
            self.undo.push(Inverse::HistoryInsert, table, &[row.fixed, row.tail, &count]);
            Effect::DeleteEqual { table, row }.push(&mut self.effects);
        }
        Ok(true)
    }

    /// Adds a row to the end of a stream, and says its offset.
    pub fn append(&mut self, stream: TableId, row: RowRef<'_>, timestamp_us: i64) -> Result<u64, WriteError> {
        self.assert_image(stream, row);
        self.guard_row(stream, row)?;
        let mark = self.undo.end();
        if self.is_recording {
            self.push_view_rows(stream, row);
        }
        let result = self.change_views(stream, row, false).and_then(|()| {
            let offset = self.table_mut(stream).stream_mut().append(row, timestamp_us);
            offset.ok_or_else(|| {
                self.change_views(stream, row, true).expect("what was just counted in is taken back");
                WriteError::Full { table: stream }
            })
        });
        match result {
            Ok(_) if self.is_recording => {
                self.undo.push(Inverse::Pop, stream, &[]);
                Effect::Append { table: stream, timestamp_us, row }.push(&mut self.effects);
            }
            Ok(_) => {}
            Err(_) => self.undo_to(mark),
        }
        result
    }

    /// Keeps the old rows of those views whose MIN and MAX taking the row back would not bring back.
    fn push_view_rows(&mut self, stream: TableId, row: RowRef<'_>) {
        for &id in &self.tables[usize::from(stream)].views {
            let view = self.views[usize::from(id)].as_mut().expect("the view is stored");
            if view.keeps_extremes()
                && let Some((number, stored)) = view.stored_of(row)
            {
                self.undo.push(Inverse::ViewRow, id, &[stored.fixed, stored.tail, &number.to_le_bytes()]);
            }
        }
    }

    /// Forgets a stream's rows before that offset; beyond the next offset, up to that.
    pub fn trim_stream(&mut self, stream: TableId, first_offset: u64) {
        let before = self.undo.end();
        let is_recording = self.is_recording;
        let rows = self.table_mut(stream).stream_mut();
        let (old, next) = rows.bounds();
        let first_offset = first_offset.clamp(old, next);
        if first_offset == old {
            return;
        }
        rows.set_first(first_offset);
        if !is_recording {
            rows.forget(first_offset);
            return;
        }
        self.undo.push(Inverse::Untrim, stream, &[&old.to_le_bytes()]);
        self.trims.push_back((before, stream, first_offset));
        Effect::Trim { table: stream, first_offset }.push(&mut self.effects);
    }

    /// A wrong image would be found by whoever reads the row, long after.
    #[inline]
    fn assert_image(&self, table: TableId, row: RowRef<'_>) {
        let layout = &self.shapes[usize::from(table)].layout;
        let is_image = row.fixed.len() == layout.fixed_width
            && (layout.tail_columns == 0 && row.tail.is_empty()
                || layout.tail_columns > 0 && layout.tail_length(row.tail) == Ok(row.tail.len()));
        assert!(is_image, "the bytes are no row of table {table}");
    }

    /// The effect that deletes a row of a keyed table or a heap: needed before a put that does not replace
    /// it, too.
    fn push_delete(&mut self, table: TableId, row: RowRef<'_>, is_needed: bool) {
        match self.shapes[usize::from(table)].kind {
            ShapeKind::Heap => Effect::DeleteEqual { table, row }.push(&mut self.effects),
            _ if is_needed => {
                let key = super::key::of_row(row, &self.shapes[usize::from(table)].key);
                Effect::Delete { table, key: &key }.push(&mut self.effects);
            }
            _ => {}
        }
    }

    /// Adds a row with all that follows from it, and says its number if the table's rows have one.
    #[inline]
    pub(super) fn add(&mut self, table: TableId, row: RowRef<'_>) -> Result<u32, WriteError> {
        let of = &mut self.tables[usize::from(table)];
        of.check_unique(table, row, None)?;
        let id = match &mut of.body {
            Body::History(history) => history.insert(row).then_some(0),
            Body::Rows(rows) => rows.insert(row),
            _ => panic!("rows are inserted into tables only, not into {table}"),
        };
        let id = id.ok_or(WriteError::Full { table })?;
        if !of.views.is_empty()
            && let Err(error) = self.change_views(table, row, false)
        {
            match &mut self.table_mut(table).body {
                Body::History(history) => history.remove_last(row),
                _ => self.table_mut(table).rows_mut().remove(id),
            }
            return Err(error);
        }
        self.table_mut(table).add_to_indexes(row, id);
        Ok(id)
    }

    /// Replaces a row with all that follows from it.
    pub(super) fn replace(
        &mut self,
        table: TableId,
        id: u32,
        old: RowRef<'_>,
        new: RowRef<'_>,
    ) -> Result<(), WriteError> {
        self.table(table).check_unique(table, new, Some(id))?;
        if !self.table(table).views.is_empty() {
            self.each_view(table, |view| view.replace(old, new), |view| view.replace(new, old))?;
        }
        let of = self.table_mut(table);
        of.rows_mut().replace(id, new);
        of.remove_from_indexes(old, id);
        of.add_to_indexes(new, id);
        Ok(())
    }

    /// Counts a row into all views over the table, or out of them: into all or none.
    pub(super) fn change_views(
        &mut self,
        table: TableId,
        row: RowRef<'_>,
        take_back: bool,
    ) -> Result<(), WriteError> {
        self.each_view(table, |view| view.change(row, take_back), |view| view.change(row, !take_back))
    }

    /// Changes all views over the table. When one would overflow, those before it are changed back.
    fn each_view(
        &mut self,
        table: TableId,
        change: impl Fn(&mut View) -> Result<(), Overflow>,
        change_back: impl Fn(&mut View) -> Result<(), Overflow>,
    ) -> Result<(), WriteError> {
        let ids = &self.tables[usize::from(table)].views;
        let views = &mut self.views;
        let mut view = |id: TableId, change: &dyn Fn(&mut View) -> Result<(), Overflow>| {
            change(views[usize::from(id)].as_mut().expect("the view is stored"))
        };
        for (done, &id) in ids.iter().enumerate() {
            if view(id, &change).is_err() {
                for &id in &ids[..done] {
                    view(id, &change_back).expect("what was just changed is changed back");
                }
                return Err(WriteError::SumOverflow { view: id });
            }
        }
        Ok(())
    }
}
