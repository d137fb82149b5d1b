//! An ordered set of entries of one fixed width: leaves of about 4 KiB under a directory of their first
//! entries. Knows nothing of what an entry means.
//!
//! Most entries come in order behind the last one of their first column (a station's taps). So a leaf that is
//! full begins a new one at its end, or is split where it grows, and a *finger* per first column remembers
//! the leaf that was last used there.

use std::{
    collections::{BTreeMap, btree_map},
    ops::Bound,
};

/// The widest entry.
pub(crate) const ENTRY_MAX: usize = 39;

const LEAF_BYTES: usize = 4096;
const FINGERS: usize = 256;

/// An entry with zeros after it, so that it compares as the entry does.
type Padded = [u8; ENTRY_MAX + 1];

/// Above every entry.
const ABOVE_ALL: Padded = [0xFF; ENTRY_MAX + 1];

#[derive(Debug)]
pub(crate) struct Leaves {
    width: usize,
    /// Entries of a leaf.
    capacity: usize,
    leaves: Vec<Leaf>,
    free: Vec<u32>,
    /// The leaf from that entry on. The first leaf stands at zeros, whatever its entries.
    directory: BTreeMap<Padded, u32>,
    /// Bytes of the first column, which choose a finger.
    finger_bytes: usize,
    fingers: Box<[u32; FINGERS]>,
}

#[derive(Debug)]
struct Leaf {
    bytes: Box<[u8]>,
    len: usize,
    /// Where the last insert was.
    last_place: usize,
    /// Where the next leaf begins.
    high: Padded,
}

fn pad(entry: &[u8]) -> Padded {
    let mut padded = [0; ENTRY_MAX + 1];
    padded[..entry.len()].copy_from_slice(entry);
    padded
}

impl Leaf {
    #[inline]
    fn entry(&self, place: usize, width: usize) -> &[u8] {
        &self.bytes[place * width..(place + 1) * width]
    }

    /// Whether no leaf comes after: its bound has a byte that no padded entry has.
    #[inline]
    fn is_last(&self) -> bool {
        self.high[ENTRY_MAX] == 0xFF
    }

    /// The first place whose entry is not before.
    fn partition_point(&self, width: usize, is_before: impl Fn(&[u8]) -> bool) -> usize {
        let (mut low, mut high) = (0, self.len);
        while low < high {
            let middle = (low + high) / 2;
            if is_before(self.entry(middle, width)) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    fn insert(&mut self, place: usize, entry: &[u8]) {
        let (at, end) = (place * entry.len(), self.len * entry.len());
        self.bytes.copy_within(at..end, at + entry.len());
        self.bytes[at..at + entry.len()].copy_from_slice(entry);
        self.len += 1;
        self.last_place = place;
    }
}

impl Leaves {
    /// A set of entries of `width` bytes, whose first column has `finger_bytes`.
    pub(crate) fn new(width: usize, finger_bytes: usize) -> Leaves {
        assert!(
            width <= ENTRY_MAX && finger_bytes <= width,
            "entries of {width} bytes, fingers of {finger_bytes}"
        );
        let mut leaves = Leaves {
            width,
            capacity: LEAF_BYTES / width,
            leaves: Vec::new(),
            free: Vec::new(),
            directory: BTreeMap::new(),
            finger_bytes,
            fingers: Box::new([0; FINGERS]),
        };
        let first = leaves.allocate(ABOVE_ALL);
        leaves.directory.insert([0; ENTRY_MAX + 1], first);
        leaves
    }

    pub(crate) fn width(&self) -> usize {
        self.width
    }

    fn allocate(&mut self, high: Padded) -> u32 {
        let bytes = vec![0; self.capacity * self.width].into_boxed_slice();
        let leaf = Leaf { bytes, len: 0, last_place: 0, high };
        match self.free.pop() {
            Some(number) => {
                self.leaves[number as usize] = leaf;
                number
            }
            None => {
                self.leaves.push(leaf);
                (self.leaves.len() - 1) as u32
            }
        }
    }

    #[inline]
    fn finger(&self, entry: &[u8]) -> usize {
        let mut hash = 0u32;
        for byte in &entry[..self.finger_bytes] {
            hash = hash.wrapping_mul(0x0101_6B2D) ^ u32::from(*byte);
        }
        (hash ^ hash >> 8) as usize % FINGERS
    }

    /// The leaf an entry belongs into.
    #[inline]
    fn leaf_of(&mut self, entry: &[u8]) -> usize {
        let finger = self.finger(entry);
        let number = self.fingers[finger] as usize;
        let leaf = &self.leaves[number];
        let is_below = entry < &leaf.high[..self.width] || leaf.is_last();
        if is_below && leaf.len > 0 && entry >= leaf.entry(0, self.width) {
            return number;
        }
        let (_, number) = self.floor(entry);
        self.fingers[finger] = number;
        number as usize
    }

    /// The last leaf that begins at or before that entry, and where it begins.
    fn floor(&self, entry: &[u8]) -> (&Padded, u32) {
        let (low, number) =
            self.directory.range(..=pad(entry)).next_back().expect("the first leaf stands at zeros");
        (low, *number)
    }

    /// Adds an entry, if it is not there yet.
    #[inline]
    pub(crate) fn insert(&mut self, entry: &[u8]) {
        assert!(entry.len() == self.width, "an entry of {} bytes, not {}", entry.len(), self.width);
        let number = self.leaf_of(entry);
        let width = self.width;
        let leaf = &mut self.leaves[number];
        let is_last = leaf.len == 0 || entry > leaf.entry(leaf.len - 1, width);
        let place = if is_last { leaf.len } else { leaf.partition_point(width, |other| other < entry) };
        if place < leaf.len && leaf.entry(place, width) == entry {
            return;
        }
        if leaf.len < self.capacity {
            leaf.insert(place, entry);
        } else {
            self.split(number, place, entry);
        }
    }

    /// Inserts into a full leaf.
    #[cold]
    fn split(&mut self, number: usize, place: usize, entry: &[u8]) {
        let width = self.width;
        let leaf = &mut self.leaves[number];
        // Where entries come in order, the next one comes after this one: cut there. Else in the middle.
        let in_order = place == leaf.len || place == leaf.last_place + 1;
        let cut = if in_order { place } else { leaf.len / 2 };
        let (high, moved) = (leaf.high, leaf.bytes[cut * width..leaf.len * width].to_vec());
        leaf.len = cut;
        let low = match moved.is_empty() {
            true => pad(entry),
            false => pad(&moved[..width]),
        };
        leaf.high = low;
        let new = self.allocate(high);
        let right = &mut self.leaves[new as usize];
        right.bytes[..moved.len()].copy_from_slice(&moved);
        right.len = moved.len() / width;
        self.directory.insert(low, new);
        if moved.is_empty() {
            right.insert(0, entry);
            let finger = self.finger(entry);
            self.fingers[finger] = new;
        } else if place <= cut {
            self.leaves[number].insert(place, entry);
        } else {
            right.insert(place - cut, entry);
        }
    }

    /// Takes an entry out that is there.
    pub(crate) fn remove(&mut self, entry: &[u8]) {
        let number = self.leaf_of(entry);
        let width = self.width;
        let leaf = &mut self.leaves[number];
        let place = leaf.partition_point(width, |other| other < entry);
        assert!(place < leaf.len && leaf.entry(place, width) == entry, "the entry is there");
        leaf.bytes.copy_within((place + 1) * width..leaf.len * width, place * width);
        leaf.len -= 1;
        leaf.last_place = usize::MAX - 1;
        if leaf.len == 0 || leaf.len == self.capacity / 4 {
            let low = *self.floor(entry).0;
            self.merge(low, number);
        }
    }

    /// Takes an emptied leaf away, or takes the next leaf's entries into one that has few.
    fn merge(&mut self, low: Padded, number: usize) {
        let high = self.leaves[number].high;
        if self.leaves[number].is_last() {
            // The last leaf has no next one; empty, it goes unless it is the only one.
            if self.leaves[number].len == 0 && self.directory.len() > 1 {
                self.directory.remove(&low);
                let before = *self.directory.last_key_value().expect("it was not the only one").1;
                self.leaves[before as usize].high = ABOVE_ALL;
                self.release(number);
            }
            return;
        }
        let next = self.directory[&high] as usize;
        let width = self.width;
        let (len, more) = (self.leaves[number].len, self.leaves[next].len);
        if len > 0 && len + more > self.capacity * 3 / 4 {
            return;
        }
        let moved = std::mem::take(&mut self.leaves[next].bytes);
        self.directory.remove(&high);
        let next_high = self.leaves[next].high;
        let leaf = &mut self.leaves[number];
        leaf.bytes[len * width..(len + more) * width].copy_from_slice(&moved[..more * width]);
        leaf.len = len + more;
        leaf.high = next_high;
        self.release(next);
    }

    fn release(&mut self, number: usize) {
        let leaf = &mut self.leaves[number];
        leaf.bytes = Box::default();
        leaf.len = 0;
        self.free.push(number as u32);
    }

    /// Fills an empty set with entries that rise.
    pub(crate) fn fill<E: AsRef<[u8]>>(&mut self, entries: impl Iterator<Item = E>) {
        assert!(self.directory.len() == 1 && self.leaves[0].len == 0, "only an empty set is filled");
        let mut number = 0;
        for entry in entries {
            let entry = entry.as_ref();
            if self.leaves[number].len == self.capacity {
                let low = pad(entry);
                self.leaves[number].high = low;
                number = self.allocate(ABOVE_ALL) as usize;
                self.directory.insert(low, number as u32);
            }
            let leaf = &mut self.leaves[number];
            leaf.insert(leaf.len, entry);
        }
    }

    /// The entries from a bound on, in order. An excluded bound excludes the entries that begin with it.
    pub(crate) fn range(&self, from: Bound<&[u8]>) -> LeavesRange<'_> {
        let mut start = [0; ENTRY_MAX + 1];
        let is_before: &dyn Fn(&[u8]) -> bool = match from {
            Bound::Unbounded => &|_| false,
            Bound::Included(bound) => &move |entry| entry < bound,
            Bound::Excluded(bound) => &move |entry| entry < bound || entry.starts_with(bound),
        };
        if let Bound::Included(bound) | Bound::Excluded(bound) = from {
            if matches!(from, Bound::Excluded(_)) {
                start = ABOVE_ALL;
            }
            let length = bound.len().min(ENTRY_MAX);
            start[..length].copy_from_slice(&bound[..length]);
        }
        let (low, number) =
            self.directory.range(..=start).next_back().expect("the first leaf stands at zeros");
        let leaf = &self.leaves[*number as usize];
        let place = leaf.partition_point(self.width, is_before);
        LeavesRange {
            leaves: self,
            later: self.directory.range::<Padded, _>((Bound::Excluded(low), Bound::Unbounded)),
            entries: &leaf.bytes[place * self.width..leaf.len * self.width],
        }
    }

    pub(crate) fn allocated_bytes(&self) -> u64 {
        let leaves = self.leaves.capacity() * size_of::<Leaf>()
            + self.leaves.iter().map(|l| l.bytes.len()).sum::<usize>();
        // A node of the directory is about two thirds full.
        let directory = self.directory.len() * (size_of::<Padded>() + size_of::<u32>()) * 3 / 2;
        (leaves + directory + FINGERS * size_of::<u32>()) as u64
    }
}

/// Entries in order.
#[derive(Clone, Debug)]
pub(crate) struct LeavesRange<'a> {
    leaves: &'a Leaves,
    later: btree_map::Range<'a, Padded, u32>,
    /// Of the present leaf, still to come.
    entries: &'a [u8],
}

impl<'a> Iterator for LeavesRange<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let width = self.leaves.width;
        while self.entries.is_empty() {
            let leaf = &self.leaves.leaves[*self.later.next()?.1 as usize];
            self.entries = &leaf.bytes[..leaf.len * width];
        }
        let (entry, rest) = self.entries.split_at(width);
        self.entries = rest;
        Some(entry)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use rand::{Rng, SeedableRng, rngs::SmallRng};

    use super::*;

    /// Every leaf of the directory is in order, within its bounds, and no leaf but the first is empty.
    fn check(leaves: &Leaves, model: &BTreeSet<Vec<u8>>) {
        assert!(leaves.range(Bound::Unbounded).eq(model.iter().map(Vec::as_slice)));
        let lows: Vec<_> = leaves.directory.iter().collect();
        for (i, (low, number)) in lows.iter().enumerate() {
            let leaf = &leaves.leaves[**number as usize];
            assert!(leaf.len > 0 || lows.len() == 1, "an empty leaf");
            assert!(leaf.len == 0 || pad(leaf.entry(0, leaves.width)) >= **low);
            assert_eq!(leaf.high, lows.get(i + 1).map_or(ABOVE_ALL, |(low, _)| **low));
            assert!(leaf.len == 0 || pad(leaf.entry(leaf.len - 1, leaves.width)) < leaf.high);
        }
        assert_eq!(lows.len() + leaves.free.len(), leaves.leaves.len());
    }

    fn entry(first: u8, second: u32, width: usize) -> Vec<u8> {
        let mut entry = vec![first];
        entry.extend_from_slice(&second.to_be_bytes());
        entry.resize(width, 0xFF);
        entry
    }

    #[test]
    fn it_holds_what_a_set_holds() {
        let mut random = SmallRng::seed_from_u64(5);
        for (round, width) in [(0u32, 5), (1, 14), (2, 39), (3, 39)] {
            let mut leaves = Leaves::new(width, 1);
            let mut model = BTreeSet::new();
            for step in 0..20_000u32 {
                // In order per first column, or at random, or falling.
                let second = match round % 3 {
                    0 => step,
                    1 => random.random_range(0..30_000),
                    _ => u32::MAX - step,
                };
                let new = entry(random.random_range(0..5) * 63 + 3, second, width);
                leaves.insert(&new);
                leaves.insert(&new);
                model.insert(new);
                // Deleted more and more, then all.
                if random.random_range(0..20_000) < step {
                    let from = entry(random.random(), random.random(), width);
                    let Some(old) = model.range(from..).next().cloned() else { continue };
                    leaves.remove(&old);
                    model.remove(&old);
                }
                if step % 997 == 0 {
                    check(&leaves, &model);
                }
            }
            check(&leaves, &model);
            let mut filled = Leaves::new(width, 1);
            filled.fill(model.iter());
            check(&filled, &model);
            while let Some(old) = model.pop_first() {
                leaves.remove(&old);
                filled.remove(&old);
            }
            check(&leaves, &model);
            check(&filled, &model);
        }
    }

    #[test]
    fn a_range_begins_at_its_bound() {
        let mut random = SmallRng::seed_from_u64(6);
        let mut leaves = Leaves::new(5, 1);
        let mut model = BTreeSet::new();
        for _ in 0..5000 {
            let new = entry(random.random_range(0..4) * 85, random.random_range(0..1 << 20), 5);
            leaves.insert(&new);
            model.insert(new);
        }
        for _ in 0..500 {
            let mut bound = entry(random.random_range(0..4) * 85, random.random_range(0..1 << 20), 5);
            bound.truncate(random.random_range(0..7));
            let included = model.iter().filter(|e| e.as_slice() >= bound.as_slice());
            assert!(leaves.range(Bound::Included(&bound)).eq(included.map(Vec::as_slice)));
            let excluded = model.iter().filter(|e| e.as_slice() > bound.as_slice() && !e.starts_with(&bound));
            assert!(leaves.range(Bound::Excluded(&bound)).eq(excluded.map(Vec::as_slice)));
        }
    }

    #[test]
    fn entries_in_order_per_first_column_fill_their_leaves() {
        let mut leaves = Leaves::new(14, 1);
        for second in 0..20_000 {
            for first in 0..10 {
                leaves.insert(&entry(first, second, 14));
            }
        }
        let used = leaves.leaves.len() - leaves.free.len();
        let needed = 200_000 / (LEAF_BYTES / 14);
        assert!(used <= needed + 2 * 10 + 1, "{used} leaves for {needed}");
    }
}
