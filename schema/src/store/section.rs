//! Snapshot sections: what a partition is as a sequence of byte strings, each of a kind. The form is
//! `docs/FORMAT.md`, "Snapshot sections". Knows nothing of files and checksums.

use super::{
    frozen::{Contents, Frozen},
    shape::{Shape, ShapeKind},
};
use crate::{
    catalog::{Catalog, TableId},
    row::RowRef,
};

/// Of the sections' form; the first thing in the first of them.
pub(crate) const VERSION: u16 = 1;

pub(crate) const HEADER: u32 = 1;
pub(crate) const ROWS: u32 = 2;
pub(crate) const STREAM: u32 = 3;
pub(crate) const VIEW_ROWS: u32 = 4;
pub(crate) const VIEW_VALUES: u32 = 5;
pub(crate) const END: u32 = 6;

/// A section is closed once it is as long as this.
const SECTION_BYTES: usize = 256 << 10;

/// What the header says of the first `count` tables: whoever loads the snapshot must have the same, and may
/// have more.
pub(crate) fn header(catalog: &Catalog, shapes: &[Shape], count: usize) -> Vec<u8> {
    let mut header = VERSION.to_le_bytes().to_vec();
    header.extend_from_slice(&(count as u16).to_le_bytes());
    for (table, shape) in catalog.tables.iter().zip(shapes).take(count) {
        header.push(match shape.kind {
            ShapeKind::Keyed => 1,
            ShapeKind::History => 2,
            ShapeKind::Heap => 3,
            ShapeKind::Stream => 4,
            ShapeKind::View => 5,
        });
        header.extend_from_slice(&(shape.layout.fixed_width as u32).to_le_bytes());
        header.extend_from_slice(&(shape.layout.tail_columns as u16).to_le_bytes());
        header.extend_from_slice(&(table.name.len() as u16).to_le_bytes());
        header.extend_from_slice(table.name.as_bytes());
    }
    header
}

type Sink<'s, E> = &'s mut dyn FnMut(u32, &[u8]) -> Result<(), E>;

/// A section being filled.
struct Section<'s, E> {
    sink: Sink<'s, E>,
    kind: u32,
    bytes: Vec<u8>,
    /// Bytes before the first entry.
    head: usize,
}

impl<'s, E> Section<'s, E> {
    fn new(sink: Sink<'s, E>, kind: u32, head: &[u8]) -> Section<'s, E> {
        let mut bytes = Vec::with_capacity(SECTION_BYTES + SECTION_BYTES / 4);
        bytes.extend_from_slice(head);
        Section { sink, kind, head: head.len(), bytes }
    }

    fn push_row(&mut self, row: RowRef<'_>) {
        self.bytes.extend_from_slice(row.fixed);
        self.bytes.extend_from_slice(row.tail);
    }

    fn is_full(&self) -> bool {
        self.bytes.len() >= SECTION_BYTES
    }

    /// Gives the section away and begins the next one with the same head.
    fn close(&mut self) -> Result<(), E> {
        (self.sink)(self.kind, &self.bytes)?;
        self.bytes.truncate(self.head);
        Ok(())
    }

    fn close_if_full(&mut self) -> Result<(), E> {
        if self.is_full() { self.close() } else { Ok(()) }
    }

    fn close_if_filled(&mut self) -> Result<(), E> {
        if self.bytes.len() > self.head { self.close() } else { Ok(()) }
    }
}

impl Frozen {
    /// Gives the snapshot's sections to `sink`, one after another: a kind and bytes, about 256 KiB of them.
    #[allow(clippy::type_complexity, reason = "a sink is a closure over two plain arguments")]
    pub fn write<E>(&self, sink: &mut dyn FnMut(u32, &[u8]) -> Result<(), E>) -> Result<(), E> {
        sink(HEADER, &header(&self.catalog, &self.shapes, self.tables.len()))?;
        let mut end = Vec::new();
        for (id, contents) in self.tables.iter().enumerate() {
            let head = (id as TableId).to_le_bytes();
            let rows = match contents {
                Contents::Rows(pages) => {
                    let mut section = Section::new(sink, ROWS, &head);
                    for (_, row) in pages.iter() {
                        section.push_row(row);
                        section.close_if_full()?;
                    }
                    section.close_if_filled()?;
                    pages.count()
                }
                Contents::History(history) => {
                    let mut section = Section::new(sink, ROWS, &head);
                    // The rows of a key follow each other in the order of time, and are cut only when they
                    // fill a section.
                    for key in history.keys_oldest_first() {
                        for row in key {
                            section.push_row(row);
                            if section.bytes.len() >= SECTION_BYTES * 2 {
                                section.close()?;
                            }
                        }
                        section.close_if_full()?;
                    }
                    section.close_if_filled()?;
                    history.count()
                }
                Contents::Stream(_) => self.write_stream(id as TableId, sink)?,
                Contents::View { .. } => {
                    self.write_view(id as TableId, sink)?;
                    0
                }
                Contents::Runs(_) => 0,
            };
            end.extend_from_slice(&rows.to_le_bytes());
        }
        sink(END, &end)
    }

    fn write_stream<E>(&self, id: TableId, sink: Sink<'_, E>) -> Result<u64, E> {
        let (first, next) = self.stream_bounds(id);
        let mut bytes = Vec::with_capacity(SECTION_BYTES + SECTION_BYTES / 4);
        let begin = |bytes: &mut Vec<u8>, offset: u64| {
            bytes.clear();
            bytes.extend_from_slice(&id.to_le_bytes());
            bytes.extend_from_slice(&offset.to_le_bytes());
        };
        begin(&mut bytes, first);
        for (offset, timestamp_us, row) in self.stream_read(id, first, usize::MAX) {
            if bytes.len() >= SECTION_BYTES {
                sink(STREAM, &bytes)?;
                begin(&mut bytes, offset);
            }
            bytes.extend_from_slice(&timestamp_us.to_le_bytes());
            bytes.extend_from_slice(row.fixed);
            bytes.extend_from_slice(row.tail);
        }
        // A stream without rows has its offset too.
        sink(STREAM, &bytes)?;
        Ok(next - first)
    }

    /// Views over tables are computed afresh when a snapshot is loaded; those over streams are all that is
    /// left of trimmed rows.
    fn write_view<E>(&self, id: TableId, sink: Sink<'_, E>) -> Result<(), E> {
        let Contents::View { plan, rows, values } = &self.tables[usize::from(id)] else { return Ok(()) };
        if !self.catalog.table(plan.source).is_stream() {
            return Ok(());
        }
        let mut section = Section::new(&mut *sink, VIEW_ROWS, &id.to_le_bytes());
        for (_, row) in rows.iter() {
            section.push_row(row);
            section.close_if_full()?;
        }
        section.close_if_filled()?;
        let mut section = Section::new(sink, VIEW_VALUES, &id.to_le_bytes());
        for (_, row) in values.iter() {
            section.bytes.extend_from_slice(row.fixed);
            section.bytes.extend_from_slice(&(row.tail.len() as u32).to_le_bytes());
            section.bytes.extend_from_slice(row.tail);
            section.close_if_full()?;
        }
        section.close_if_filled()
    }
}
