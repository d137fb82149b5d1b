//! Undoing changes that were not committed, and forgetting how to undo those that were.

use super::{Mark, Store, undo::Inverse};
use crate::{catalog::TableId, row::RowRef};

impl Store {
    /// Undoes every change since the mark, and drops their effects (those that were taken are the caller's to
    /// drop).
    ///
    /// # Panics
    /// When the mark is before the last release.
    pub fn rollback_to(&mut self, mark: Mark) {
        assert!(mark.undo_at >= self.undo.start(), "what the mark says is committed");
        self.undo_to(mark.undo_at);
        self.effects.truncate(mark.effects_at.saturating_sub(self.effects_base) as usize);
    }

    /// Forgets the undo of every change before the mark: they are committed.
    pub fn release_to(&mut self, mark: Mark) {
        self.undo.forget_before(mark.undo_at);
        while let Some(&(before, stream, first_offset)) = self.trims.front()
            && before < mark.undo_at
        {
            self.trims.pop_front();
            self.table_mut(stream).stream_mut().forget(first_offset);
        }
    }

    /// The effects of every change since they were last taken, for a block.
    pub fn take_effects(&mut self) -> Vec<u8> {
        self.effects_base += self.effects.len() as u64;
        std::mem::take(&mut self.effects)
    }

    /// Appends the effects of every change since they were last taken to a block.
    pub fn drain_effects_into(&mut self, block: &mut Vec<u8>) {
        self.effects_base += self.effects.len() as u64;
        block.append(&mut self.effects);
    }

    /// Bytes of effects not taken yet.
    pub fn effect_bytes(&self) -> usize {
        self.effects.len()
    }

    pub(super) fn undo_to(&mut self, position: u64) {
        let mut payload = Vec::new();
        let was_recording = std::mem::replace(&mut self.is_recording, false);
        while self.undo.end() > position {
            let (inverse, table) = self.undo.pop(&mut payload);
            self.invert(inverse, table, &payload);
        }
        self.is_recording = was_recording;
        while self.trims.back().is_some_and(|(before, ..)| *before >= position) {
            self.trims.pop_back();
        }
    }

    fn invert(&mut self, inverse: Inverse, table: TableId, payload: &[u8]) {
        const BACK: &str = "the state before was there already";
        let width = match &self.views[usize::from(table)] {
            Some(view) => view.plan.stored_width,
            None => self.shapes[usize::from(table)].layout.fixed_width,
        };
        let row = |end: usize| {
            let (fixed, tail) = payload[..payload.len() - end].split_at(width);
            RowRef { fixed, tail }
        };
        let number = || u32::from_le_bytes(*payload.last_chunk().expect("a payload ends with its number"));
        match inverse {
            Inverse::Remove => {
                let old = self.row(table, super::RowId(number())).to_buf();
                self.change_views(table, old.as_ref(), true).expect(BACK);
                self.table_mut(table).rows_mut().remove(number());
                self.table_mut(table).remove_from_indexes(old.as_ref(), number());
            }
            Inverse::Insert => {
                let id = self.add(table, row(4)).expect(BACK);
                assert!(id == number(), "row {} came back as {id}", number());
            }
            Inverse::Replace => {
                let present = self.row(table, super::RowId(number())).to_buf();
                self.replace(table, number(), present.as_ref(), row(4)).expect(BACK);
            }
            Inverse::ReplaceFixed => {
                let rows = self.table_mut(table).rows_mut();
                rows.rows.pages.fixed_mut(number()).copy_from_slice(row(4).fixed);
            }
            Inverse::HistoryRemove => {
                self.table_mut(table).history_mut().remove_last(row(0));
                self.change_views(table, row(0), true).expect(BACK);
                self.table_mut(table).remove_from_indexes(row(0), 0);
            }
            Inverse::HistoryInsert => {
                let history = self.table_mut(table).history_mut();
                assert!(history.insert_before(row(4), number() as usize), "{BACK}");
                self.change_views(table, row(4), false).expect(BACK);
                self.table_mut(table).add_to_indexes(row(4), 0);
            }
            Inverse::Pop => {
                let last = self.table(table).stream().last().expect("the stream has the row").to_buf();
                self.table_mut(table).stream_mut().pop();
                self.change_views(table, last.as_ref(), true).expect(BACK);
            }
            Inverse::Untrim => {
                let first = u64::from_le_bytes(payload.try_into().expect("an offset is eight bytes"));
                self.table_mut(table).stream_mut().set_first(first);
            }
            Inverse::ViewRow => {
                let view = self.views[usize::from(table)].as_mut().expect("the view is stored");
                view.restore(number(), row(4));
            }
        }
    }
}
