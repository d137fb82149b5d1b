//! Rows that are found by what is in them: a keyed table's by their primary key, a heap's by all of their
//! bytes. Knows nothing of secondary indexes, views and undo.

use super::{
    id_table::{IdTable, bytes_tag},
    keying::{Keying, Probe},
    rows::Rows,
};
use crate::row::RowRef;

#[derive(Debug)]
pub(crate) struct FoundRows {
    pub(crate) rows: Rows,
    ids: IdTable,
    /// `None` for a heap.
    pub(crate) keying: Option<Keying>,
}

impl FoundRows {
    pub(crate) fn new(width: usize, has_tails: bool, keying: Option<Keying>) -> FoundRows {
        FoundRows { rows: Rows::new(width, has_tails), ids: IdTable::default(), keying }
    }

    pub(crate) fn keying(&self) -> &Keying {
        self.keying.as_ref().expect("the table has a primary key")
    }

    #[inline]
    pub(crate) fn find(&self, probe: Probe<'_>) -> Option<u32> {
        self.ids.find(probe.tag, |id| probe.is(|| self.rows.pages.row(id)))
    }

    /// The row with that row's primary key; of a heap, an equal row.
    #[inline]
    pub(crate) fn find_like(&self, row: RowRef<'_>) -> Option<u32> {
        match &self.keying {
            Some(keying) => {
                let mut scratch = Vec::new();
                self.find(keying.probe_row(row, &mut scratch))
            }
            None => self.ids.find(image_tag(row), |id| self.rows.pages.row(id) == row),
        }
    }

    #[inline]
    fn tag(&self, row: RowRef<'_>) -> u32 {
        match &self.keying {
            Some(keying) => {
                let mut scratch = Vec::new();
                keying.probe_row(row, &mut scratch).tag
            }
            None => image_tag(row),
        }
    }

    /// Whether two rows are found by the same.
    #[inline]
    pub(crate) fn same_key(&self, a: RowRef<'_>, b: RowRef<'_>) -> bool {
        match &self.keying {
            Some(keying) => keying.same(a, b),
            None => a == b,
        }
    }

    /// Adds a row and says its number, `None` when there is none left.
    #[inline]
    pub(crate) fn insert(&mut self, row: RowRef<'_>) -> Option<u32> {
        let id = self.rows.insert(row)?;
        self.ids.insert(self.tag(row), id);
        Some(id)
    }

    pub(crate) fn remove(&mut self, id: u32) {
        self.ids.remove(self.tag(self.rows.pages.row(id)), id);
        self.rows.remove(id);
    }

    /// Puts a row in the place of another; the number stays.
    pub(crate) fn replace(&mut self, id: u32, row: RowRef<'_>) {
        let old = self.rows.pages.row(id);
        if !self.same_key(old, row) {
            let (old, new) = (self.tag(old), self.tag(row));
            self.ids.remove(old, id);
            self.ids.insert(new, id);
        }
        self.rows.pages.fixed_mut(id).copy_from_slice(row.fixed);
        if self.rows.pages.row(id).tail != row.tail {
            self.rows.pages.set_tail(id, row.tail);
        }
    }

    pub(crate) fn ids(&self) -> &IdTable {
        &self.ids
    }

    /// Bytes of rows, of tails, and of the table of numbers.
    pub(crate) fn allocated_bytes(&self) -> (u64, u64, u64) {
        let (rows, tails) = self.rows.allocated_bytes();
        (rows, tails, self.ids.allocated_bytes())
    }
}

fn image_tag(row: RowRef<'_>) -> u32 {
    bytes_tag(row.fixed) ^ bytes_tag(row.tail).rotate_left(16)
}
