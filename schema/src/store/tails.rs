//! The strings of rows, away from their fixed parts: slots of a few sizes on copy-on-write pages of their
//! own. Knows nothing of what is in a tail.
//!
//! A stored row ends with its tail's *place*, eight bytes: where it is and how long. So reading a row finds
//! its strings' address without touching them, and an update of the fixed part copies none.

use std::sync::Arc;

use super::cow::{CowPages, page_bytes};

/// Of a page of slots: wider than a page of rows, as a slot may be.
const PAGE_BYTES: usize = page_bytes(16 << 10);

/// Bytes of a tail's place in a stored row.
pub(crate) const PLACE_BYTES: usize = 8;

/// Sizes of slots: steps of 16 bytes, then of an eighth to a quarter.
const SIZES: [usize; 26] = [
    16, 32, 48, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 640, 768, 896, 1024, 1280,
    1536, 1792, 2048, 3264, 5440,
];

/// The class of tails that are longer than any slot.
const LARGE: usize = 31;
const _: () = assert!(SIZES.len() <= LARGE && SIZES[SIZES.len() - 1] * 3 <= PAGE_BYTES);

/// A slot's number: its class in the first 5 bits, its page in the next 17, its number on the page in the
/// last 10.
const PAGE_BITS: u32 = 17;
const SLOT_BITS: u32 = 10;
const PAGES_MAX: u32 = 1 << PAGE_BITS;
const _: () = assert!(PAGE_BYTES / SIZES[0] < 1 << SLOT_BITS);

/// Large tails of a page.
const LARGE_PER_PAGE: usize = 255;

type LargePage = [Option<Arc<[u8]>>; LARGE_PER_PAGE];

/// Where a tail is, and its length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    class: usize,
    page: u32,
    slot: usize,
    len: usize,
}

#[derive(Debug, Default)]
pub(crate) struct Tails {
    classes: [Class; SIZES.len()],
    large: CowPages<LargePage>,
    /// Pages and slots of large tails that were taken out, and the number of those ever used.
    large_free: Vec<u32>,
    large_used: u32,
}

#[derive(Debug, Default)]
struct Class {
    pages: CowPages<[u8; PAGE_BYTES]>,
    /// Numbers without their class.
    free: Vec<u32>,
    /// Of the slot after the last one ever used.
    next_page: u32,
    next_slot: usize,
}

impl Place {
    #[inline]
    fn read(bytes: [u8; PLACE_BYTES]) -> Place {
        let bits = u64::from_le_bytes(bytes);
        let number = bits as u32;
        Place {
            class: (number >> (PAGE_BITS + SLOT_BITS)) as usize,
            page: number >> SLOT_BITS & (PAGES_MAX - 1),
            slot: (number & ((1 << SLOT_BITS) - 1)) as usize,
            len: (bits >> 32) as usize,
        }
    }

    fn bytes(self) -> [u8; PLACE_BYTES] {
        let number =
            (self.class as u32) << (PAGE_BITS + SLOT_BITS) | self.page << SLOT_BITS | self.slot as u32;
        (u64::from(number) | (self.len as u64) << 32).to_le_bytes()
    }
}

impl Class {
    /// A slot that is not in use; `None` when there is none left.
    fn allocate(&mut self, size: usize) -> Option<(u32, usize)> {
        if let Some(number) = self.free.pop() {
            return Some((number >> SLOT_BITS, (number & ((1 << SLOT_BITS) - 1)) as usize));
        }
        if self.next_slot == PAGE_BYTES / size {
            (self.next_page, self.next_slot) = (self.next_page + 1, 0);
        }
        if self.next_page == PAGES_MAX {
            return None;
        }
        if self.next_slot == 0 {
            self.pages.set(self.next_page, [0; PAGE_BYTES]);
        }
        self.next_slot += 1;
        Some((self.next_page, self.next_slot - 1))
    }
}

impl Tails {
    /// A copy to be read.
    pub(crate) fn freeze(&self) -> Tails {
        let class = |class: &Class| Class { pages: class.pages.freeze(), ..Class::default() };
        Tails {
            classes: std::array::from_fn(|n| class(&self.classes[n])),
            large: self.large.freeze(),
            ..Tails::default()
        }
    }

    /// The tail at that place. Does not look at the tail itself, unless it is large.
    #[inline]
    pub(crate) fn get(&self, place: [u8; PLACE_BYTES]) -> &[u8] {
        let Place { class, page, slot, len } = Place::read(place);
        if class == LARGE {
            return self.large.page(page)[slot].as_deref().expect("the tail is there");
        }
        let at = slot * SIZES[class];
        &self.classes[class].pages.page(page)[at..at + len]
    }

    /// Adds a tail and says its place.
    pub(crate) fn insert(&mut self, tail: &[u8]) -> [u8; PLACE_BYTES] {
        let len = tail.len();
        let fitting = SIZES.partition_point(|size| *size < len);
        for (class, (of, size)) in self.classes.iter_mut().zip(SIZES).enumerate().skip(fitting) {
            if let Some((page, slot)) = of.allocate(size) {
                let at = slot * size;
                of.pages.page_mut(page)[at..at + len].copy_from_slice(tail);
                return Place { class, page, slot, len }.bytes();
            }
        }
        self.insert_large(tail)
    }

    fn insert_large(&mut self, tail: &[u8]) -> [u8; PLACE_BYTES] {
        let number = self.large_free.pop().unwrap_or_else(|| {
            self.large_used += 1;
            self.large_used - 1
        });
        let (page, slot) = (number / LARGE_PER_PAGE as u32, number as usize % LARGE_PER_PAGE);
        assert!(page < PAGES_MAX, "{number} large tails are more than memory holds");
        if self.large.get(page).is_none() {
            self.large.set(page, [const { None }; LARGE_PER_PAGE]);
        }
        self.large.page_mut(page)[slot] = Some(Arc::from(tail));
        Place { class: LARGE, page, slot, len: tail.len() }.bytes()
    }

    /// Takes out the tail at that place.
    pub(crate) fn remove(&mut self, place: [u8; PLACE_BYTES]) {
        let Place { class, page, slot, .. } = Place::read(place);
        if class == LARGE {
            self.large.page_mut(page)[slot] = None;
            self.large_free.push(page * LARGE_PER_PAGE as u32 + slot as u32);
        } else {
            self.classes[class].free.push(page << SLOT_BITS | slot as u32);
        }
    }

    /// Puts a tail in the place of another, and says its place.
    pub(crate) fn replace(&mut self, place: [u8; PLACE_BYTES], tail: &[u8]) -> [u8; PLACE_BYTES] {
        if self.get(place) == tail {
            return place;
        }
        self.remove(place);
        self.insert(tail)
    }

    /// What pages and large tails take.
    pub(crate) fn allocated_bytes(&self) -> u64 {
        let class =
            |class: &Class| class.pages.allocated_bytes() + (class.free.capacity() * size_of::<u32>()) as u64;
        let large = self.large.iter().flat_map(|(_, page)| page).flatten();
        let large = large.map(|tail| (tail.len() as u64 + 16).next_multiple_of(16)).sum::<u64>();
        self.classes.iter().map(class).sum::<u64>() + large + self.large.allocated_bytes()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use rand::{Rng, SeedableRng, rngs::SmallRng};

    use super::*;

    #[test]
    fn tails_are_where_they_were_put() {
        let mut random = SmallRng::seed_from_u64(9);
        let mut tails = Tails::default();
        let mut model: BTreeMap<[u8; PLACE_BYTES], Vec<u8>> = BTreeMap::new();
        let mut frozen = Vec::new();
        for step in 0..6000u32 {
            let length = match random.random_range(0..10) {
                0 => random.random_range(0..20_000),
                1 => 5440 + random.random_range(0..2),
                _ => random.random_range(0..300),
            };
            let tail = vec![step as u8; length];
            let any = model.range([random.random(); PLACE_BYTES]..).next().map(|(place, _)| *place);
            match (random.random_range(0..5), any) {
                (0 | 1, Some(place)) => {
                    tails.remove(place);
                    model.remove(&place);
                }
                (2, Some(place)) => {
                    model.remove(&place);
                    model.insert(tails.replace(place, &tail), tail);
                }
                _ => assert_eq!(model.insert(tails.insert(&tail), tail), None),
            }
            if step % 2000 == 1000 {
                frozen.push((tails.freeze(), model.clone()));
            }
        }
        frozen.push((tails, model));
        for (tails, model) in &frozen {
            for (place, tail) in model {
                assert_eq!(tails.get(*place), tail);
            }
        }
    }
}
