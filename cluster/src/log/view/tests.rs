//! A view against a plain vector of entries, with the real log beneath it for what it no longer holds in
//! memory.

use std::path::Path;

use raft::GetEntriesContext;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use super::*;
use crate::disk::FaultyDisk;
use crate::log::{GroupAppend, LogBatch, LogConfig, LogWriter, open};

const GROUP: u32 = 6;

/// The view, the log, and what both should hold: entry `index` at `entries[index - start - 1]`.
struct Pair {
    view: LogView,
    writer: LogWriter,
    start: (u64, u64),
    entries: Vec<Entry>,
    applied: u64,
    random: SmallRng,
}

impl Pair {
    fn new(seed: u64) -> Self {
        let config =
            LogConfig { segment_bytes: 4096, spares_kept: 1, spares_at_open: 0, ..LogConfig::default() };
        let mut opened = open(Arc::new(FaultyDisk::new(seed)), Path::new("log"), config).unwrap();
        let index = opened.take_group(GROUP).index;
        let start = LogStart { index: 1, term: 1, ..LogStart::default() };
        let hard_state = HardState::default();
        let view =
            LogView::new(GROUP, &start, hard_state, ConfState::default(), VecDeque::new(), index, 1500);
        let random = SmallRng::seed_from_u64(seed);
        Self { view, writer: opened.writer, start: (1, 1), entries: Vec::new(), applied: 1, random }
    }

    fn last(&self) -> u64 {
        self.start.0 + self.entries.len() as u64
    }

    /// Appends at the end, or over entries that were not applied; the log follows.
    fn append(&mut self) {
        let first = if self.random.random_bool(0.8) {
            self.last() + 1
        } else {
            self.random.random_range(self.applied.max(self.start.0) + 1..=self.last() + 1)
        };
        self.entries.truncate((first - self.start.0 - 1) as usize);
        let term =
            self.entries.last().map_or(self.start.1, |entry| entry.term) + self.random.random_range(0..2);
        let count = self.random.random_range(0..5);
        let entries: Vec<Entry> = (first..first + count)
            .map(|index| {
                let data = vec![self.random.random::<u8>(); self.random.random_range(1..200)];
                Entry { index, term, data: data.into(), ..Entry::default() }
            })
            .collect();
        if entries.is_empty() {
            // Nothing was appended, so nothing was replaced: the view still has the tail.
            self.entries =
                self.view.entries(self.start.0 + 1, self.view.last_index + 1, None, context()).unwrap();
            return;
        }
        self.entries.extend(entries.iter().cloned());
        self.view.append(entries.iter().cloned());
        let part = GroupAppend { group: GROUP, entries, ..GroupAppend::default() };
        self.writer.append(&LogBatch { groups: vec![part] }).unwrap();
    }

    fn apply(&mut self) {
        self.applied = self.random.random_range(self.applied..=self.last());
        self.view.evict(self.applied);
    }

    fn compact(&mut self) {
        let index = self.random.random_range(self.start.0..=self.applied);
        let term = self.view.term_of(index).unwrap();
        self.entries.drain(..(index - self.start.0) as usize);
        self.start = (index, term);
        self.view.compact(index);
        let start = LogStart { reset: false, index, term, members: Membership::default() };
        let part = GroupAppend { group: GROUP, ..GroupAppend::default() }.with_start(start);
        self.writer.append(&LogBatch { groups: vec![part] }).unwrap();
    }

    fn reset(&mut self) {
        let meta = SnapshotMeta {
            index: self.last() + 3,
            term: self.start.1 + 50,
            members: Membership::of_voters(&[1]),
        };
        self.entries.clear();
        self.start = (meta.index, meta.term);
        self.applied = meta.index;
        self.view.reset(&meta);
        let start = LogStart { reset: true, index: meta.index, term: meta.term, members: meta.members };
        let part = GroupAppend { group: GROUP, ..GroupAppend::default() }.with_start(start);
        self.writer.append(&LogBatch { groups: vec![part] }).unwrap();
    }

    fn check(&mut self) {
        let (start, last) = (self.start.0, self.last());
        assert_eq!((self.view.first_index().unwrap(), self.view.last_index().unwrap()), (start + 1, last));
        assert_eq!(self.view.term(start).unwrap(), self.start.1);
        for entry in &self.entries {
            assert_eq!(self.view.term(entry.index).unwrap(), entry.term);
        }
        assert_eq!(self.view.term(last + 1), Err(Error::Store(StorageError::Unavailable)));
        if start > 0 {
            assert_eq!(self.view.term(start - 1), Err(Error::Store(StorageError::Compacted)));
            assert_eq!(
                self.view.entries(start, last + 1, None, context()),
                Err(Error::Store(StorageError::Compacted))
            );
        }
        let low = self.random.random_range(start + 1..=last + 1);
        let high = self.random.random_range(low..=last + 1);
        let expected = &self.entries[(low - start - 1) as usize..(high - start - 1) as usize];
        assert_eq!(self.view.entries(low, high, None, context()).unwrap(), expected);
        let bytes_limit = self.random.random_range(0..600);
        let limited = self.view.entries(low, high, bytes_limit, context()).unwrap();
        assert_eq!(limited, expected[..limited.len()]);
        assert_eq!(limited.is_empty(), expected.is_empty(), "at least one entry, if there is one");
        let limited_bytes: u64 = limited.iter().map(|entry| entry.data.len() as u64).sum();
        assert!(limited.len() <= 1 || limited_bytes <= bytes_limit);
        let counted: usize = self.view.recent.iter().map(|entry| self.view.cost(entry)).sum();
        assert_eq!(counted, self.view.recent_bytes);
    }
}

fn context() -> GetEntriesContext {
    GetEntriesContext::empty(false)
}

#[test]
fn a_view_holds_what_a_plain_vector_holds() {
    let mut evicted = 0;
    for seed in 0..40 {
        let mut pair = Pair::new(seed);
        for _ in 0..150 {
            match pair.random.random_range(0..100) {
                0..70 => pair.append(),
                70..88 => pair.apply(),
                88..98 => pair.compact(),
                _ => pair.reset(),
            }
            pair.check();
            evicted += pair.entries.len() - pair.view.recent.len();
        }
    }
    assert!(evicted > 1000, "entries were read back from the log: {evicted}");
}

#[test]
fn a_snapshot_is_offered_only_to_members_it_knows_and_when_it_is_new_enough() {
    let mut pair = Pair::new(1);
    while pair.last() < 20 {
        pair.append();
    }
    assert!(pair.view.snapshot(0, 1).is_err(), "there is none yet");
    let meta = SnapshotMeta { index: 10, term: 1, members: Membership::of_voters(&[1, 2]) };
    pair.view.set_snapshot(&meta, Bytes::from_static(b"manifest"));
    let offered = pair.view.snapshot(10, 2).unwrap();
    assert_eq!((offered.get_metadata().index, &offered.data[..]), (10, &b"manifest"[..]));
    for (request_index, to) in [(11, 2), (0, 3)] {
        assert_eq!(
            pair.view.snapshot(request_index, to),
            Err(Error::Store(StorageError::SnapshotTemporarilyUnavailable))
        );
    }
}

#[test]
fn an_entry_damaged_on_disk_is_an_error_not_wrong_data() {
    let disk = FaultyDisk::new(1);
    let config = LogConfig { spares_at_open: 0, ..LogConfig::default() };
    let mut opened = open(Arc::new(disk.clone()), Path::new("log"), config).unwrap();
    let index = opened.take_group(GROUP).index;
    let start = LogStart { index: 1, term: 1, ..LogStart::default() };
    let mut view =
        LogView::new(GROUP, &start, HardState::default(), ConfState::default(), VecDeque::new(), index, 0);
    let part = GroupAppend::of_blocks(GROUP, 1, 2, vec![Bytes::from(vec![3; 500])]);
    view.append(part.entries.iter().cloned());
    opened.writer.append(&LogBatch { groups: vec![part] }).unwrap();
    view.evict(2);
    assert!(view.recent.is_empty());
    disk.flip_bit(Path::new("log/0000000000000001.log"), 300, 2);
    assert!(matches!(view.entries(2, 3, None, context()), Err(Error::Store(StorageError::Other(_)))));
    disk.flip_bit(Path::new("log/0000000000000001.log"), 300, 2);
    assert_eq!(view.entries(2, 3, None, context()).unwrap()[0].data, vec![3; 500]);
}
