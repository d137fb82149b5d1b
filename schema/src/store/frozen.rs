//! A partition as it stood at one moment, readable on any thread while the store moves on.

use std::sync::Arc;

use super::{
    History, RowCow, Store,
    chunks::{ChunkId, ChunkPages, NO_CHUNK},
    history::TimeColumn,
    rows::RowPages,
    runs::Runs,
    shape::Shape,
    stream::StreamRows,
    table::Body,
    view::visible_rows,
    view_plan::ViewPlan,
};
use crate::{
    catalog::{Catalog, TableId},
    row::RowRef,
};

/// A partition as it stood at one moment.
#[derive(Debug)]
pub struct Frozen {
    pub(super) catalog: Arc<Catalog>,
    pub(super) shapes: Arc<[Shape]>,
    pub(super) tables: Vec<Contents>,
}

/// The rows of one table, without what is made from them when a snapshot is loaded.
#[derive(Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "a catalogue has few tables, and a box is one more place to look"
)]
pub(super) enum Contents {
    Rows(RowPages),
    History(FrozenHistory),
    Stream(StreamRows),
    View { plan: Arc<ViewPlan>, rows: RowPages, values: RowPages },
    Runs(Arc<ViewPlan>),
}

#[derive(Debug)]
pub(super) struct FrozenHistory {
    pages: ChunkPages,
    time: TimeColumn,
}

const _: () = {
    const fn is_shared<T: Send + Sync + 'static>() {}
    is_shared::<Frozen>();
};

impl Store {
    /// A copy of the partition as it stands, for other threads: clones one pointer for a megabyte of rows.
    pub fn freeze(&self) -> Frozen {
        let freeze = |(id, table): (usize, &super::table::Table)| match &table.body {
            Body::Rows(rows) => Contents::Rows(rows.rows.pages.freeze()),
            Body::History(history) => {
                Contents::History(FrozenHistory { pages: history.chunks.freeze(), time: history.time })
            }
            Body::Stream(stream) => Contents::Stream(stream.freeze()),
            Body::View => {
                let view = self.view(id as TableId);
                Contents::View {
                    plan: view.plan.clone(),
                    rows: view.rows.pages.freeze(),
                    values: view.values.rows.pages.freeze(),
                }
            }
            Body::Runs(plan) => Contents::Runs(plan.clone()),
        };
        Frozen {
            catalog: self.catalog.clone(),
            shapes: self.shapes.clone(),
            tables: self.tables.iter().enumerate().map(freeze).collect(),
        }
    }
}

impl Frozen {
    pub fn catalog(&self) -> &Arc<Catalog> {
        &self.catalog
    }

    /// Every row of a table, stream or view, in no promised order; a history's key by key, newest first.
    pub fn scan(&self, table: TableId) -> Box<dyn Iterator<Item = RowCow<'_>> + '_> {
        match &self.tables[usize::from(table)] {
            Contents::Rows(pages) => Box::new(pages.iter().map(|(_, row)| RowCow::Stored(row))),
            Contents::History(history) => Box::new(history.keys().flatten().map(RowCow::Stored)),
            Contents::Stream(stream) => Box::new(stream.read(0).map(|(_, _, row)| RowCow::Stored(row))),
            Contents::View { plan, rows, .. } => Box::new(visible_rows(plan, rows).map(RowCow::Stored)),
            Contents::Runs(plan) => {
                let Contents::History(history) = &self.tables[usize::from(plan.source)] else {
                    unreachable!("runs are of a history")
                };
                Box::new(history.keys().flat_map(|rows| Runs::new(plan, rows)).map(RowCow::Made))
            }
        }
    }

    /// As [`Store::stream_bounds`].
    pub fn stream_bounds(&self, stream: TableId) -> (u64, u64) {
        self.stream(stream).bounds()
    }

    /// As [`Store::stream_read`].
    pub fn stream_read(
        &self,
        stream: TableId,
        from_offset: u64,
        max_rows: usize,
    ) -> impl Iterator<Item = (u64, i64, RowRef<'_>)> {
        self.stream(stream).read(from_offset).take(max_rows)
    }

    fn stream(&self, stream: TableId) -> &StreamRows {
        match &self.tables[usize::from(stream)] {
            Contents::Stream(stream) => stream,
            _ => panic!("{} is no stream", self.catalog.table(stream).name),
        }
    }
}

impl FrozenHistory {
    pub(super) fn count(&self) -> u64 {
        self.pages.count
    }

    /// The newest chunk of each key: those that no other chunk has before it.
    fn heads(&self) -> Vec<ChunkId> {
        let mut olders: Vec<u32> = self.pages.iter().map(|(_, chunk)| chunk.older.0).collect();
        olders.retain(|older| *older != NO_CHUNK.0);
        olders.sort_unstable();
        let mut olders = olders.into_iter().peekable();
        // Chunks come by rising number.
        let ids = self.pages.iter().map(|(id, _)| id);
        ids.filter(|id| olders.next_if_eq(&id.0).is_none()).collect()
    }

    fn keys(&self) -> impl Iterator<Item = History<'_>> {
        self.heads().into_iter().map(|head| History::new(&self.pages, head, self.time))
    }

    /// Each key's rows in the order of time.
    pub(super) fn keys_oldest_first(&self) -> impl Iterator<Item = impl Iterator<Item = RowRef<'_>>> {
        self.heads().into_iter().map(|head| {
            let mut chain = vec![head];
            let mut older = self.pages.chunk(head).older;
            while older != NO_CHUNK {
                chain.push(older);
                older = self.pages.chunk(older).older;
            }
            chain.into_iter().rev().flat_map(|chunk| {
                let rows = self.pages.chunk(chunk).rows.chunks_exact(self.pages.row_width());
                rows.map(|stored| self.pages.row(stored))
            })
        })
    }
}
