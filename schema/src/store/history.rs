//! A table whose rows lie together by key, in the order of their time: rows with equal times in the order
//! they came. Knows nothing of indexes and views.

use super::{
    chunks::{Chunk, ChunkId, ChunkPages, Chunks, NO_CHUNK},
    id_table::IdTable,
    keying::{Keying, Probe},
    prefetch::prefetch_line,
};
use crate::row::RowRef;

/// Each key's newest chunk, and from there the older ones.
#[derive(Debug)]
pub(crate) struct HistoryRows {
    pub(crate) chunks: Chunks,
    heads: IdTable,
    pub(crate) keying: Keying,
    pub(crate) time: TimeColumn,
}

/// So many rows in the newest chunk, and whoever walks a history soon comes to the one before.
const FEW_ROWS: usize = 4;

/// Where a row has its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TimeColumn {
    pub(crate) offset: usize,
}

impl TimeColumn {
    /// The time of a row, stored or not.
    #[inline]
    pub(crate) fn of(self, fixed: &[u8]) -> i64 {
        i64::from_le_bytes(
            fixed[self.offset..self.offset + 8].try_into().expect("a timestamp is eight bytes"),
        )
    }
}

/// A place between rows: before the row `place` of the chunk, or at the chunk's end.
#[derive(Clone, Copy, Debug)]
struct Position {
    chunk: ChunkId,
    place: usize,
}

/// The rows of a key in a history, newest first.
#[derive(Clone, Copy, Debug)]
pub struct History<'a> {
    pages: &'a ChunkPages,
    /// The rows of the present chunk that are still to come.
    rows: &'a [u8],
    older: ChunkId,
    time: TimeColumn,
}

impl<'a> History<'a> {
    /// From the newest row of that chunk on.
    #[inline]
    pub(crate) fn new(pages: &'a ChunkPages, head: ChunkId, time: TimeColumn) -> History<'a> {
        if head == NO_CHUNK {
            return History { pages, rows: &[], older: NO_CHUNK, time };
        }
        pages.prefetch(head);
        let Chunk { older, rows } = pages.chunk(head);
        History { pages, rows, older, time }
    }

    /// The rows whose time in microseconds is not later than that. Passes over the others by chunks.
    pub fn up_to(mut self, time_us: i64) -> History<'a> {
        let width = self.pages.row_width();
        while !self.is_empty() && (self.rows.is_empty() || self.time.of(self.rows) > time_us) {
            self.rows = &[];
            if self.older == NO_CHUNK {
                return self;
            }
            Chunk { older: self.older, rows: self.rows } = self.pages.chunk(self.older);
        }
        let rows = self.rows;
        let place = partition_point(rows.len() / width, |i| self.time.of(&rows[i * width..]) <= time_us);
        self.rows = &rows[..place * width];
        self
    }

    /// The time in microseconds of a row of this history.
    #[inline]
    pub fn time_of(&self, row: RowRef<'_>) -> i64 {
        self.time.of(row.fixed)
    }

    /// How many rows are still to come. Looks at each chunk, not at each row.
    pub fn len(&self) -> usize {
        let mut bytes = self.rows.len();
        let mut next = self.older;
        while next != NO_CHUNK {
            let Chunk { older, rows } = self.pages.chunk(next);
            bytes += rows.len();
            next = older;
        }
        bytes / self.pages.row_width()
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.older == NO_CHUNK
    }
}

impl<'a> Iterator for History<'a> {
    type Item = RowRef<'a>;

    #[inline]
    fn next(&mut self) -> Option<RowRef<'a>> {
        if self.rows.is_empty() {
            if self.older == NO_CHUNK {
                return None;
            }
            Chunk { older: self.older, rows: self.rows } = self.pages.chunk(self.older);
        }
        let (rest, stored) = self.rows.split_at(self.rows.len() - self.pages.row_width());
        self.rows = rest;
        Some(self.pages.row(stored))
    }
}

impl HistoryRows {
    pub(crate) fn new(fixed_width: usize, has_tails: bool, keying: Keying, time: TimeColumn) -> HistoryRows {
        HistoryRows { chunks: Chunks::new(fixed_width, has_tails), heads: IdTable::default(), keying, time }
    }

    pub(crate) fn count(&self) -> u64 {
        self.chunks.pages.count
    }

    #[inline]
    pub(crate) fn of(&self, probe: Probe<'_>) -> History<'_> {
        History::new(&self.chunks.pages, self.head(probe), self.time)
    }

    /// The rows of no key.
    pub(crate) fn none(&self) -> History<'_> {
        History::new(&self.chunks.pages, NO_CHUNK, self.time)
    }

    /// Asks for the newest rows of a key, by its head.
    #[inline]
    pub(crate) fn prefetch(&self, head: u32) {
        self.chunks.pages.prefetch(ChunkId(head));
    }

    /// Asks for the newest rows of a key, now that their chunk says where they are, and for the chunk before
    /// if they are few.
    #[inline]
    pub(crate) fn prefetch_older(&self, head: u32) {
        let pages = &self.chunks.pages;
        let Chunk { older, rows } = pages.chunk(ChunkId(head));
        let few = FEW_ROWS * pages.row_width();
        if rows.len() > few {
            prefetch_line(&raw const rows[rows.len() - few]);
        }
        prefetch_line(&raw const rows[rows.len() - 1]);
        if older != NO_CHUNK && rows.len() < few {
            pages.prefetch(older);
        }
    }

    /// Each key's rows, newest first, the keys in no promised order.
    pub(crate) fn keys(&self) -> impl Iterator<Item = History<'_>> {
        self.heads.ids().map(|head| History::new(&self.chunks.pages, ChunkId(head), self.time))
    }

    #[inline]
    fn head(&self, probe: Probe<'_>) -> ChunkId {
        let pages = &self.chunks.pages;
        let is_it = |head| probe.is(|| pages.row(&pages.chunk(ChunkId(head)).rows[..pages.row_width()]));
        self.heads.find(probe.tag, is_it).map_or(NO_CHUNK, ChunkId)
    }

    /// The head of the row's key, and the key's tag.
    #[inline]
    fn head_of_row(&self, row: RowRef<'_>) -> (ChunkId, u32) {
        let mut scratch = Vec::new();
        let probe = self.keying.probe_row(row, &mut scratch);
        (self.head(probe), probe.tag)
    }

    /// Adds a row after those of its key whose time is not later. Whether there was room.
    #[inline]
    pub(crate) fn insert(&mut self, row: RowRef<'_>) -> bool {
        let (head, tag) = self.head_of_row(row);
        if head == NO_CHUNK {
            return self.insert_first(tag, row);
        }
        let time = self.time.of(row.fixed);
        if time >= self.newest_time(head) && self.chunks.push(head, row) {
            return true;
        }
        self.insert_slowly(tag, head, row, 0)
    }

    /// Adds a row before so many rows of its key that have the same time.
    pub(crate) fn insert_before(&mut self, row: RowRef<'_>, equals_after: usize) -> bool {
        match self.head_of_row(row) {
            (NO_CHUNK, tag) => self.insert_first(tag, row),
            (head, tag) => self.insert_slowly(tag, head, row, equals_after),
        }
    }

    #[inline]
    fn newest_time(&self, chunk: ChunkId) -> i64 {
        let rows = self.chunks.pages.chunk(chunk).rows;
        self.time.of(&rows[rows.len() - self.chunks.pages.row_width()..])
    }

    fn insert_first(&mut self, tag: u32, row: RowRef<'_>) -> bool {
        let Some(chunk) = self.chunks.allocate(0, NO_CHUNK, 0) else { return false };
        self.chunks.push(chunk, row);
        self.heads.insert(tag, chunk.0);
        true
    }

    #[cold]
    fn insert_slowly(&mut self, tag: u32, head: ChunkId, row: RowRef<'_>, equals_after: usize) -> bool {
        let Position { chunk, place } = self.position(head, self.time.of(row.fixed), equals_after);
        let pages = &self.chunks.pages;
        let len = pages.chunk(chunk).rows.len() / pages.row_width();
        if len < pages.capacity(chunk) {
            self.chunks.insert(chunk, place, row);
            return true;
        }
        if chunk == head && place == len {
            return self.begin_chunk(tag, head, row);
        }
        let Some(older) = self.chunks.split(chunk) else { return false };
        let half = len / 2;
        if place <= half {
            self.chunks.insert(older, place, row);
        } else {
            self.chunks.insert(chunk, place - half, row);
        }
        true
    }

    /// A new head, for a row after all others of its key. Its size grows with the history, so that neither
    /// unused room nor headers weigh much.
    fn begin_chunk(&mut self, tag: u32, head: ChunkId, row: RowRef<'_>) -> bool {
        let rows = self.chunks.rows_before(head) + self.chunks.pages.capacity(head);
        let Some(new) = self.chunks.allocate(rows * 2 / 3, head, rows) else { return false };
        self.chunks.push(new, row);
        self.heads.replace(tag, head.0, new.0);
        true
    }

    /// Where a row of that time goes so that `equals_after` rows of the same time come after it.
    fn position(&self, head: ChunkId, time: i64, mut equals_after: usize) -> Position {
        let pages = &self.chunks.pages;
        let width = pages.row_width();
        let mut chunk = head;
        let mut rows = pages.chunk(head).rows;
        while self.time.of(rows) > time && pages.chunk(chunk).older != NO_CHUNK {
            chunk = pages.chunk(chunk).older;
            rows = pages.chunk(chunk).rows;
        }
        let mut place = partition_point(rows.len() / width, |i| self.time.of(&rows[i * width..]) <= time);
        while equals_after > 0 {
            if place == 0 {
                chunk = pages.chunk(chunk).older;
                assert!(chunk != NO_CHUNK, "the key has {equals_after} rows of this time too few");
                place = pages.chunk(chunk).rows.len() / width;
            }
            place -= 1;
            equals_after -= 1;
        }
        Position { chunk, place }
    }

    /// Takes out the last row of its key that has the row's time, which is there: undoes an insert.
    pub(crate) fn remove_last(&mut self, row: RowRef<'_>) {
        let (head, tag) = self.head_of_row(row);
        assert!(head != NO_CHUNK, "the key has rows");
        let at = self.position(head, self.time.of(row.fixed), 1);
        self.remove_at(tag, head, at);
    }

    /// Takes out the last row equal to that one. How many rows of the same time come after it; `None` when
    /// there is no such row.
    pub(crate) fn remove_equal(&mut self, row: RowRef<'_>) -> Option<usize> {
        let (head, tag) = self.head_of_row(row);
        let time = self.time.of(row.fixed);
        let not_later = History::new(&self.chunks.pages, head, self.time).up_to(time);
        for (equals_after, other) in not_later.enumerate() {
            if self.time.of(other.fixed) < time {
                return None;
            }
            if other == row {
                let at = self.position(head, time, equals_after + 1);
                self.remove_at(tag, head, at);
                return Some(equals_after);
            }
        }
        None
    }

    fn remove_at(&mut self, tag: u32, head: ChunkId, at: Position) {
        let older = self.chunks.pages.chunk(at.chunk).older;
        if self.chunks.remove(at.chunk, at.place) > 0 {
            return;
        }
        if at.chunk != head {
            let mut newer = head;
            while self.chunks.pages.chunk(newer).older != at.chunk {
                newer = self.chunks.pages.chunk(newer).older;
            }
            self.chunks.set_older(newer, older);
        } else if older == NO_CHUNK {
            self.heads.remove(tag, head.0);
        } else {
            self.heads.replace(tag, head.0, older.0);
        }
        self.chunks.release(at.chunk);
    }

    /// Adds rows of one key, in the order of time, at once. Whether there was room.
    pub(crate) fn load_key(&mut self, rows: &[RowRef<'_>]) -> bool {
        let (head, tag) = self.head_of_row(rows[0]);
        if head != NO_CHUNK {
            return rows.iter().all(|row| self.insert(*row));
        }
        let mut older = NO_CHUNK;
        let mut done = 0;
        // Small chunks first, as if they had grown, and room for some rows more: they will come.
        let wanted = rows.len() + rows.len() / 4;
        while done < rows.len() {
            let take = self.chunks.pages.first_of(wanted - done);
            let Some(chunk) = self.chunks.allocate(take, older, done) else { return false };
            let end = rows.len().min(done + take);
            for row in &rows[done..end] {
                self.chunks.push(chunk, *row);
            }
            older = chunk;
            done = end;
        }
        self.heads.insert(tag, older.0);
        true
    }

    /// Bytes of rows, of tails, and of the table of keys.
    pub(crate) fn allocated_bytes(&self) -> (u64, u64, u64) {
        let (rows, tails) = self.chunks.allocated_bytes();
        (rows, tails, self.heads.allocated_bytes())
    }

    /// All rows, by the pages they are on.
    pub(crate) fn chunk_pages(&self) -> &ChunkPages {
        &self.chunks.pages
    }

    #[inline]
    pub(crate) fn heads(&self) -> &IdTable {
        &self.heads
    }
}

/// The first of `0..len` for which `is_before` says no; all after it say no too.
fn partition_point(len: usize, is_before: impl Fn(usize) -> bool) -> usize {
    let (mut low, mut high) = (0, len);
    while low < high {
        let middle = (low + high) / 2;
        if is_before(middle) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low
}

#[cfg(test)]
mod tests {
    use rand::{Rng, SeedableRng, rngs::SmallRng};

    use super::*;
    use crate::{row::RowBuf, row::Slot, store::key::KeyColumn, types::Type};

    /// Rows of an INTEGER key, a time and a number; with a text if they have tails.
    fn history(has_tails: bool) -> HistoryRows {
        let key = KeyColumn { slot: Slot::Fixed { offset: 0 }, column_type: Type::Integer };
        HistoryRows::new(16, has_tails, Keying::new(vec![key]), TimeColumn { offset: 4 })
    }

    fn row(key: i32, time: i64, number: i32, has_tails: bool) -> RowBuf {
        let fixed = [&key.to_le_bytes()[..], &time.to_le_bytes(), &number.to_le_bytes()].concat();
        let mut row = RowBuf { fixed, tail: Vec::new() };
        if has_tails {
            row.push_tail(Some(number.to_string().as_bytes()));
        }
        row
    }

    fn of(history: &HistoryRows, key: i32) -> History<'_> {
        history.of(history.keying.probe_integer(i64::from(key)).expect("an integer key"))
    }

    fn check(history: &HistoryRows, model: &[Vec<(i64, RowBuf)>]) {
        for (key, rows) in model.iter().enumerate() {
            let found = of(history, key as i32);
            assert_eq!(found.len(), rows.len());
            assert_eq!(found.is_empty(), rows.is_empty());
            assert!(found.eq(rows.iter().rev().map(|(_, row)| row.as_ref())));
        }
        assert_eq!(history.count(), model.iter().map(|rows| rows.len() as u64).sum::<u64>());
        assert_eq!(history.keys().count(), model.iter().filter(|rows| !rows.is_empty()).count());
    }

    #[test]
    fn it_holds_what_lists_hold() {
        for (seed, has_tails, times) in [(1, false, 3000), (2, true, 40), (3, false, 1)] {
            let mut random = SmallRng::seed_from_u64(seed);
            let mut history = history(has_tails);
            let mut model: Vec<Vec<(i64, RowBuf)>> = vec![Vec::new(); 6];
            let mut undo: Vec<(usize, RowBuf, Option<usize>)> = Vec::new();
            for step in 0..12_000i32 {
                // One key has most of the rows.
                let key = random.random_range(0..12usize).min(5);
                let late = random.random_range(0..4) == 0;
                let time =
                    if late { random.random_range(0..times) } else { i64::from(step) * times / 12_000 };
                let new = row(key as i32, time, random.random_range(0..3), has_tails);
                let place = model[key].partition_point(|(other, _)| *other <= time);
                let grows = step % 4000 < 2500;
                match random.random_range(0..10) {
                    n if n < if grows { 7 } else { 3 } => {
                        assert!(history.insert(new.as_ref()));
                        model[key].insert(place, (time, new.clone()));
                        undo.push((key, new, None));
                    }
                    7 if !undo.is_empty() => {
                        // Undo the last change.
                        let (key, row, equals_after) = undo.pop().expect("it is not empty");
                        let time = history.time.of(&row.fixed);
                        let place = model[key].partition_point(|(other, _)| *other <= time);
                        match equals_after {
                            None => {
                                history.remove_last(row.as_ref());
                                model[key].remove(place - 1);
                            }
                            Some(equals_after) => {
                                assert!(history.insert_before(row.as_ref(), equals_after));
                                model[key].insert(place - equals_after, (time, row));
                            }
                        }
                    }
                    _ if !model[key].is_empty() => {
                        let any = model[key][random.random_range(0..model[key].len())].1.clone();
                        let (time, at) =
                            (history.time.of(&any.fixed), model[key].iter().rposition(|(_, r)| *r == any));
                        let at = at.expect("it is one of them");
                        let place = model[key].partition_point(|(other, _)| *other <= time);
                        assert_eq!(history.remove_equal(any.as_ref()), Some(place - 1 - at));
                        model[key].remove(at);
                        undo.push((key, any, Some(place - 1 - at)));
                        if model[key].iter().all(|(_, other)| *other != new) {
                            assert_eq!(history.remove_equal(new.as_ref()), None);
                        }
                    }
                    _ => {}
                }
                if step % 500 == 0 {
                    check(&history, &model);
                }
            }
            check(&history, &model);
            let late = random.random_range(0..times);
            let early = model[5].iter().rev().filter(|(time, _)| *time <= late);
            assert!(of(&history, 5).up_to(late).eq(early.map(|(_, row)| row.as_ref())));
        }
    }

    #[test]
    fn rows_loaded_at_once_are_rows_inserted() {
        let mut history = history(true);
        let mut model = vec![Vec::new(); 300];
        for (key, of_key) in model.iter_mut().enumerate() {
            let rows: Vec<RowBuf> =
                (0..key as i32 + 1).map(|n| row(key as i32, i64::from(n / 3), n, true)).collect();
            let refs: Vec<RowRef<'_>> = rows.iter().map(RowBuf::as_ref).collect();
            // In two goes, as when a section ends between them.
            let (first, second) = refs.split_at(refs.len() - refs.len() / 3);
            assert!(history.load_key(first));
            assert!(second.is_empty() || history.load_key(second));
            of_key.extend(rows.into_iter().map(|row| (history.time.of(&row.fixed), row)));
        }
        check(&history, &model);
    }

    #[test]
    fn wide_rows_fit_too() {
        let key = KeyColumn { slot: Slot::Fixed { offset: 0 }, column_type: Type::BigInt };
        let width = crate::row::FIXED_WIDTH_MAX;
        let mut history = HistoryRows::new(width, true, Keying::new(vec![key]), TimeColumn { offset: 8 });
        let mut rows = Vec::new();
        for n in 0..20u8 {
            let mut row = RowBuf { fixed: vec![0; width], tail: vec![0; 4] };
            row.fixed[8] = n * 7 % 20;
            rows.push(row);
        }
        rows.iter().for_each(|row| assert!(history.insert(row.as_ref())));
        rows.sort_by_key(|row| row.fixed[8]);
        let found = history.of(history.keying.probe_integer(0).expect("an integer key"));
        assert!(found.eq(rows.iter().rev().map(RowBuf::as_ref)));
    }
}
