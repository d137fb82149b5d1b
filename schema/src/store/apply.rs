//! Applying committed effects: a follower's way, and recovery's.

use std::collections::VecDeque;

use super::{
    EffectError, RowId, Store,
    effect::{self, Effect},
    id_table::integer_tag,
    prefetch::prefetch_line,
};
use crate::{catalog::TableId, row::RowRef};

/// How many effects before its turn the place of an effect's key is asked for, and then its row: each takes
/// about as long as memory takes to answer.
const AHEAD_OF_KEY: usize = 12;
const AHEAD_OF_ROW: usize = 6;

impl Store {
    /// Applies effects that are committed. After an error a part of them is applied, and the store is to be
    /// thrown away.
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

    /// Runs ahead of itself: what an effect will look at is asked for while those before it are applied.
    fn apply_all(&mut self, effects: &[u8]) -> Result<(), EffectError> {
        let shapes = self.shapes.clone();
        let mut ahead = VecDeque::with_capacity(AHEAD_OF_KEY + 1);
        let mut rest = effects;
        loop {
            let at = effects.len() - rest.len();
            let next = match rest.is_empty() {
                true => None,
                false => Some(effect::split(&shapes, rest)),
            };
            match next {
                Some(Ok((effect, after))) => {
                    self.prefetch_key(effect);
                    ahead.push_back((at, effect));
                    rest = after;
                    if ahead.len() <= AHEAD_OF_KEY {
                        continue;
                    }
                }
                Some(Err(reason)) => {
                    // What comes before it is applied first.
                    ahead.drain(..).try_for_each(|(at, effect)| self.apply_one(at, effect))?;
                    return Err(EffectError::Malformed { at, reason });
                }
                None if ahead.is_empty() => return Ok(()),
                None => {}
            }
            if let Some((_, effect)) = ahead.get(AHEAD_OF_ROW) {
                self.prefetch_row_of(*effect);
            }
            let (at, effect) = ahead.pop_front().expect("it is not empty");
            self.apply_one(at, effect)?;
        }
    }

    /// Asks for where the key of the effect's row is looked for.
    #[inline]
    fn prefetch_key(&self, effect: Effect<'_>) {
        let (Effect::Put { table, row: RowRef { fixed, .. } } | Effect::PutFixed { table, fixed }) = effect
        else {
            return;
        };
        if let Some((ids, keying)) = self.ids_of(table)
            && let Some(key) = keying.integer(RowRef { fixed, tail: &[] })
            && let Some(address) = ids.address(integer_tag(key))
        {
            prefetch_line(address);
        }
    }

    /// Asks for the row itself, or the newest rows of its key.
    #[inline]
    fn prefetch_row_of(&self, effect: Effect<'_>) {
        let (Effect::Put { table, row: RowRef { fixed, .. } } | Effect::PutFixed { table, fixed }) = effect
        else {
            return;
        };
        if let Some((_, keying)) = self.ids_of(table)
            && let Some(key) = keying.integer(RowRef { fixed, tail: &[] })
        {
            self.prefetch_row(table, key);
        }
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
