//! The rows of one partition, with their indexes, views, undo and effects. Never knows: IO, clocks, other
//! partitions, who calls it. Runs on the thread of its executor; what is read elsewhere is a [`Frozen`] view,
//! or a [`StreamSlice`].

mod apply;
mod chunks;
mod cow;
mod digest;
mod effect;
mod exact_sum;
mod found_rows;
mod frozen;
mod guard;
mod history;
mod id_table;
mod index;
pub mod key;
mod keying;
mod leaves;
mod load;
mod partition;
mod prefetch;
mod rollback;
mod rows;
mod runs;
mod section;
pub(crate) mod shape;
mod stream;
mod sweep;
mod table;
mod tails;
pub mod time_window;
mod undo;
mod values;
mod view;
mod view_plan;
mod view_row;
pub mod window;
mod write;

pub use effect::{EffectError, Malformed};
pub use frozen::Frozen;
pub use guard::Scope;
pub use history::History;
pub use partition::{IndexRange, Store};
pub use prefetch::GroupAhead;
pub use stream::StreamSlice;
pub use sweep::SweepPlace;

use thiserror::Error;

use crate::{
    catalog::{Catalog, TableId},
    row::{RowBuf, RowRef},
};

/// Where a row of a keyed table or a heap is, until it is deleted. Differs from replica to replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowId(pub(crate) u32);

/// A point between two changes, to roll back to or to forget undo before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark {
    undo_at: u64,
    effects_at: u64,
}

/// A change that the store refuses; it has then changed nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum WriteError {
    #[error("table {table} already has a row with this {key:?} key")]
    Duplicate { table: TableId, key: UniqueKey },
    #[error("a sum of view {view} would overflow")]
    SumOverflow { view: TableId },
    #[error("table {table} holds as many rows as it can")]
    Full { table: TableId },
    /// Found before the row reaches the store, by typed rows.
    #[error("column {column} of table {table} is NOT NULL")]
    NotNull { table: TableId, column: u16 },
    /// Found before the row reaches the store, by typed rows.
    #[error("a value is too long for column {column} of table {table}")]
    TooLong { table: TableId, column: u16 },
    /// A procedure of one partition wrote a row that belongs to another.
    #[error("the row of table {table} belongs to another partition")]
    OtherPartition { table: TableId },
    /// A procedure of one partition wrote to a replicated table.
    #[error("table {table} is replicated: only a procedure of all partitions writes it")]
    Replicated { table: TableId },
}

/// Which of a table's unique keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UniqueKey {
    Primary,
    /// Position in `TableDef::uniques`.
    Unique(usize),
    /// Position in `TableDef::indexes`.
    Index(usize),
}

impl WriteError {
    /// The error in the user's names.
    pub fn message(&self, catalog: &Catalog) -> String {
        match *self {
            WriteError::Duplicate { table, key } => {
                let table = catalog.table(table);
                let key = match key {
                    UniqueKey::Primary => table.primary_key.as_ref().map_or("the primary key", |k| &k.name),
                    UniqueKey::Unique(i) => &table.uniques[i].name,
                    UniqueKey::Index(i) => &table.indexes[i].name,
                };
                format!("{} already has a row with this key: {key}", table.name)
            }
            WriteError::SumOverflow { view } => {
                format!("a sum of view {} would overflow", catalog.table(view).name)
            }
            WriteError::Full { table } => {
                format!("{} holds as many rows as it can", catalog.table(table).name)
            }
            WriteError::OtherPartition { table } => {
                let table = catalog.table(table);
                let column = &table.columns[table.partition_column.expect("it is partitioned")].name;
                format!("{}: the row belongs to another partition, by its {column}", table.name)
            }
            WriteError::Replicated { table } => {
                let name = &catalog.table(table).name;
                format!("{name} is replicated: only a procedure of all partitions writes it")
            }
            WriteError::NotNull { table, column } => {
                let table = catalog.table(table);
                format!("{}.{} is NOT NULL", table.name, table.columns[usize::from(column)].name)
            }
            WriteError::TooLong { table, column } => {
                let table = catalog.table(table);
                let column = &table.columns[usize::from(column)];
                format!("a value is too long for {}.{}, {}", table.name, column.name, column.column_type)
            }
        }
    }
}

/// Snapshot sections that can't be loaded.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum LoadError {
    #[error("section {section} of kind {kind}: {reason}")]
    Section { section: usize, kind: u32, reason: String },
    #[error("the snapshot is not complete: {0}")]
    Incomplete(String),
}

/// Bytes a table takes, as allocated: slack included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TableMemory {
    pub table: TableId,
    pub rows: u64,
    /// Pages of fixed parts, or a stream's chunks.
    pub row_bytes: u64,
    /// Strings.
    pub tail_bytes: u64,
    /// Hash tables, secondary indexes, multisets of views.
    pub index_bytes: u64,
}

/// A row that is stored, or that was made up to be read (a view's that is not stored).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RowCow<'a> {
    Stored(RowRef<'a>),
    Made(RowBuf),
}

impl RowCow<'_> {
    pub fn row(&self) -> RowRef<'_> {
        match self {
            RowCow::Stored(row) => *row,
            RowCow::Made(row) => row.as_ref(),
        }
    }
}
