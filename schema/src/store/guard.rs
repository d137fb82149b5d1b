//! Which rows a procedure may write: those whose key belongs to the partition it runs in, and rows of
//! replicated tables only when it runs in all of them. A row elsewhere would never be found again, for
//! callers are sent by the key; and a replicated table would no longer be the same everywhere.
//!
//! Off unless a procedure runs: what is applied, undone or expired was right when it was first written. It
//! costs a tap a few instructions: the key is looked up in the ring once, and compared after that.

use std::sync::Arc;

use super::{Store, WriteError, shape::Belonging};
use crate::{catalog::TableId, ring::Ring, row::RowRef};

/// Where the procedure runs whose writes are guarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// In this partition.
    One,
    /// In all partitions at once, in this one too.
    All,
}

#[derive(Debug, Default)]
pub(super) struct Guard {
    home: Option<Home>,
    scope: Option<Scope>,
    /// The first write that was refused since the guard is on.
    refused: Option<WriteError>,
}

#[derive(Debug)]
struct Home {
    ring: Arc<Ring>,
    partition: u16,
    /// An integer key that belongs here: the last that was looked up.
    known: Option<i64>,
}

impl Home {
    #[inline]
    fn has_integer(&mut self, key: i64) -> bool {
        if self.known == Some(key) {
            return true;
        }
        let belongs = self.ring.partition_of_int(key) == self.partition;
        if belongs {
            self.known = Some(key);
        }
        belongs
    }
}

impl Store {
    /// Says which partition this is. Before that nothing is guarded.
    pub fn set_home(&mut self, ring: Arc<Ring>, partition: u16) {
        self.guard.home = Some(Home { ring, partition, known: None });
    }

    /// A procedure begins: until [`Store::unguard`], writes that it must not make are refused.
    #[inline]
    pub fn guard(&mut self, scope: Scope) {
        self.guard.scope = Some(scope);
    }

    /// The procedure has ended. The first write that was refused: its transaction must be rolled back, even
    /// if the procedure made nothing of the error.
    #[inline]
    pub fn unguard(&mut self) -> Option<WriteError> {
        self.guard.scope = None;
        self.guard.refused.take()
    }

    /// Whether a row of these values may be written.
    #[inline]
    pub(super) fn guard_row(&mut self, table: TableId, row: RowRef<'_>) -> Result<(), WriteError> {
        let (Some(scope), Some(home)) = (self.guard.scope, &mut self.guard.home) else { return Ok(()) };
        let error = match &self.shapes[usize::from(table)].belonging {
            Belonging::Integer { offset, width } if !home.has_integer(row.integer(*offset, *width)) => {
                WriteError::OtherPartition { table }
            }
            Belonging::Bytes { ordinal }
                if row.tail_value(*ordinal).map(|key| home.ring.partition_of_bytes(key))
                    != Some(home.partition) =>
            {
                WriteError::OtherPartition { table }
            }
            Belonging::Everywhere if scope == Scope::One => WriteError::Replicated { table },
            _ => return Ok(()),
        };
        self.refuse(error)
    }

    /// Whether a row that is here may be written, its key staying as it is.
    #[inline]
    pub(super) fn guard_table(&mut self, table: TableId) -> Result<(), WriteError> {
        if self.guard.scope == Some(Scope::One)
            && self.guard.home.is_some()
            && matches!(self.shapes[usize::from(table)].belonging, Belonging::Everywhere)
        {
            return self.refuse(WriteError::Replicated { table });
        }
        Ok(())
    }

    #[cold]
    fn refuse(&mut self, error: WriteError) -> Result<(), WriteError> {
        self.guard.refused.get_or_insert(error);
        Err(error)
    }
}
