//! Rows of fixed width on copy-on-write pages, found by their number; their strings are elsewhere. Knows
//! nothing of columns.

use super::{
    cow::{CowPages, page_bytes},
    prefetch::prefetch_line,
    tails::{PLACE_BYTES, Tails},
};
use crate::row::RowRef;

/// Of a page of rows.
const PAGE_BYTES: usize = page_bytes(4096);

pub(crate) type BytesPage = [u8; PAGE_BYTES];

/// A row's place on its page is told in 8 bits.
const PAGE_ROWS_MAX: usize = 255;

/// A row's number is its page's, times 256, plus its place on the page.
const PLACE_BITS: u32 = 8;
const _: () = assert!(PAGE_ROWS_MAX < 1 << PLACE_BITS);

/// The last page's number would make the last row's number the one that means none.
const PAGES_MAX: u32 = (1 << (32 - PLACE_BITS)) - 1;

/// The part of a table of rows that is frozen.
#[derive(Debug)]
pub(crate) struct RowPages {
    pages: CowPages<BytesPage>,
    tails: Option<Tails>,
    /// Of the fixed part.
    width: usize,
    /// Of the fixed part and the tail's place.
    stored_width: usize,
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
        let stored_width = width + if has_tails { PLACE_BYTES } else { 0 };
        // A row takes its width and a bit.
        let rows_per_page = (PAGE_BYTES * 8 / (stored_width * 8 + 1)).min(PAGE_ROWS_MAX);
        assert!(rows_per_page > 0, "rows of {width} bytes do not fit a page");
        RowPages {
            pages: CowPages::default(),
            tails: has_tails.then(Tails::default),
            width,
            stored_width,
            rows_per_page: rows_per_page as u32,
            count: 0,
        }
    }

    pub(crate) fn freeze(&self) -> RowPages {
        RowPages { pages: self.pages.freeze(), tails: self.tails.as_ref().map(Tails::freeze), ..*self }
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
        self.row_at(page, place)
    }

    #[inline]
    fn row_at<'a>(&'a self, page: &'a BytesPage, place: u32) -> RowRef<'a> {
        let at = place as usize * self.stored_width;
        let (fixed, place) = page[at..at + self.stored_width].split_at(self.width);
        let tail = match (&self.tails, place.first_chunk()) {
            (Some(tails), Some(place)) => tails.get(*place),
            _ => &[],
        };
        RowRef { fixed, tail }
    }

    /// The fixed part of a row that is there.
    #[inline]
    pub(crate) fn fixed(&self, id: u32) -> &[u8] {
        let page = self.pages.page(id >> PLACE_BITS);
        debug_assert!(is_live(page, id & 0xFF), "row {id} is not there");
        let at = (id & 0xFF) as usize * self.stored_width;
        &page[at..at + self.width]
    }

    /// The fixed part of a row that is there, to be changed.
    #[inline]
    pub(crate) fn fixed_mut(&mut self, id: u32) -> &mut [u8] {
        let page = self.pages.page_mut(id >> PLACE_BITS);
        debug_assert!(is_live(page, id & 0xFF), "row {id} is not there");
        let at = (id & 0xFF) as usize * self.stored_width;
        &mut page[at..at + self.width]
    }

    /// Replaces the strings of a row that is there.
    pub(crate) fn set_tail(&mut self, id: u32, tail: &[u8]) {
        if let Some(tails) = &mut self.tails {
            let page = self.pages.page_mut(id >> PLACE_BITS);
            let at = (id & 0xFF) as usize * self.stored_width + self.width;
            let place = page[at..].first_chunk_mut().expect("a row ends with its tail's place");
            *place = tails.replace(*place, tail);
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
        live.map(move |place| (number << PLACE_BITS | place, self.row_at(page, place)))
    }

    /// Bytes of fixed parts and of tails, as allocated.
    pub(crate) fn allocated_bytes(&self) -> (u64, u64) {
        (self.pages.allocated_bytes(), self.tails.as_ref().map_or(0, Tails::allocated_bytes))
    }

    /// Asks for the fixed part of a row.
    #[inline]
    pub(crate) fn prefetch(&self, id: u32) {
        let at = (id & 0xFF) as usize * self.stored_width;
        let row = &self.pages.page(id >> PLACE_BITS)[at..at + self.stored_width];
        // A row may begin on one line and end on the next.
        prefetch_line(&raw const row[0]);
        prefetch_line(&raw const row[row.len() - 1]);
    }
}

/// The bitmap of rows that are there is at the page's end.
#[inline]
fn is_live(page: &BytesPage, place: u32) -> bool {
    page[PAGE_BYTES - 1 - place as usize / 8] >> (place % 8) & 1 == 1
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
        let at = place as usize * pages.stored_width;
        page[at..at + pages.width].copy_from_slice(row.fixed);
        if let Some(tails) = &mut pages.tails {
            page[at + pages.width..at + pages.stored_width].copy_from_slice(&tails.insert(row.tail));
        }
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
            let at = place as usize * self.pages.stored_width + self.pages.width;
            tails.remove(*page[at..].first_chunk().expect("a row ends with its tail's place"));
        }
        self.pages.count -= 1;
        self.free.push(id);
    }

    pub(crate) fn allocated_bytes(&self) -> (u64, u64) {
        let (rows, tails) = self.pages.allocated_bytes();
        (rows + (self.free.capacity() * size_of::<u32>()) as u64, tails)
    }
}
