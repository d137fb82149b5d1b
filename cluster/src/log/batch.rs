//! What is appended to the node log: one round of any number of groups.

use raft::eraftpb::{ConfState, Entry, HardState};

/// One round of the node: becomes one record, one write, one sync; whole or absent after a crash.
#[derive(Debug, Default, Clone)]
pub struct LogBatch {
    /// Parts of the groups, in the order their replicas produced them.
    pub groups: Vec<GroupAppend>,
}

impl LogBatch {
    /// Whether there is nothing to write.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// Bytes of entries' data, to bound a batch by.
    #[must_use]
    pub fn data_bytes(&self) -> usize {
        self.groups.iter().map(GroupAppend::data_bytes).sum()
    }
}

/// What one replica wants durable. Made by `Replica::poll`; opaque to the server, which only merges it into a
/// batch and, once the batch is durable, answers the replica with `persisted(ready_number)`.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct GroupAppend {
    /// The raft group.
    pub group: u32,
    /// What to answer the replica with; 0 when it waits for no answer.
    pub ready_number: u64,
    pub(crate) start: Option<LogStart>,
    pub(crate) entries: Vec<Entry>,
    pub(crate) hard_state: Option<HardState>,
}

impl GroupAppend {
    /// Bytes of the entries' data.
    #[must_use]
    pub fn data_bytes(&self) -> usize {
        self.entries.iter().map(|entry| entry.data.len()).sum()
    }

    /// Number of entries.
    #[must_use]
    pub fn entry_count(&self) -> usize {
        self.entries.len()
    }

    /// A part with plain entries, for tools and tests that write a log without a replica.
    #[must_use]
    pub fn of_blocks(group: u32, term: u64, first_index: u64, blocks: Vec<bytes::Bytes>) -> Self {
        let entries = (first_index..)
            .zip(blocks)
            .map(|(index, data)| Entry { index, term, data, ..Entry::default() })
            .collect();
        Self { group, entries, ..Self::default() }
    }

    /// Adds "this group's log starts after (index, term)" to the part.
    #[must_use]
    pub fn with_start(mut self, start: LogStart) -> Self {
        self.start = Some(start);
        self
    }
}

/// A group's log begins after this position.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct LogStart {
    /// Entries known so far are void: a new group, or a snapshot was installed. Otherwise entries behind
    /// `index` stay.
    pub reset: bool,
    /// Index of the last entry that is not in the log.
    pub index: u64,
    /// Term of that entry.
    pub term: u64,
    /// Members of the group as of that entry.
    pub members: Membership,
}

/// Who belongs to a group. Plain unless a membership change is half done (`voters_outgoing` not empty).
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Membership {
    /// Members that vote.
    pub voters: Vec<u64>,
    /// Members that voted before a change that is not finished.
    pub voters_outgoing: Vec<u64>,
    /// Members that receive the log but do not vote.
    pub learners: Vec<u64>,
    /// Voters that become learners when the change is finished.
    pub learners_next: Vec<u64>,
    /// Whether the group finishes the change by itself.
    pub auto_leave: bool,
}

impl Membership {
    /// A group of these voters and no learners.
    #[must_use]
    pub fn of_voters(voters: &[u64]) -> Self {
        Self { voters: voters.to_vec(), ..Self::default() }
    }

    /// Whether `member` receives this group's log.
    #[must_use]
    pub fn contains(&self, member: u64) -> bool {
        [&self.voters, &self.voters_outgoing, &self.learners, &self.learners_next]
            .iter()
            .any(|set| set.contains(&member))
    }

    pub(crate) fn to_conf_state(&self) -> ConfState {
        ConfState {
            voters: self.voters.clone(),
            voters_outgoing: self.voters_outgoing.clone(),
            learners: self.learners.clone(),
            learners_next: self.learners_next.clone(),
            auto_leave: self.auto_leave,
            ..ConfState::default()
        }
    }

    pub(crate) fn from_conf_state(state: &ConfState) -> Self {
        let sorted = |members: &[u64]| {
            let mut members = members.to_vec();
            members.sort_unstable(); // raft keeps them in hash sets
            members
        };
        Self {
            voters: sorted(&state.voters),
            voters_outgoing: sorted(&state.voters_outgoing),
            learners: sorted(&state.learners),
            learners_next: sorted(&state.learners_next),
            auto_leave: state.auto_leave,
        }
    }
}
