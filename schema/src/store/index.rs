//! A secondary index: entries in the order of its columns, from which the rows are found. Knows nothing of
//! views and undo.
//!
//! An entry is the encoding of the index's columns, then what finds the row: of a keyed table or a heap the
//! row's number, of a history the clustering key and the time, unless they are among the columns; all rows of
//! that key, time and columns are its rows. An index of a history that begins with the clustering key and the
//! time is the clustering itself, and has no entries.

use std::{
    collections::{BTreeSet, btree_set},
    ops::Bound,
};

use super::{
    UniqueKey,
    history::{History, HistoryRows},
    key::{self, KeyColumn},
    leaves::{ENTRY_MAX, Leaves, LeavesRange},
};
use crate::{
    catalog::{Organisation, TableDef, TableKind},
    row::{RowRef, Slot},
    types::Type,
};

#[derive(Debug)]
pub(crate) struct Index {
    /// The columns by which the index is asked.
    columns: Vec<KeyColumn>,
    /// Of a history's entries: the columns, then key and time if they are not among them.
    entry_columns: Vec<KeyColumn>,
    finds: Finds,
    pub(crate) unique: Option<UniqueKey>,
    entries: Entries,
}

/// How an entry finds its rows.
#[derive(Clone, Copy, Debug)]
enum Finds {
    ByRowId,
    /// Positions of the clustering key and the time in `entry_columns`.
    ByClustering {
        key: usize,
        time: usize,
    },
}

#[derive(Debug)]
enum Entries {
    Clustering,
    Fixed(Leaves),
    Variable(BTreeSet<Box<[u8]>>),
}

/// Bytes of a row's number in an entry.
const ROW_ID: usize = 4;

impl Index {
    pub(crate) fn new(table: &TableDef, columns: &[usize], unique: Option<UniqueKey>) -> Index {
        let column =
            |&c: &usize| KeyColumn { slot: table.layout.slots[c], column_type: table.columns[c].column_type };
        let columns_of: Vec<KeyColumn> = columns.iter().map(column).collect();
        let mut all = columns.to_vec();
        let finds = match table.kind {
            TableKind::Table(Organisation::History { key, time }) => {
                all.extend([key, time].into_iter().filter(|c| !columns.contains(c)));
                let position = |c| all.iter().position(|other| *other == c).expect("it is among them");
                Finds::ByClustering { key: position(key), time: position(time) }
            }
            _ => Finds::ByRowId,
        };
        let entry_columns: Vec<KeyColumn> = all.iter().map(column).collect();
        let is_clustering = unique.is_none()
            && matches!(finds, Finds::ByClustering { key: 0, time: 1 })
            && columns.len() >= 2;
        let row_id = if matches!(finds, Finds::ByRowId) { ROW_ID } else { 0 };
        let width = entry_columns.iter().map(KeyColumn::width).sum::<Option<usize>>().map(|w| w + row_id);
        let entries = match width {
            _ if is_clustering => Entries::Clustering,
            Some(width) if width <= ENTRY_MAX => {
                Entries::Fixed(Leaves::new(width, entry_columns[0].width().expect("a fixed column")))
            }
            _ => Entries::Variable(BTreeSet::new()),
        };
        Index { columns: columns_of, entry_columns, finds, unique, entries }
    }

    /// Whether there is anything to keep up to date.
    #[inline]
    pub(crate) fn has_entries(&self) -> bool {
        !matches!(self.entries, Entries::Clustering)
    }

    /// Whether two rows have the same entry, their numbers apart.
    #[inline]
    pub(crate) fn same(&self, a: RowRef<'_>, b: RowRef<'_>) -> bool {
        self.entry_columns.iter().all(|column| match column.slot {
            Slot::Fixed { offset } => {
                let at = offset as usize;
                let width = column.width().expect("a fixed slot has a fixed type");
                // Several forms of a FLOAT have one encoding.
                a.fixed[at..at + width] == b.fixed[at..at + width]
                    || column.column_type == Type::Float && {
                        let (mut of_a, mut of_b) = ([0; 8], [0; 8]);
                        key::encode_fixed(&a.fixed[at..], Type::Float, &mut of_a);
                        key::encode_fixed(&b.fixed[at..], Type::Float, &mut of_b);
                        of_a == of_b
                    }
            }
            Slot::Tail { ordinal } => a.tail_value(ordinal as usize) == b.tail_value(ordinal as usize),
        })
    }

    /// Adds the row's entry. `id` is the row's number if the table's rows have one.
    #[inline]
    pub(crate) fn insert(&mut self, row: RowRef<'_>, id: u32) {
        let mut fixed = [0; ENTRY_MAX];
        match &mut self.entries {
            Entries::Clustering => {}
            Entries::Fixed(leaves) => {
                leaves.insert(fixed_entry(&self.entry_columns, self.finds, row, id, &mut fixed))
            }
            Entries::Variable(set) => {
                set.insert(entry(&self.entry_columns, self.finds, row, id).into_boxed_slice());
            }
        }
    }

    /// Takes the row's entry out, which is there. Of a history: when no other row has it.
    pub(crate) fn remove(&mut self, row: RowRef<'_>, id: u32) {
        let mut fixed = [0; ENTRY_MAX];
        match &mut self.entries {
            Entries::Clustering => {}
            Entries::Fixed(leaves) => {
                leaves.remove(fixed_entry(&self.entry_columns, self.finds, row, id, &mut fixed))
            }
            Entries::Variable(set) => {
                let entry = entry(&self.entry_columns, self.finds, row, id);
                assert!(set.remove(entry.as_slice()), "the entry is there");
            }
        }
    }

    /// Whether some row has the columns of this one. `but`: not that row.
    pub(crate) fn holds(&self, row: RowRef<'_>, but: Option<u32>) -> bool {
        let key = key::of_row(row, &self.columns);
        let is_other = |entry: &[u8]| entry.starts_with(&key) && but.is_none_or(|but| row_id(entry) != but);
        // Of a unique index at most one entry has the key.
        match &self.entries {
            Entries::Clustering => unreachable!("a unique index has entries"),
            Entries::Fixed(leaves) => leaves.range(Bound::Included(&key)).next().is_some_and(is_other),
            Entries::Variable(set) => {
                let from = (Bound::Included(key.as_slice()), Bound::Unbounded);
                set.range::<[u8], _>(from).next().is_some_and(|entry| is_other(entry))
            }
        }
    }

    /// Adds the entries of all rows of a table at once.
    pub(crate) fn fill<'a>(&mut self, rows: impl Iterator<Item = (u32, RowRef<'a>)>) {
        let (columns, finds) = (&self.entry_columns, self.finds);
        match &mut self.entries {
            Entries::Clustering => {}
            Entries::Fixed(leaves) if leaves.width() <= size_of::<u128>() => {
                let width = leaves.width();
                let mut entries: Vec<u128> = rows
                    .map(|(id, row)| {
                        let mut fixed = [0; ENTRY_MAX];
                        fixed_entry(columns, finds, row, id, &mut fixed);
                        u128::from_be_bytes(*fixed.first_chunk().expect("it is longer"))
                    })
                    .collect();
                entries.sort_unstable();
                entries.dedup();
                leaves.fill(entries.into_iter().map(|entry| Head { bytes: entry.to_be_bytes(), width }));
            }
            Entries::Fixed(leaves) => {
                let width = leaves.width();
                let mut entries = Vec::new();
                for (id, row) in rows {
                    let mut fixed = [0; ENTRY_MAX];
                    fixed_entry(columns, finds, row, id, &mut fixed);
                    entries.push(fixed);
                }
                entries.sort_unstable();
                entries.dedup();
                leaves.fill(entries.iter().map(|entry| &entry[..width]));
            }
            Entries::Variable(set) => {
                set.extend(rows.map(|(id, row)| entry(columns, finds, row, id).into_boxed_slice()));
            }
        }
    }

    /// Whether it is unique, and two of its entries have one key.
    pub(crate) fn has_duplicates(&self) -> bool {
        let mut before: Option<&[u8]> = None;
        self.unique.is_some()
            && self.range(Bound::Unbounded, Bound::Unbounded).any(|entry| {
                let key = &entry[..key::measure(&self.columns, entry).expect("an entry is well formed")];
                before.replace(key) == Some(key)
            })
    }

    pub(crate) fn allocated_bytes(&self) -> u64 {
        match &self.entries {
            Entries::Clustering => 0,
            Entries::Fixed(leaves) => leaves.allocated_bytes(),
            // A pointer and a length in nodes about two thirds full, and the bytes themselves, rounded up.
            Entries::Variable(set) => {
                set.iter().map(|entry| 24 + (entry.len() as u64).next_multiple_of(16)).sum()
            }
        }
    }

    /// Whether the index is the clustering of its history.
    pub(crate) fn is_clustering(&self) -> bool {
        matches!(self.entries, Entries::Clustering)
    }

    /// The entries between the bounds, in order.
    pub(crate) fn range<'a>(&'a self, from: Bound<&[u8]>, to: Bound<&[u8]>) -> EntryRange<'a> {
        let to = match to {
            Bound::Unbounded => Bound::Unbounded,
            Bound::Included(to) => Bound::Included(to.to_vec()),
            Bound::Excluded(to) => Bound::Excluded(to.to_vec()),
        };
        let entries = match &self.entries {
            Entries::Clustering => unreachable!("the clustering has no entries"),
            Entries::Fixed(leaves) => EntryIter::Fixed(leaves.range(from)),
            Entries::Variable(set) => EntryIter::Variable(match from {
                Bound::Excluded(from) => {
                    // The keys that begin with the bound are below the bound with ones after it.
                    let above = [from, &[0xFF; 8]].concat();
                    set.range::<[u8], _>((Bound::Included(above.as_slice()), Bound::Unbounded))
                }
                from => set.range::<[u8], _>((from, Bound::Unbounded)),
            }),
        };
        EntryRange { entries, to }
    }

    /// The number of the row that an entry finds.
    pub(crate) fn row_id(&self, entry: &[u8]) -> Option<u32> {
        matches!(self.finds, Finds::ByRowId).then(|| row_id(entry))
    }

    /// The rows of a history that an entry finds, oldest first.
    pub(crate) fn history_rows<'a>(&self, history: &'a HistoryRows, entry: &[u8]) -> Vec<RowRef<'a>> {
        let Finds::ByClustering { key, time } = self.finds else { unreachable!("the rows have numbers") };
        let (mut key_bytes, mut time_us) = (&[][..], 0);
        let mut rest = entry;
        for (position, column) in self.entry_columns.iter().enumerate() {
            let length = key::measure(&[*column], rest).expect("an entry is well formed");
            let (value, after) = rest.split_at(length);
            if position == key {
                key_bytes = value;
            }
            if position == time {
                let bits = u64::from_be_bytes(value.try_into().expect("a timestamp is eight bytes"));
                time_us = bits as i64 ^ i64::MIN;
            }
            rest = after;
        }
        let probe = history.keying.probe_encoded(key_bytes);
        let at_time = history.of(probe).up_to(time_us);
        let at_time = at_time.take_while(|row| history.time.of(row.fixed) == time_us);
        let mut rows: Vec<_> = at_time.filter(|row| key::equals(*row, &self.entry_columns, entry)).collect();
        rows.reverse();
        rows
    }

    /// The rows of a history between the bounds of an index that is its clustering, in the index's order.
    pub(crate) fn clustered_rows<'a>(
        &self,
        history: &'a HistoryRows,
        from: Bound<&[u8]>,
        to: Bound<&[u8]>,
    ) -> Vec<RowRef<'a>> {
        let mut rows = Vec::new();
        let mut add = |of_key: History<'a>| {
            for row in of_key {
                let key = key::of_row(row, &self.columns);
                if is_above(&key, from) && is_below(&key, to) {
                    rows.push((key, row));
                }
            }
        };
        match self.one_key(from, to) {
            Some(key) => add(history.of(history.keying.probe_encoded(key))),
            None => history.keys().for_each(add),
        }
        // The rows came newest first; those with equal columns stay in the order in which they lie.
        rows.reverse();
        rows.sort_by(|a, b| a.0.cmp(&b.0));
        rows.into_iter().map(|(_, row)| row).collect()
    }

    /// The clustering key that all entries between the bounds begin with, if there is one.
    fn one_key<'b>(&self, from: Bound<&'b [u8]>, to: Bound<&[u8]>) -> Option<&'b [u8]> {
        let (Bound::Included(from) | Bound::Excluded(from)) = from else { return None };
        let (Bound::Included(to) | Bound::Excluded(to)) = to else { return None };
        let key = &from[..key::measure(&self.columns[..1], from)?];
        to.starts_with(key).then_some(key)
    }
}

/// An entry that is shorter than a number.
struct Head {
    bytes: [u8; size_of::<u128>()],
    width: usize,
}

impl AsRef<[u8]> for Head {
    fn as_ref(&self) -> &[u8] {
        &self.bytes[..self.width]
    }
}

fn row_id(entry: &[u8]) -> u32 {
    u32::from_be_bytes(*entry.last_chunk().expect("an entry ends with its row's number"))
}

/// Writes an entry of fixed width.
#[inline]
fn fixed_entry<'b>(
    columns: &[KeyColumn],
    finds: Finds,
    row: RowRef<'_>,
    id: u32,
    buffer: &'b mut [u8; ENTRY_MAX],
) -> &'b [u8] {
    let mut at = 0;
    for column in columns {
        let Slot::Fixed { offset } = column.slot else { unreachable!("the entry is fixed") };
        let width = column.width().expect("a fixed slot has a fixed type");
        key::encode_fixed(&row.fixed[offset as usize..], column.column_type, &mut buffer[at..at + width]);
        at += width;
    }
    if let Finds::ByRowId = finds {
        buffer[at..at + ROW_ID].copy_from_slice(&id.to_be_bytes());
        at += ROW_ID;
    }
    &buffer[..at]
}

fn entry(columns: &[KeyColumn], finds: Finds, row: RowRef<'_>, id: u32) -> Vec<u8> {
    let mut entry = key::of_row(row, columns);
    if let Finds::ByRowId = finds {
        entry.extend_from_slice(&id.to_be_bytes());
    }
    entry
}

/// Whether a key is not before a range's lower bound. An excluded bound excludes the keys that begin with it.
pub(crate) fn is_above(key: &[u8], from: Bound<&[u8]>) -> bool {
    match from {
        Bound::Unbounded => true,
        Bound::Included(from) => key >= from,
        Bound::Excluded(from) => key > from && !key.starts_with(from),
    }
}

/// Whether a key is not beyond a range's upper bound. An included bound includes the keys that begin with it.
pub(crate) fn is_below(key: &[u8], to: Bound<&[u8]>) -> bool {
    match to {
        Bound::Unbounded => true,
        Bound::Included(to) => key <= to || key.starts_with(to),
        Bound::Excluded(to) => key < to,
    }
}

/// Entries of an index between two bounds.
#[derive(Debug)]
pub(crate) struct EntryRange<'a> {
    entries: EntryIter<'a>,
    to: Bound<Vec<u8>>,
}

#[derive(Debug)]
enum EntryIter<'a> {
    Fixed(LeavesRange<'a>),
    Variable(btree_set::Range<'a, Box<[u8]>>),
}

impl<'a> Iterator for EntryRange<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let entry = match &mut self.entries {
            EntryIter::Fixed(entries) => entries.next()?,
            EntryIter::Variable(entries) => entries.next()?,
        };
        is_below(entry, self.to.as_ref().map(Vec::as_slice)).then_some(entry)
    }
}
