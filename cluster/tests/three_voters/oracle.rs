//! What must always hold, kept apart from the code under test.

use std::collections::BTreeMap;

use bytes::Bytes;
use tollgate_cluster::replica::{Position, Replica};

/// The group as seen by someone who sees everything.
#[derive(Default)]
pub(crate) struct Oracle {
    /// What was ever handed out as committed, by index.
    committed: BTreeMap<u64, (u64, Bytes)>,
    leaders: BTreeMap<u64, u64>,
}

impl Oracle {
    pub(crate) fn committed_count(&self) -> usize {
        self.committed.len()
    }

    pub(crate) fn leader_count(&self) -> usize {
        self.leaders.len()
    }

    pub(crate) fn last_committed(&self) -> u64 {
        self.committed.last_key_value().map_or(0, |(&index, _)| index)
    }

    /// A committed entry is the same on every member for ever.
    pub(crate) fn commits(&mut self, position: Position, data: &Bytes) {
        let known = self.committed.entry(position.index).or_insert_with(|| (position.term, data.clone()));
        assert_eq!(
            (known.0, &known.1),
            (position.term, data),
            "entry {} changed after its commit",
            position.index
        );
    }

    /// One leader a term, and it has everything that was committed before.
    pub(crate) fn leads(&mut self, replica: &Replica, term: u64) {
        let member = *self.leaders.entry(term).or_insert(replica.member());
        assert_eq!(member, replica.member(), "two leaders in term {term}");
        for (&index, &(term, _)) in self.committed.range(replica.start_index() + 1..) {
            assert_eq!(replica.term_of(index), Some(term), "the new leader lacks committed entry {index}");
        }
    }

    /// Two logs that agree in the term of an entry agree in all entries before it.
    pub(crate) fn logs_match(left: &Replica, right: &Replica) {
        let first = left.start_index().max(right.start_index());
        let last = left.last_index().min(right.last_index());
        let mut must_match = false;
        for index in (first..=last).rev() {
            let same = left.term_of(index) == right.term_of(index);
            assert!(same || !must_match, "entry {index} differs below one that agrees");
            must_match |= same;
        }
    }
}
