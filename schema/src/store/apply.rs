//! Applying committed effects: a follower's way, and recovery's.

use super::{
    EffectError, RowId, Store,
    effect::{self, Effect},
};
use crate::{catalog::TableId, row::RowRef};

impl Store {
    /// Applies effects that are committed. After an error a part of them is applied, and the store is to be thrown away.
    ///
    /// # Panics
    /// When there are changes that are neither rolled back nor released.
    pub fn apply(&mut self, effects: &[u8]) -> Result<(), EffectError> {
        assert!(self.undo.start() == self.undo.end(), "changes are to be rolled back or released first");
        self.is_recording = false;
        let result = self.apply_all(effects);
        self.is_recording = true;
        result
    }

    fn apply_all(&mut self, effects: &[u8]) -> Result<(), EffectError> {
        let shapes = self.shapes.clone();
        let mut rest = effects;
        while !rest.is_empty() {
            let at = effects.len() - rest.len();
            let (effect, after) =
                effect::split(&shapes, rest).map_err(|reason| EffectError::Malformed { at, reason })?;
            self.apply_one(at, effect)?;
            rest = after;
        }
        Ok(())
    }

    #[inline]
    fn apply_one(&mut self, at: usize, effect: Effect<'_>) -> Result<(), EffectError> {
        let missing = |table| EffectError::NoSuchRow { at, table };
        let (table, result) = match effect {
            Effect::Put { table, row } => (table, self.put(table, row)),
            Effect::PutFixed { table, fixed } => {
                let id =
                    self.table(table).rows().find_like(RowRef { fixed, tail: &[] }).ok_or(missing(table))?;
                (table, self.update_fixed(table, RowId(id), fixed))
            }
            Effect::Delete { table, key } => {
                let id = self.find(table, key).ok_or(missing(table))?;
                (table, self.delete(table, id))
            }
            Effect::DeleteEqual { table, row } => match self.delete_equal(table, row) {
                Ok(false) => return Err(missing(table)),
                result => (table, result.map(drop)),
            },
            Effect::Append { table, timestamp_us, row } => {
                (table, self.append(table, row, timestamp_us).map(drop))
            }
            Effect::Trim { table, first_offset } => {
                let (first, next) = self.stream_bounds(table);
                if !(first..=next).contains(&first_offset) {
                    return Err(EffectError::Trim { at, table, first_offset });
                }
                self.trim_stream(table, first_offset);
                (table, Ok(()))
            }
        };
        result.map_err(|error| EffectError::Refused { at, table, error })
    }

    #[inline]
    fn put(&mut self, table: TableId, row: RowRef<'_>) -> Result<(), super::WriteError> {
        let of = self.table(table);
        if let super::table::Body::Rows(rows) = &of.body
            && rows.keying.is_some()
            && let Some(id) = rows.find_like(row)
        {
            return self.update(table, RowId(id), row);
        }
        self.insert(table, row)
    }
}
