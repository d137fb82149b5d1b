//! A hash table from keys to 32-bit numbers, which does not hold the keys: the row behind a number has its
//! key. Knows nothing of rows.
//!
//! An entry is eight bytes, the key's 32-bit *tag* (a hash) and the number, found by linear probing from the
//! place that the tag's upper bits say. Keys of at most 32 bits have tags of their own, so that their entry
//! is found without looking at the row. The table is cut into segments by the tag's first bits: growing
//! copies one segment, not all.

const SEGMENT_BITS: u32 = 6;
const SEGMENTS: usize = 1 << SEGMENT_BITS;

/// The first size of a segment that holds anything.
const SEGMENT_CAPACITY_MIN: usize = 4;

/// The number that no entry has.
pub(crate) const NO_ID: u32 = u32::MAX;

const EMPTY: u64 = NO_ID as u64;

/// Numbers by tag; several may have one tag.
#[derive(Debug)]
pub(crate) struct IdTable {
    segments: Box<[Segment; SEGMENTS]>,
}

#[derive(Debug, Default)]
struct Segment {
    /// Tag in the upper half, number in the lower; a power of two of them, or none.
    entries: Box<[u64]>,
    len: usize,
}

/// The tag of an integer: its own when the integer has 32 bits.
#[inline]
pub(crate) fn integer_tag(key: i64) -> u32 {
    // Zero for integers of 32 bits: there the upper half repeats the lower one's sign.
    let upper = (key >> 32) as u32 ^ (key as i32 >> 31) as u32;
    mix(key as u32 ^ upper.wrapping_mul(0x9E37_79B9))
}

/// The tag of any bytes.
pub(crate) fn bytes_tag(key: &[u8]) -> u32 {
    (bytes_hash(key) >> 32) as u32
}

/// A hash of any bytes, the same on every machine.
pub(crate) fn bytes_hash(bytes: &[u8]) -> u64 {
    let mut hash = 0xCBF2_9CE4_8422_2325u64 ^ bytes.len() as u64;
    let mut chunks = bytes.chunks_exact(8);
    for chunk in &mut chunks {
        hash = fold(hash ^ u64::from_le_bytes(chunk.try_into().expect("eight bytes")));
    }
    let mut last = [0; 8];
    last[..chunks.remainder().len()].copy_from_slice(chunks.remainder());
    fold(fold(hash ^ u64::from_le_bytes(last)))
}

/// A one-to-one mixing of 32 bits.
#[inline]
fn mix(mut x: u32) -> u32 {
    x = (x ^ x >> 16).wrapping_mul(0x7FEB_352D);
    x = (x ^ x >> 15).wrapping_mul(0x846C_A68B);
    x ^ x >> 16
}

/// The two halves of a 128-bit product, folded.
#[inline]
fn fold(x: u64) -> u64 {
    let product = u128::from(x ^ 0x9E37_79B9_7F4A_7C15) * u128::from(0xD6E8_FEB8_6659_FD93u64);
    (product >> 64) as u64 ^ product as u64
}

impl Default for IdTable {
    fn default() -> IdTable {
        IdTable { segments: Box::new(std::array::from_fn(|_| Segment::default())) }
    }
}

impl IdTable {
    /// The number with that tag for which `is_it` says yes.
    #[inline]
    pub(crate) fn find(&self, tag: u32, is_it: impl FnMut(u32) -> bool) -> Option<u32> {
        let segment = self.segment(tag);
        segment.position(tag, is_it).map(|at| segment.entries[at] as u32)
    }

    /// Adds a number.
    pub(crate) fn insert(&mut self, tag: u32, id: u32) {
        assert!(id != NO_ID, "{id} marks an empty entry");
        self.segment_mut(tag).insert(tag, id);
    }

    /// Takes a number out that is there.
    pub(crate) fn remove(&mut self, tag: u32, id: u32) {
        let segment = self.segment_mut(tag);
        let at = segment.position(tag, |other| other == id).expect("the number is there");
        segment.remove(at);
    }

    /// Puts a number in the place of another that is there.
    pub(crate) fn replace(&mut self, tag: u32, old: u32, new: u32) {
        assert!(new != NO_ID, "{new} marks an empty entry");
        let segment = self.segment_mut(tag);
        let at = segment.position(tag, |other| other == old).expect("the number is there");
        segment.entries[at] = entry(tag, new);
    }

    /// Every number, in no promised order.
    pub(crate) fn ids(&self) -> impl Iterator<Item = u32> {
        let entries = self.segments.iter().flat_map(|segment| &segment.entries);
        entries.filter(|entry| **entry as u32 != NO_ID).map(|entry| *entry as u32)
    }

    pub(crate) fn allocated_bytes(&self) -> u64 {
        let entries: usize = self.segments.iter().map(|segment| segment.entries.len()).sum();
        (entries * size_of::<u64>() + size_of::<[Segment; SEGMENTS]>()) as u64
    }

    /// Where the search for a tag begins, for prefetching.
    #[inline]
    pub(crate) fn address(&self, tag: u32) -> Option<*const u64> {
        let segment = self.segment(tag);
        (!segment.entries.is_empty()).then(|| &raw const segment.entries[segment.home(tag)])
    }

    #[inline]
    fn segment(&self, tag: u32) -> &Segment {
        &self.segments[(tag >> (32 - SEGMENT_BITS)) as usize]
    }

    #[inline]
    fn segment_mut(&mut self, tag: u32) -> &mut Segment {
        &mut self.segments[(tag >> (32 - SEGMENT_BITS)) as usize]
    }
}

#[inline]
fn entry(tag: u32, id: u32) -> u64 {
    u64::from(tag) << 32 | u64::from(id)
}

impl Segment {
    #[inline]
    fn home(&self, tag: u32) -> usize {
        // The bits after the segment's, as many as there are entries.
        ((u64::from(tag << SEGMENT_BITS) * self.entries.len() as u64) >> 32) as usize
    }

    #[inline]
    fn position(&self, tag: u32, mut is_it: impl FnMut(u32) -> bool) -> Option<usize> {
        if self.entries.is_empty() {
            return None;
        }
        let mask = self.entries.len() - 1;
        let mut at = self.home(tag);
        loop {
            let entry = self.entries[at & mask];
            if entry as u32 == NO_ID {
                return None;
            }
            if (entry >> 32) as u32 == tag && is_it(entry as u32) {
                return Some(at & mask);
            }
            at += 1;
        }
    }

    fn insert(&mut self, tag: u32, id: u32) {
        // At three quarters a search that finds looks at 2.5 entries, one that finds nothing at 8.5.
        if (self.len + 1) * 4 > self.entries.len() * 3 {
            self.grow_to((self.entries.len() * 2).max(SEGMENT_CAPACITY_MIN));
        }
        self.place(entry(tag, id));
        self.len += 1;
    }

    fn place(&mut self, entry: u64) {
        let mask = self.entries.len() - 1;
        let mut at = self.home((entry >> 32) as u32);
        while self.entries[at] as u32 != NO_ID {
            at = (at + 1) & mask;
        }
        self.entries[at] = entry;
    }

    #[cold]
    fn grow_to(&mut self, capacity: usize) {
        if capacity <= self.entries.len() {
            return;
        }
        let old = std::mem::replace(&mut self.entries, vec![EMPTY; capacity].into_boxed_slice());
        for entry in old {
            if entry as u32 != NO_ID {
                self.place(entry);
            }
        }
    }

    /// Empties a place, and moves up the entries after it that would not be found any more.
    fn remove(&mut self, mut hole: usize) {
        let mask = self.entries.len() - 1;
        let mut at = hole;
        loop {
            at = (at + 1) & mask;
            let entry = self.entries[at];
            if entry as u32 == NO_ID {
                break;
            }
            let home = self.home((entry >> 32) as u32);
            // It may move when the hole lies between its home and its place.
            if at.wrapping_sub(home) & mask >= at.wrapping_sub(hole) & mask {
                self.entries[hole] = entry;
                hole = at;
            }
        }
        self.entries[hole] = EMPTY;
        self.len -= 1;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use rand::{Rng, SeedableRng, rngs::SmallRng};

    use super::*;

    #[test]
    fn integers_of_32_bits_have_tags_of_their_own() {
        let keys = (-70_000..70_000).chain(i64::from(i32::MIN)..-2_147_400_000).chain(2_147_400_000..1 << 31);
        let mut tags: Vec<u32> = keys.map(integer_tag).collect();
        let count = tags.len();
        tags.sort_unstable();
        tags.dedup();
        assert_eq!(tags.len(), count);
    }

    #[test]
    fn tags_of_bytes_differ_in_length_and_order() {
        let tags = [&b""[..], b"\0", b"\0\0", b"ab", b"ba", b"abcdefgh", b"abcdefgh\0"].map(bytes_tag);
        for (i, tag) in tags.iter().enumerate() {
            assert!(!tags[..i].contains(tag));
        }
    }

    #[test]
    fn it_holds_what_a_map_holds() {
        let mut random = SmallRng::seed_from_u64(11);
        let mut table = IdTable::default();
        let mut model = BTreeMap::<u32, u32>::new();
        // Few tags, so that runs are long and wrap around; keys are told apart by number.
        for step in 0..60_000 {
            let id = random.random_range(0..3000u32);
            let tag = mix(id % 700) & 0x0FFF_FFFF;
            let there = model.contains_key(&id);
            assert_eq!(table.find(tag, |other| other == id), there.then_some(id));
            match random.random_range(0..4) {
                0 if there => {
                    table.remove(tag, id);
                    model.remove(&id);
                }
                1 if there => table.replace(tag, id, id),
                _ if !there && step % 5 != 0 => {
                    table.insert(tag, id);
                    model.insert(id, tag);
                }
                _ => {}
            }
        }
        let mut ids: Vec<u32> = table.ids().collect();
        ids.sort_unstable();
        assert_eq!(ids, model.keys().copied().collect::<Vec<_>>());
        for (&id, &tag) in &model {
            assert_eq!(table.find(tag, |other| other == id), Some(id));
            table.remove(tag, id);
        }
        assert_eq!(table.ids().count(), 0);
    }
}
