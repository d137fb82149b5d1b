//! Multisets of values for MIN, MAX and COUNT(DISTINCT): how often each value of each group is there, in
//! order. Knows nothing of views; a value's key begins with what tells its group and aggregate.

use std::{borrow::Borrow, collections::BTreeMap, ops::Bound};

use super::rows::Rows;
use crate::row::RowRef;

/// What a view asks of its values.
pub(crate) trait Values {
    /// Adds a value once, or takes it back once. Whether it was not there before, or is not any more.
    fn change(&mut self, key: &[u8], take_back: bool) -> bool;

    /// The first key that begins with the prefix.
    fn first(&self, prefix: &[u8]) -> Option<&[u8]>;

    /// The last key that begins with the prefix. The prefix ends with a byte below 255.
    fn last(&self, prefix: &[u8]) -> Option<&[u8]>;
}

/// Values that are needed while one group is read.
#[derive(Debug, Default)]
pub(crate) struct PassingValues(BTreeMap<Box<[u8]>, u64>);

/// Values on copy-on-write pages: a row's fixed part is the count, its tail the key.
#[derive(Debug)]
pub(crate) struct StoredValues {
    pub(crate) rows: Rows,
    ids: BTreeMap<Box<[u8]>, u32>,
}

const COUNT_BYTES: usize = 8;

/// No count is ever larger: more rows than any stream numbers.
pub(crate) const COUNT_MAX: u64 = 1 << 40;

fn first<'a, V>(keys: &'a BTreeMap<Box<[u8]>, V>, prefix: &[u8]) -> Option<&'a [u8]> {
    let from = (Bound::Included(prefix), Bound::Unbounded);
    keys.range::<[u8], _>(from)
        .next()
        .map(|(key, _)| key.borrow())
        .filter(|key: &&[u8]| key.starts_with(prefix))
}

fn last<'a, V>(keys: &'a BTreeMap<Box<[u8]>, V>, prefix: &[u8]) -> Option<&'a [u8]> {
    let mut above = prefix.to_vec();
    *above.last_mut().expect("a prefix tells the aggregate") += 1;
    let below = (Bound::Included(prefix), Bound::Excluded(above.as_slice()));
    keys.range::<[u8], _>(below).next_back().map(|(key, _)| key.borrow())
}

impl Values for PassingValues {
    fn change(&mut self, key: &[u8], take_back: bool) -> bool {
        assert!(!take_back, "passing values are only added");
        match self.0.get_mut(key) {
            Some(count) => *count += 1,
            None => {
                self.0.insert(key.into(), 1);
                return true;
            }
        }
        false
    }

    fn first(&self, prefix: &[u8]) -> Option<&[u8]> {
        first(&self.0, prefix)
    }

    fn last(&self, prefix: &[u8]) -> Option<&[u8]> {
        last(&self.0, prefix)
    }
}

impl Default for StoredValues {
    fn default() -> StoredValues {
        StoredValues { rows: Rows::new(COUNT_BYTES, true), ids: BTreeMap::new() }
    }
}

impl StoredValues {
    /// Puts a value back that a snapshot has so often. Whether that can be: it is not there yet, and the
    /// count is one.
    pub(crate) fn load(&mut self, count: u64, key: &[u8]) -> bool {
        if count == 0 || count > COUNT_MAX || self.ids.contains_key(key) {
            return false;
        }
        self.add(count, key);
        true
    }

    fn add(&mut self, count: u64, key: &[u8]) {
        let row = RowRef { fixed: &count.to_le_bytes(), tail: key };
        let id = self.rows.insert(row).expect("there are as many numbers as the source has rows");
        self.ids.insert(key.into(), id);
    }

    /// What the keys and their order take, the pages apart.
    pub(crate) fn allocated_bytes(&self) -> u64 {
        self.ids.keys().map(|key| 32 + (key.len() as u64).next_multiple_of(16)).sum()
    }
}

impl Values for StoredValues {
    fn change(&mut self, key: &[u8], take_back: bool) -> bool {
        let Some(&id) = self.ids.get(key) else {
            assert!(!take_back, "a value is taken back that was never added");
            self.add(1, key);
            return true;
        };
        let count = self.rows.pages.fixed_mut(id);
        let old = u64::from_le_bytes((&*count).try_into().expect("eight bytes"));
        let new = if take_back { old - 1 } else { old + 1 };
        count.copy_from_slice(&new.to_le_bytes());
        if new == 0 {
            self.rows.remove(id);
            self.ids.remove(key);
        }
        new == 0
    }

    fn first(&self, prefix: &[u8]) -> Option<&[u8]> {
        first(&self.ids, prefix)
    }

    fn last(&self, prefix: &[u8]) -> Option<&[u8]> {
        last(&self.ids, prefix)
    }
}
