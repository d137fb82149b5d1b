//! A stream: rows numbered by a gapless offset, added at the end and trimmed from the front, in chunks on
//! copy-on-write pages. Knows nothing of views and undo.

use super::cow::{CowPages, Page};
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

    /// The same, taken apart: its timestamp in microseconds, and the row.
    #[inline]
    fn row(&self, place: u64, fixed_width: usize) -> (i64, RowRef<'_>) {
        let (timestamp_us, image) =
            self.entry(place).split_first_chunk::<TIMESTAMP_BYTES>().expect("a row has a timestamp");
        let (fixed, tail) = image.split_at(fixed_width);
        (i64::from_le_bytes(*timestamp_us), RowRef { fixed, tail })
    }
}

/// Rows of a stream, one behind the other, that stay as they are while the stream changes. To take them costs
/// a pointer for each 64 of them, so whoever turns them into something else does so where nobody waits.
#[derive(Debug)]
pub struct StreamSlice {
    chunks: Vec<Page<Chunk>>,
    fixed_width: usize,
    bounds: (u64, u64),
    from: u64,
    to: u64,
}

impl StreamSlice {
    /// The first offset that the stream had, and the one before which rows were taken.
    pub fn bounds(&self) -> (u64, u64) {
        self.bounds
    }

    /// Offset, timestamp in microseconds, row.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = (u64, i64, RowRef<'_>)> {
        let first_chunk = self.from / CHUNK_ROWS;
        let count = (self.to - self.from) as usize;
        (0..count).map(move |at| {
            let offset = self.from + at as u64;
            let chunk = &self.chunks[(offset / CHUNK_ROWS - first_chunk) as usize];
            let (timestamp_us, row) = chunk.row(offset % CHUNK_ROWS, self.fixed_width);
            (offset, timestamp_us, row)
        })
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

    /// Rows from an offset on and before another one, as many as fill about so many bytes, but one at least.
    pub(crate) fn slice(&self, from: u64, before: u64, bytes: usize) -> StreamSlice {
        let from = from.max(self.first);
        let before = before.clamp(self.first, self.next);
        let (mut chunks, mut taken, mut to) = (Vec::new(), 0, from);
        while to < before && (taken < bytes || to == from) {
            let chunk = self.chunks.share((to / CHUNK_ROWS) as u32);
            let end = before.min((to / CHUNK_ROWS + 1) * CHUNK_ROWS);
            // Usually all of it, which need not be looked at.
            if to.is_multiple_of(CHUNK_ROWS) && taken + chunk.bytes.len() < bytes {
                (taken, to) = (taken + chunk.bytes.len(), end);
            }
            while to < end && (taken < bytes || to == from) {
                taken += chunk.entry(to % CHUNK_ROWS).len();
                to += 1;
            }
            chunks.push(chunk);
        }
        StreamSlice { chunks, fixed_width: self.fixed_width, bounds: (self.first, before), from, to }
    }

    /// The row with that offset, which is there: its timestamp in microseconds, and the row.
    fn get(&self, offset: u64) -> (i64, RowRef<'_>) {
        self.chunks.page((offset / CHUNK_ROWS) as u32).row(offset % CHUNK_ROWS, self.fixed_width)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slice_stays_as_it_is() {
        let row = |byte: u8| [byte; 4];
        let mut stream = StreamRows::new(4, 3);
        let append = |stream: &mut StreamRows, byte: u8| {
            stream.append(RowRef { fixed: &row(byte), tail: &[byte] }, i64::from(byte)).expect("an offset")
        };
        let end = (0..200).map(|byte| append(&mut stream, byte)).last().expect("rows") + 1;
        let slice = stream.slice(0, end - 1, usize::MAX);
        // The last row goes and comes again as another one, the first ones go, more come.
        stream.pop();
        append(&mut stream, 250);
        stream.set_first(150);
        stream.forget(150);
        (0..100).for_each(|byte| _ = append(&mut stream, byte));
        assert_eq!(slice.bounds(), (3, end - 1));
        assert_eq!(slice.rows().len(), 199);
        for (at, (offset, timestamp_us, found)) in slice.rows().enumerate() {
            let byte = at as u8;
            assert_eq!((offset, timestamp_us), (at as u64 + 3, i64::from(byte)));
            assert_eq!((found.fixed, found.tail), (&row(byte)[..], &[byte][..]));
        }
        assert_eq!(stream.slice(0, u64::MAX, 0).rows().map(|(offset, ..)| offset).collect::<Vec<_>>(), [150]);
        assert_eq!(stream.slice(u64::MAX, u64::MAX, 9).rows().len(), 0);
    }
}
