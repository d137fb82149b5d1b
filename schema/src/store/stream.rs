//! A stream: rows numbered by a gapless offset, added at the end and trimmed from the front, in chunks on
//! copy-on-write pages. Knows nothing of views and undo.

use super::cow::CowPages;
use crate::row::RowRef;

/// Rows of a chunk: an offset's chunk is its quotient by this number.
const CHUNK_ROWS: u64 = 64;

/// The last offset a stream may give: chunks are numbered in 32 bits.
pub(crate) const OFFSET_MAX: u64 = CHUNK_ROWS << 31;

const TIMESTAMP_BYTES: usize = 8;

#[derive(Clone, Debug)]
struct Chunk {
    /// For each row its timestamp and its image.
    bytes: Vec<u8>,
    /// Where each row ends.
    ends: Vec<u32>,
    /// Rows that would come before the first one, in a stream that began in the middle of a chunk.
    skipped: u32,
}

impl Chunk {
    /// The bytes of the row with that place among the chunk's offsets.
    fn entry(&self, place: u64) -> &[u8] {
        let at = place as usize - self.skipped as usize;
        let start = if at == 0 { 0 } else { self.ends[at - 1] };
        &self.bytes[start as usize..self.ends[at] as usize]
    }
}

/// All of a stream; frozen, a copy of it.
#[derive(Debug)]
pub(crate) struct StreamRows {
    chunks: CowPages<Chunk>,
    fixed_width: usize,
    /// The first offset that readers see.
    first: u64,
    /// Rows before this one are gone.
    kept_from: u64,
    next: u64,
}

impl StreamRows {
    pub(crate) fn new(fixed_width: usize, first: u64) -> StreamRows {
        let mut chunks = CowPages::default();
        chunks.start_at((first / CHUNK_ROWS) as u32);
        StreamRows { chunks, fixed_width, first, kept_from: first, next: first }
    }

    pub(crate) fn freeze(&self) -> StreamRows {
        StreamRows { chunks: self.chunks.freeze(), ..*self }
    }

    pub(crate) fn bounds(&self) -> (u64, u64) {
        (self.first, self.next)
    }

    /// Adds a row and says its offset, `None` when there is none left.
    pub(crate) fn append(&mut self, row: RowRef<'_>, timestamp_us: i64) -> Option<u64> {
        let offset = self.next;
        if offset == OFFSET_MAX {
            return None;
        }
        let number = (offset / CHUNK_ROWS) as u32;
        if self.chunks.get(number).is_none() {
            let bytes = match number.checked_sub(1).and_then(|before| self.chunks.get(before)) {
                Some(before) => Vec::with_capacity(before.bytes.len() + before.bytes.len() / 16),
                None => Vec::new(),
            };
            let skipped = (offset % CHUNK_ROWS) as u32;
            self.chunks.set(number, Chunk { bytes, ends: Vec::with_capacity(CHUNK_ROWS as usize), skipped });
        }
        let chunk = self.chunks.page_mut(number);
        chunk.bytes.extend_from_slice(&timestamp_us.to_le_bytes());
        chunk.bytes.extend_from_slice(row.fixed);
        chunk.bytes.extend_from_slice(row.tail);
        chunk.ends.push(chunk.bytes.len() as u32);
        self.next += 1;
        Some(offset)
    }

    /// Takes the last row away again.
    pub(crate) fn pop(&mut self) {
        assert!(self.next > self.first, "the stream has rows");
        self.next -= 1;
        let number = (self.next / CHUNK_ROWS) as u32;
        let chunk = self.chunks.page_mut(number);
        chunk.ends.pop();
        chunk.bytes.truncate(chunk.ends.last().map_or(0, |end| *end as usize));
        if chunk.ends.is_empty() {
            self.chunks.clear(number);
        }
    }

    /// The row with that offset, which is there: its timestamp in microseconds, and the row.
    fn get(&self, offset: u64) -> (i64, RowRef<'_>) {
        let entry = self.chunks.page((offset / CHUNK_ROWS) as u32).entry(offset % CHUNK_ROWS);
        let (timestamp_us, image) =
            entry.split_first_chunk::<TIMESTAMP_BYTES>().expect("a row has a timestamp");
        let (fixed, tail) = image.split_at(self.fixed_width);
        (i64::from_le_bytes(*timestamp_us), RowRef { fixed, tail })
    }

    /// The rows from an offset on.
    pub(crate) fn read(&self, from: u64) -> impl Iterator<Item = (u64, i64, RowRef<'_>)> {
        (from.max(self.first)..self.next).map(|offset| {
            let (timestamp_us, row) = self.get(offset);
            (offset, timestamp_us, row)
        })
    }

    /// The last row.
    pub(crate) fn last(&self) -> Option<RowRef<'_>> {
        (self.next > self.first).then(|| self.get(self.next - 1).1)
    }

    /// Hides the rows before that offset, or shows them again. They are there until [`StreamRows::forget`].
    pub(crate) fn set_first(&mut self, first: u64) {
        assert!((self.kept_from..=self.next).contains(&first), "offset {first} is not one of the stream's");
        self.first = first;
    }

    /// Gives up the chunks whose rows are all before that offset.
    pub(crate) fn forget(&mut self, before: u64) {
        assert!(before <= self.first, "rows from {before} on are seen");
        for number in self.kept_from / CHUNK_ROWS..before / CHUNK_ROWS {
            self.chunks.clear(number as u32);
        }
        self.chunks.drop_front((before / CHUNK_ROWS) as u32);
        self.kept_from = self.kept_from.max(before);
    }

    /// Bytes of rows, as allocated.
    pub(crate) fn allocated_bytes(&self) -> u64 {
        let chunk = |chunk: &Chunk| chunk.bytes.capacity() + chunk.ends.capacity() * size_of::<u32>();
        self.chunks.allocated_bytes() + self.chunks.iter().map(|(_, page)| chunk(page) as u64).sum::<u64>()
    }
}
