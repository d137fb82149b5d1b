//! Rows of fixed width on copy-on-write pages, found by [`RowId`]; their strings on pages of their own, so that a change
//! to the fixed part copies none. Knows nothing of columns.

use std::sync::Arc;

use super::cow::{CowPages, PAGE_BYTES};
use crate::row::RowRef;

pub(crate) type BytesPage = [u8; PAGE_BYTES];

/// So that the strings of a page of rows fit a page too.
const PAGE_ROWS_MAX: usize = PAGE_BYTES / size_of::<Option<Arc<[u8]>>>();

/// The tail of each row of a page.
#[derive(Clone, Debug)]
struct TailPage([Option<Arc<[u8]>>; PAGE_ROWS_MAX]);

/// A row's number is its page's, times 256, plus its place on the page.
const PLACE_BITS: u32 = 8;
const _: () = assert!(PAGE_ROWS_MAX < 1 << PLACE_BITS);

/// The last page's number would make the last row's number the one that means none.
const PAGES_MAX: u32 = (1 << (32 - PLACE_BITS)) - 1;

/// The part of a table of rows that is frozen.
#[derive(Debug)]
pub(crate) struct RowPages {
    pages: CowPages<BytesPage>,
    tails: Option<CowPages<TailPage>>,
    width: usize,
    rows_per_page: u32,
    count: u64,
}

/// A table of rows.
#[derive(Debug)]
pub(crate) struct Rows {
    pub(crate) pages: RowPages,
    /// Numbers of deleted rows; the last one is used first, so that an undone delete finds its number again.
    free: Vec<u32>,
    /// The number after the highest ever used.
    next: u32,
}

impl RowPages {
    fn new(width: usize, has_tails: bool) -> RowPages {
        // A row takes its width and a bit.
        let rows_per_page = (PAGE_BYTES * 8 / (width * 8 + 1)).min(PAGE_ROWS_MAX);
        assert!(rows_per_page > 0, "rows of {width} bytes do not fit a page");
        RowPages {
            pages: CowPages::default(),
            tails: has_tails.then(CowPages::default),
            width,
            rows_per_page: rows_per_page as u32,
            count: 0,
        }
    }

    pub(crate) fn freeze(&self) -> RowPages {
        RowPages { pages: self.pages.freeze(), tails: self.tails.as_ref().map(CowPages::freeze), ..*self }
    }

    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// A row that is there. Its fixed part is as wide as the pages' rows are.
    #[inline]
    pub(crate) fn row(&self, id: u32) -> RowRef<'_> {
        let (number, place) = (id >> PLACE_BITS, id & 0xFF);
        let page = self.pages.page(number);
        debug_assert!(is_live(page, place), "row {id} is not there");
        let at = place as usize * self.width;
        RowRef { fixed: &page[at..at + self.width], tail: self.tail(number, place) }
    }

    #[inline]
    fn tail(&self, number: u32, place: u32) -> &[u8] {
        match &self.tails {
            Some(tails) => tails.page(number).0[place as usize].as_deref().unwrap_or_default(),
            None => &[],
        }
    }

    /// The fixed part of a row that is there, to be changed.
    #[inline]
    pub(crate) fn fixed_mut(&mut self, id: u32) -> &mut [u8] {
        let page = self.pages.page_mut(id >> PLACE_BITS);
        debug_assert!(is_live(page, id & 0xFF), "row {id} is not there");
        let at = (id & 0xFF) as usize * self.width;
        &mut page[at..at + self.width]
    }

    /// Replaces the strings of a row that is there.
    pub(crate) fn set_tail(&mut self, id: u32, tail: &[u8]) {
        if let Some(tails) = &mut self.tails {
            tails.page_mut(id >> PLACE_BITS).0[(id & 0xFF) as usize] = Some(Arc::from(tail));
        }
    }

    /// The rows with their numbers, in the numbers' order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, RowRef<'_>)> {
        self.pages.iter().flat_map(move |(number, page)| self.on_page(number, page))
    }

    /// The rows page by page, from a page on.
    pub(crate) fn pages_from(
        &self,
        number: u32,
    ) -> impl Iterator<Item = (u32, impl Iterator<Item = (u32, RowRef<'_>)>)> {
        self.pages.iter_from(number).map(|(number, page)| (number, self.on_page(number, page)))
    }

    fn on_page<'a>(
        &'a self,
        number: u32,
        page: &'a BytesPage,
    ) -> impl Iterator<Item = (u32, RowRef<'a>)> + use<'a> {
        let live = (0..self.rows_per_page).filter(move |place| is_live(page, *place));
        live.map(move |place| {
            let at = place as usize * self.width;
            let row = RowRef { fixed: &page[at..at + self.width], tail: self.tail(number, place) };
            (number << PLACE_BITS | place, row)
        })
    }

    /// Bytes of fixed parts and of tails, as allocated.
    pub(crate) fn allocated_bytes(&self) -> (u64, u64) {
        (self.pages.allocated_bytes(), self.tails.as_ref().map_or(0, tail_bytes))
    }

    #[inline]
    pub(crate) fn address(&self, id: u32) -> *const u8 {
        &raw const self.pages.page(id >> PLACE_BITS)[(id & 0xFF) as usize * self.width]
    }
}

/// The bitmap of rows that are there is at the page's end.
#[inline]
fn is_live(page: &BytesPage, place: u32) -> bool {
    page[PAGE_BYTES - 1 - place as usize / 8] >> (place % 8) & 1 == 1
}

/// What pages of tails and the tails themselves take.
fn tail_bytes(tails: &CowPages<TailPage>) -> u64 {
    let each = tails.iter().flat_map(|(_, page)| &page.0).flatten();
    // An allocation holds two counts, and is rounded up to 16 bytes.
    tails.allocated_bytes() + each.map(|tail| (tail.len() as u64 + 16).next_multiple_of(16)).sum::<u64>()
}

impl Rows {
    pub(crate) fn new(width: usize, has_tails: bool) -> Rows {
        Rows { pages: RowPages::new(width, has_tails), free: Vec::new(), next: 0 }
    }

    /// Adds a row and says its number, `None` when there is none left.
    pub(crate) fn insert(&mut self, row: RowRef<'_>) -> Option<u32> {
        let id = match self.free.pop() {
            Some(id) => id,
            None => self.extend()?,
        };
        let pages = &mut self.pages;
        let (number, place) = (id >> PLACE_BITS, id & 0xFF);
        let page = pages.pages.page_mut(number);
        debug_assert!(!is_live(page, place), "row {id} is there already");
        page[PAGE_BYTES - 1 - place as usize / 8] |= 1 << (place % 8);
        let at = place as usize * pages.width;
        page[at..at + pages.width].copy_from_slice(row.fixed);
        pages.set_tail(id, row.tail);
        pages.count += 1;
        Some(id)
    }

    /// A number never used before.
    fn extend(&mut self) -> Option<u32> {
        if self.next & 0xFF == self.pages.rows_per_page {
            self.next = ((self.next >> PLACE_BITS) + 1) << PLACE_BITS;
        }
        let number = self.next >> PLACE_BITS;
        if number == PAGES_MAX {
            return None;
        }
        if self.next & 0xFF == 0 {
            self.pages.pages.set(number, [0; PAGE_BYTES]);
            if let Some(tails) = &mut self.pages.tails {
                tails.set(number, TailPage([const { None }; PAGE_ROWS_MAX]));
            }
        }
        self.next += 1;
        Some(self.next - 1)
    }

    /// Takes out a row that is there.
    pub(crate) fn remove(&mut self, id: u32) {
        let (number, place) = (id >> PLACE_BITS, id & 0xFF);
        let page = self.pages.pages.page_mut(number);
        assert!(is_live(page, place), "row {id} is not there");
        page[PAGE_BYTES - 1 - place as usize / 8] &= !(1 << (place % 8));
        if let Some(tails) = &mut self.pages.tails {
            tails.page_mut(number).0[place as usize] = None;
        }
        self.pages.count -= 1;
        self.free.push(id);
    }

    pub(crate) fn allocated_bytes(&self) -> (u64, u64) {
        let (rows, tails) = self.pages.allocated_bytes();
        (rows + (self.free.capacity() * size_of::<u32>()) as u64, tails)
    }
}

/// Tails that are not beside rows of their own number: a history's.
#[derive(Debug, Default)]
pub(crate) struct Tails {
    pages: CowPages<TailPage>,
    free: Vec<u32>,
    next: u32,
}

impl Tails {
    /// A copy to be read.
    pub(crate) fn freeze(&self) -> Tails {
        Tails { pages: self.pages.freeze(), free: Vec::new(), next: self.next }
    }

    /// The tail with that number, which is there.
    pub(crate) fn get(&self, id: u32) -> &[u8] {
        self.pages.page(id >> PLACE_BITS).0[(id & 0xFF) as usize].as_deref().expect("the tail is there")
    }

    /// Adds a tail and says its number.
    pub(crate) fn insert(&mut self, tail: &[u8]) -> u32 {
        let id = self.free.pop().unwrap_or_else(|| self.extend());
        self.pages.page_mut(id >> PLACE_BITS).0[(id & 0xFF) as usize] = Some(Arc::from(tail));
        id
    }

    fn extend(&mut self) -> u32 {
        if (self.next & 0xFF) as usize == PAGE_ROWS_MAX {
            self.next = ((self.next >> PLACE_BITS) + 1) << PLACE_BITS;
        }
        if self.next & 0xFF == 0 {
            self.pages.set(self.next >> PLACE_BITS, TailPage([const { None }; PAGE_ROWS_MAX]));
        }
        self.next = self.next.checked_add(1).expect("a history refuses rows long before");
        self.next - 1
    }

    /// Takes out a tail that is there.
    pub(crate) fn remove(&mut self, id: u32) {
        let tail = self.pages.page_mut(id >> PLACE_BITS).0[(id & 0xFF) as usize].take();
        assert!(tail.is_some(), "tail {id} is not there");
        self.free.push(id);
    }

    pub(crate) fn allocated_bytes(&self) -> u64 {
        tail_bytes(&self.pages) + (self.free.capacity() * size_of::<u32>()) as u64
    }
}
