//! One table, stream or view of a partition, as it is stored, with its secondary indexes. Knows nothing of
//! undo and effects.

use std::sync::Arc;

use super::{
    UniqueKey, WriteError,
    found_rows::FoundRows,
    history::{HistoryRows, TimeColumn},
    index::Index,
    key::KeyColumn,
    keying::Keying,
    shape::{Shape, key_column},
    stream::StreamRows,
    view_plan::ViewPlan,
};
use crate::{
    catalog::{Catalog, Organisation, TableId, TableKind},
    row::{RowRef, Slot},
};

#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) body: Body,
    /// Of `TableDef::indexes`, then of `TableDef::uniques`.
    pub(crate) indexes: Vec<Index>,
    /// Whether some index has entries to keep up to date.
    pub(crate) is_indexed: bool,
    /// The stored views over this table or stream.
    pub(crate) views: Vec<TableId>,
}

#[derive(Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "a catalogue has few tables, and a box is one more place to look"
)]
pub(crate) enum Body {
    /// A keyed table or a heap.
    Rows(FoundRows),
    History(HistoryRows),
    Stream(StreamRows),
    /// A view whose rows are in `Store::views`.
    View,
    /// A view that is read off its source's clustering.
    Runs(Arc<ViewPlan>),
}

impl Table {
    pub(crate) fn new(catalog: &Catalog, id: TableId, shape: &Shape) -> Table {
        let definition = catalog.table(id);
        let (width, has_tails) = (definition.layout.fixed_width, definition.layout.tail_columns > 0);
        let body = match &definition.kind {
            TableKind::Table(Organisation::Keyed) => {
                Body::Rows(FoundRows::new(width, has_tails, Some(Keying::new(shape.key.clone()))))
            }
            TableKind::Table(Organisation::Heap) => Body::Rows(FoundRows::new(width, has_tails, None)),
            TableKind::Table(Organisation::History { key, time }) => {
                let keying = Keying::new(vec![key_column(definition, *key)]);
                let KeyColumn { slot: Slot::Fixed { offset }, .. } = key_column(definition, *time) else {
                    unreachable!("a timestamp is in the fixed part")
                };
                let time = TimeColumn { offset: offset as usize };
                Body::History(HistoryRows::new(width, has_tails, keying, time))
            }
            TableKind::Stream { .. } => Body::Stream(StreamRows::new(width, 0)),
            TableKind::View(view) if ViewPlan::is_runs_of(catalog, view) => {
                Body::Runs(Arc::new(ViewPlan::new(catalog, definition, view)))
            }
            TableKind::View(_) => Body::View,
        };
        let indexes = definition.indexes.iter().enumerate();
        let indexes = indexes.map(|(n, i)| (&i.columns, i.unique.then_some(UniqueKey::Index(n))));
        let uniques = definition.uniques.iter().enumerate();
        let uniques = uniques.map(|(n, k)| (&k.columns, Some(UniqueKey::Unique(n))));
        let is_table = matches!(definition.kind, TableKind::Table(_));
        let indexes: Vec<Index> = indexes
            .chain(uniques)
            .filter(|_| is_table)
            .map(|(columns, unique)| Index::new(definition, columns, unique))
            .collect();
        let is_indexed = indexes.iter().any(Index::has_entries);
        Table { body, indexes, is_indexed, views: Vec::new() }
    }

    /// The rows of a keyed table or a heap.
    #[inline]
    pub(crate) fn rows(&self) -> &FoundRows {
        let Body::Rows(rows) = &self.body else { panic!("the rows of this table have no numbers") };
        rows
    }

    #[inline]
    pub(crate) fn rows_mut(&mut self) -> &mut FoundRows {
        let Body::Rows(rows) = &mut self.body else { panic!("the rows of this table have no numbers") };
        rows
    }

    #[inline]
    pub(crate) fn history(&self) -> &HistoryRows {
        let Body::History(history) = &self.body else { panic!("this table is no history") };
        history
    }

    #[inline]
    pub(crate) fn history_mut(&mut self) -> &mut HistoryRows {
        let Body::History(history) = &mut self.body else { panic!("this table is no history") };
        history
    }

    pub(crate) fn stream(&self) -> &StreamRows {
        let Body::Stream(stream) = &self.body else { panic!("this is no stream") };
        stream
    }

    pub(crate) fn stream_mut(&mut self) -> &mut StreamRows {
        let Body::Stream(stream) = &mut self.body else { panic!("this is no stream") };
        stream
    }

    /// Whether a row may be there beside the others; `but` is the row it replaces.
    #[inline]
    pub(crate) fn check_unique(
        &self,
        id: TableId,
        row: RowRef<'_>,
        but: Option<u32>,
    ) -> Result<(), WriteError> {
        if let Body::Rows(FoundRows { keying: Some(_), .. }) = &self.body
            && self.rows().find_like(row).is_some_and(|other| Some(other) != but)
        {
            return Err(WriteError::Duplicate { table: id, key: UniqueKey::Primary });
        }
        for index in &self.indexes {
            if let Some(key) = index.unique
                && index.holds(row, but)
            {
                return Err(WriteError::Duplicate { table: id, key });
            }
        }
        Ok(())
    }

    #[inline]
    pub(crate) fn add_to_indexes(&mut self, row: RowRef<'_>, id: u32) {
        if self.is_indexed {
            self.indexes.iter_mut().for_each(|index| index.insert(row, id));
        }
    }

    /// Takes a row's entries out, after the row itself.
    pub(crate) fn remove_from_indexes(&mut self, row: RowRef<'_>, id: u32) {
        if !self.is_indexed {
            return;
        }
        let Body::History(history) = &self.body else {
            self.indexes.iter_mut().for_each(|index| index.remove(row, id));
            return;
        };
        let mut scratch = Vec::new();
        let time_us = history.time.of(row.fixed);
        let others = history.of(history.keying.probe_row(row, &mut scratch)).up_to(time_us);
        let others = others.take_while(|other| history.time.of(other.fixed) == time_us);
        for index in &mut self.indexes {
            // Rows of one key, time and columns share an entry.
            if !others.clone().any(|other| index.same(other, row)) {
                index.remove(row, id);
            }
        }
    }
}
