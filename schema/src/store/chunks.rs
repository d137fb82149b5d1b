//! Chunks: runs of a history's rows on copy-on-write pages. Knows nothing of keys and times.
//!
//! A chunk is a header of eight bytes - the older chunk of its key (`u32`), its rows (`u8`), and about how
//! many rows the older chunks hold (`u24`, a hint for the size of the next chunk) - and room for 2, 4, 8 ...
//! 64 rows, oldest first. A page holds chunks of one size. A free chunk has no rows. A stored row is its
//! fixed part, then the place of its tail if the table has tails.

use super::{
    cow::{CowPages, page_bytes},
    prefetch::prefetch_line,
    tails::{PLACE_BYTES, Tails},
};
use crate::row::RowRef;

/// Small, because whoever writes to a page that a frozen view still has copies all of it (docs/DESIGN.md).
pub(crate) const PAGE_BYTES: usize = page_bytes(8 << 10);

const CLASSES: usize = 6;
const CAPACITY_MAX: usize = 64;
const HEADER: usize = 8;

/// Where a chunk is: its class in the first 3 bits, its page in the next 18, its place on the page in the
/// last 11.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ChunkId(pub(crate) u32);

/// No chunk: of a class that does not exist.
pub(crate) const NO_CHUNK: ChunkId = ChunkId(u32::MAX);

const PAGE_BITS: u32 = 18;
const PLACE_BITS: u32 = 11;
const PAGES_MAX: u32 = 1 << PAGE_BITS;

/// Beyond so many lines the header is worth waiting for.
const PREFETCH_LINES_MAX: usize = 8;

impl ChunkId {
    #[inline]
    fn class(self) -> usize {
        (self.0 >> (PAGE_BITS + PLACE_BITS)) as usize
    }

    #[inline]
    fn page(self) -> u32 {
        self.0 >> PLACE_BITS & (PAGES_MAX - 1)
    }

    #[inline]
    fn place(self) -> usize {
        (self.0 & ((1 << PLACE_BITS) - 1)) as usize
    }

    fn new(class: usize, page: u32, place: usize) -> ChunkId {
        ChunkId((class as u32) << (PAGE_BITS + PLACE_BITS) | page << PLACE_BITS | place as u32)
    }
}

/// The part of a history that is frozen.
#[derive(Debug)]
pub(crate) struct ChunkPages {
    classes: [ClassPages; CLASSES],
    tails: Option<Tails>,
    fixed_width: usize,
    row_width: usize,
    pub(crate) count: u64,
}

#[derive(Debug)]
struct ClassPages {
    pages: CowPages<[u8; PAGE_BYTES]>,
    /// Rows.
    capacity: usize,
    /// Of a chunk, in bytes.
    size: usize,
    places: usize,
}

/// A chunk, borrowed: its header and its rows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chunk<'a> {
    pub(crate) older: ChunkId,
    /// The stored rows, oldest first.
    pub(crate) rows: &'a [u8],
}

/// All chunks of a history.
#[derive(Debug)]
pub(crate) struct Chunks {
    pub(crate) pages: ChunkPages,
    free: [Vec<u32>; CLASSES],
    /// Of each class the chunk after the last one ever used, as page and place.
    next: [(u32, usize); CLASSES],
}

impl ChunkPages {
    fn new(fixed_width: usize, has_tails: bool) -> ChunkPages {
        let row_width = fixed_width + if has_tails { PLACE_BYTES } else { 0 };
        let capacity_max = ((PAGE_BYTES - HEADER) / row_width).min(CAPACITY_MAX);
        assert!(capacity_max >= 2, "rows of {fixed_width} bytes do not fit a chunk");
        let classes = std::array::from_fn(|class| {
            let capacity = (2 << class).min(capacity_max);
            let size = HEADER + capacity * row_width;
            let places = (PAGE_BYTES / size).min(1 << PLACE_BITS);
            ClassPages { pages: CowPages::default(), capacity, size, places }
        });
        ChunkPages { classes, tails: has_tails.then(Tails::default), fixed_width, row_width, count: 0 }
    }

    /// The bytes of a chunk.
    #[inline]
    fn bytes(&self, id: ChunkId) -> &[u8] {
        let class = &self.classes[id.class()];
        let at = id.place() * class.size;
        &class.pages.page(id.page())[at..at + class.size]
    }

    #[inline]
    pub(crate) fn chunk(&self, id: ChunkId) -> Chunk<'_> {
        let bytes = self.bytes(id);
        let older = ChunkId(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]));
        Chunk { older, rows: &bytes[HEADER..HEADER + usize::from(bytes[4]) * self.row_width] }
    }

    #[inline]
    pub(crate) fn row_width(&self) -> usize {
        self.row_width
    }

    #[inline]
    pub(crate) fn capacity(&self, id: ChunkId) -> usize {
        self.classes[id.class()].capacity
    }

    /// How many of `left` rows the first of their chunks takes, when the last chunk is the largest and only
    /// the first may not be full.
    pub(crate) fn first_of(&self, left: usize) -> usize {
        let mut take = left;
        for class in self.classes.iter().rev() {
            if take >= class.capacity {
                match take % class.capacity {
                    0 => return class.capacity,
                    rest => take = rest,
                }
            }
        }
        take
    }

    /// The row whose stored form this is.
    #[inline]
    pub(crate) fn row<'a>(&'a self, stored: &'a [u8]) -> RowRef<'a> {
        let (fixed, place) = stored.split_at(self.fixed_width);
        let tail = match (&self.tails, place.first_chunk()) {
            (Some(tails), Some(place)) => tails.get(*place),
            _ => &[],
        };
        RowRef { fixed, tail }
    }

    /// Every chunk that has rows.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (ChunkId, Chunk<'_>)> {
        self.classes.iter().enumerate().flat_map(move |(class, of)| {
            let pages = of.pages.iter();
            let ids =
                pages.flat_map(move |(page, _)| (0..of.places).map(move |p| ChunkId::new(class, page, p)));
            ids.map(|id| (id, self.chunk(id))).filter(|(_, chunk)| !chunk.rows.is_empty())
        })
    }

    /// The rows page by page, from a page of a class on: class, page and rows.
    pub(crate) fn pages_from(
        &self,
        class: usize,
        page: u32,
    ) -> impl Iterator<Item = (usize, u32, impl Iterator<Item = RowRef<'_>>)> {
        (class..CLASSES).flat_map(move |n| {
            let of = &self.classes[n];
            let first = if n == class { page } else { 0 };
            of.pages.iter_from(first).map(move |(page, _)| {
                let chunks = (0..of.places).map(move |place| self.chunk(ChunkId::new(n, page, place)));
                let rows = chunks.flat_map(|chunk| chunk.rows.chunks_exact(self.row_width));
                (n, page, rows.map(|stored| self.row(stored)))
            })
        })
    }

    /// Asks for a chunk's header and its rows, before the header says where the last row is.
    #[inline]
    pub(crate) fn prefetch(&self, id: ChunkId) {
        const LINE: usize = 64;
        let bytes = self.bytes(id);
        for line in 0..bytes.len().div_ceil(LINE).min(PREFETCH_LINES_MAX) {
            prefetch_line(&raw const bytes[line * LINE]);
        }
    }
}

impl Chunks {
    pub(crate) fn new(fixed_width: usize, has_tails: bool) -> Chunks {
        Chunks {
            pages: ChunkPages::new(fixed_width, has_tails),
            free: Default::default(),
            next: [(0, 0); CLASSES],
        }
    }

    pub(crate) fn freeze(&self) -> ChunkPages {
        let classes = std::array::from_fn(|class| {
            let of = &self.pages.classes[class];
            ClassPages { pages: of.pages.freeze(), ..*of }
        });
        ChunkPages { classes, tails: self.pages.tails.as_ref().map(Tails::freeze), ..self.pages }
    }

    /// Adds a row at the end of a chunk; whether there was room.
    #[inline]
    pub(crate) fn push(&mut self, id: ChunkId, row: RowRef<'_>) -> bool {
        let stored = self.pages.row_width;
        let class = &mut self.pages.classes[id.class()];
        let at = id.place() * class.size;
        let chunk = &mut class.pages.page_mut(id.page())[at..at + class.size];
        let len = usize::from(chunk[4]);
        if len == class.capacity {
            return false;
        }
        chunk[4] += 1;
        let slot = &mut chunk[HEADER + len * stored..][..stored];
        write_row(slot, row, &mut self.pages.tails);
        self.pages.count += 1;
        true
    }

    /// Puts a row at that place of a chunk that has room, and moves the ones after it.
    pub(crate) fn insert(&mut self, id: ChunkId, place: usize, row: RowRef<'_>) {
        let stored = self.pages.row_width;
        let chunk = self.bytes_mut(id);
        let len = usize::from(chunk[4]);
        assert!(place <= len, "place {place} of a chunk of {len}");
        chunk[4] += 1;
        let rows = &mut chunk[HEADER..HEADER + (len + 1) * stored];
        rows.copy_within(place * stored..len * stored, (place + 1) * stored);
        let at = id.place() * self.pages.classes[id.class()].size + HEADER + place * stored;
        let page = self.pages.classes[id.class()].pages.page_mut(id.page());
        write_row(&mut page[at..at + stored], row, &mut self.pages.tails);
        self.pages.count += 1;
    }

    /// Takes a row out of a chunk and says how many are left. A chunk left empty is still to be unlinked and
    /// freed.
    pub(crate) fn remove(&mut self, id: ChunkId, place: usize) -> usize {
        let stored = self.pages.row_width;
        let fixed = self.pages.fixed_width;
        let chunk = self.bytes_mut(id);
        let len = usize::from(chunk[4]);
        assert!(place < len, "place {place} of a chunk of {len}");
        chunk[4] -= 1;
        let rows = &mut chunk[HEADER..HEADER + len * stored];
        let tail = rows[place * stored + fixed..(place + 1) * stored].first_chunk().copied();
        rows.copy_within((place + 1) * stored.., place * stored);
        if let (Some(place), Some(tails)) = (tail, &mut self.pages.tails) {
            tails.remove(place);
        }
        self.pages.count -= 1;
        len - 1
    }

    /// A new chunk without rows, before which come `older` and about `rows_before` rows. Of the largest class
    /// with room for at most `rows_wanted`, or the smallest. `None` when that class has no number left.
    pub(crate) fn allocate(
        &mut self,
        rows_wanted: usize,
        older: ChunkId,
        rows_before: usize,
    ) -> Option<ChunkId> {
        let fitting = |class: &usize| self.pages.classes[*class].capacity <= rows_wanted;
        let class = (0..CLASSES).rev().find(fitting).unwrap_or(0);
        let id = match self.free[class].pop() {
            Some(id) => ChunkId(id),
            None => self.extend(class)?,
        };
        let header = self.bytes_mut(id);
        header[..4].copy_from_slice(&older.0.to_le_bytes());
        header[4] = 0;
        header[5..8].copy_from_slice(&(rows_before.min(0xFF_FFFF) as u32).to_le_bytes()[..3]);
        Some(id)
    }

    /// A chunk never used before.
    fn extend(&mut self, class: usize) -> Option<ChunkId> {
        let of = &mut self.pages.classes[class];
        let (mut page, mut place) = self.next[class];
        if place == of.places {
            (page, place) = (page + 1, 0);
        }
        if page == PAGES_MAX {
            return None;
        }
        if place == 0 {
            of.pages.set(page, [0; PAGE_BYTES]);
        }
        self.next[class] = (page, place + 1);
        Some(ChunkId::new(class, page, place))
    }

    /// Gives back a chunk without rows.
    pub(crate) fn release(&mut self, id: ChunkId) {
        assert!(self.pages.chunk(id).rows.is_empty(), "chunk {id:?} has rows");
        self.free[id.class()].push(id.0);
    }

    /// Moves the older half of a chunk's rows to a new chunk before it. `None` when there is no chunk left.
    pub(crate) fn split(&mut self, id: ChunkId) -> Option<ChunkId> {
        let stored = self.pages.row_width;
        let Chunk { older, rows } = self.pages.chunk(id);
        let len = rows.len() / stored;
        let half = len / 2;
        let moved = rows[..half * stored].to_vec();
        let before = self.rows_before(id);
        let new = self.allocate(self.pages.capacity(id), older, before)?;
        let chunk = self.bytes_mut(new);
        chunk[4] = half as u8;
        chunk[HEADER..HEADER + moved.len()].copy_from_slice(&moved);
        let chunk = self.bytes_mut(id);
        chunk[..4].copy_from_slice(&new.0.to_le_bytes());
        chunk[4] = (len - half) as u8;
        chunk[HEADER..].copy_within(half * stored..len * stored, 0);
        Some(new)
    }

    /// About how many rows the chunks before this one hold.
    pub(crate) fn rows_before(&self, id: ChunkId) -> usize {
        let bytes = self.pages.bytes(id);
        u32::from_le_bytes([bytes[5], bytes[6], bytes[7], 0]) as usize
    }

    pub(crate) fn set_older(&mut self, id: ChunkId, older: ChunkId) {
        self.bytes_mut(id)[..4].copy_from_slice(&older.0.to_le_bytes());
    }

    fn bytes_mut(&mut self, id: ChunkId) -> &mut [u8] {
        let class = &mut self.pages.classes[id.class()];
        let at = id.place() * class.size;
        &mut class.pages.page_mut(id.page())[at..at + class.size]
    }

    /// Bytes of chunks and of tails, as allocated.
    pub(crate) fn allocated_bytes(&self) -> (u64, u64) {
        let pages: u64 = self.pages.classes.iter().map(|class| class.pages.allocated_bytes()).sum();
        let free: usize = self.free.iter().map(|free| free.capacity() * size_of::<u32>()).sum();
        (pages + free as u64, self.pages.tails.as_ref().map_or(0, Tails::allocated_bytes))
    }
}

#[inline]
fn write_row(stored: &mut [u8], row: RowRef<'_>, tails: &mut Option<Tails>) {
    stored[..row.fixed.len()].copy_from_slice(row.fixed);
    if let Some(tails) = tails {
        stored[row.fixed.len()..].copy_from_slice(&tails.insert(row.tail));
    }
}
