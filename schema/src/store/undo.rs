//! The log of inverse changes, in one arena: added at the end, taken from the end by a rollback, forgotten
//! from the front when a block is committed. Knows nothing of how a change is undone.

use crate::catalog::TableId;

/// What undoes a change; the payload of each in brackets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Inverse {
    /// Remove the row with that number. \[number]
    Remove,
    /// Insert a row that had that number, and will have it again. \[row image, number]
    Insert,
    /// Put the old row in the place of the present one. \[row image, number]
    Replace,
    /// Put the old fixed part in the place of the present one. \[fixed part, number]
    ReplaceFixed,
    /// Of a history: remove the last row with that key and time. \[row image]
    HistoryRemove,
    /// Of a history: insert a row before so many of the same time. \[row image, count]
    HistoryInsert,
    /// Of a stream: take the last row away. \[]
    Pop,
    /// Of a stream: show the rows from that offset on again. \[first offset]
    Untrim,
    /// Of a view over a stream: put the old stored row back. \[stored row, number]
    ViewRow,
}

const ALL: [Inverse; 9] = [
    Inverse::Remove,
    Inverse::Insert,
    Inverse::Replace,
    Inverse::ReplaceFixed,
    Inverse::HistoryRemove,
    Inverse::HistoryInsert,
    Inverse::Pop,
    Inverse::Untrim,
    Inverse::ViewRow,
];

/// After each payload: its length, the table, the inverse, and a byte of nothing.
const TRAILER: usize = 8;

/// Forgotten bytes are kept until they are this many and half of all.
const SLACK_BYTES: usize = 1 << 16;

#[derive(Debug, Default)]
pub(crate) struct Undo {
    bytes: Vec<u8>,
    /// Bytes at the front that are forgotten.
    forgotten: usize,
    /// Bytes that were there before the first of `bytes`.
    base: u64,
}

impl Undo {
    /// The position after the last change.
    pub(crate) fn end(&self) -> u64 {
        self.base + self.bytes.len() as u64
    }

    /// The position before the first change that is not forgotten.
    pub(crate) fn start(&self) -> u64 {
        self.base + self.forgotten as u64
    }

    /// Adds an inverse; the payload is the parts, one after another.
    #[inline]
    pub(crate) fn push(&mut self, inverse: Inverse, table: TableId, parts: &[&[u8]]) {
        let length: usize = parts.iter().map(|part| part.len()).sum();
        self.bytes.reserve(length + TRAILER);
        for part in parts {
            self.bytes.extend_from_slice(part);
        }
        let [low, high] = table.to_le_bytes();
        let [a, b, c, d] = (length as u32).to_le_bytes();
        self.bytes.extend_from_slice(&[a, b, c, d, low, high, inverse as u8, 0]);
    }

    /// Takes the last inverse away, into `payload`.
    pub(crate) fn pop(&mut self, payload: &mut Vec<u8>) -> (Inverse, TableId) {
        let end = self.bytes.len() - TRAILER;
        let &[a, b, c, d, low, high, inverse, _] =
            self.bytes[end..].first_chunk().expect("a trailer's length");
        let start = end - u32::from_le_bytes([a, b, c, d]) as usize;
        assert!(start >= self.forgotten, "the change is forgotten");
        payload.clear();
        payload.extend_from_slice(&self.bytes[start..end]);
        self.bytes.truncate(start);
        (ALL[usize::from(inverse)], TableId::from_le_bytes([low, high]))
    }

    /// Forgets the changes before that position.
    pub(crate) fn forget_before(&mut self, position: u64) {
        assert!(position <= self.end(), "position {position} is not reached yet");
        self.forgotten = self.forgotten.max(position.saturating_sub(self.base) as usize);
        if self.forgotten == self.bytes.len() {
            self.base += self.bytes.len() as u64;
            self.bytes.clear();
            self.forgotten = 0;
        } else if self.forgotten > SLACK_BYTES && self.forgotten * 2 > self.bytes.len() {
            self.base += self.forgotten as u64;
            self.bytes.drain(..self.forgotten);
            self.forgotten = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inverses_come_back_from_the_end_and_are_forgotten_from_the_front() {
        let mut undo = Undo::default();
        let mut marks = vec![undo.end()];
        for n in 0..20_000u32 {
            undo.push(ALL[n as usize % ALL.len()], n as u16, &[&n.to_le_bytes(), &[7]]);
            marks.push(undo.end());
        }
        undo.forget_before(marks[9_000]);
        undo.forget_before(marks[5_000]);
        assert_eq!(undo.start(), marks[9_000]);
        let mut payload = Vec::new();
        for n in (9_000..20_000u32).rev() {
            assert_eq!(undo.pop(&mut payload), (ALL[n as usize % ALL.len()], n as u16));
            assert_eq!(payload, [&n.to_le_bytes()[..], &[7]].concat());
            assert_eq!(undo.end(), marks[n as usize]);
        }
        undo.push(Inverse::Pop, 3, &[]);
        undo.forget_before(undo.end());
        assert_eq!(undo.start(), undo.end());
    }

    #[test]
    #[should_panic(expected = "forgotten")]
    fn a_forgotten_change_is_not_undone() {
        let mut undo = Undo::default();
        undo.push(Inverse::Pop, 0, &[]);
        let mark = undo.end();
        undo.push(Inverse::Pop, 0, &[]);
        undo.forget_before(mark);
        let mut payload = Vec::new();
        undo.pop(&mut payload);
        undo.pop(&mut payload);
    }
}
