//! What waits for the disk: messages that promise something durable, and entries that may not be handed out
//! before their commit index is.

use std::collections::VecDeque;

use raft::eraftpb::{Entry, Message};

/// One append that the log has not confirmed, and all that waits for it.
#[derive(Debug, Default)]
pub(super) struct Unpersisted {
    /// Number of the append.
    pub(super) number: u64,
    /// Number of the last ready that rides on it: readies without data of their own wait for the one before
    /// them.
    pub(super) up_to: u64,
    /// To be sent once it is durable.
    pub(super) messages: Vec<Message>,
    /// To be handed out once it is durable.
    pub(super) committed: Vec<Entry>,
    /// Index of an installed snapshot that counts as applied once it is durable.
    pub(super) snapshot_index: Option<u64>,
}

/// Unconfirmed appends, oldest first.
#[derive(Debug, Default)]
pub(super) struct Outstanding(VecDeque<Unpersisted>);

impl Outstanding {
    pub(super) fn push(&mut self, unpersisted: Unpersisted) {
        assert!(
            self.0.back().is_none_or(|last| last.up_to < unpersisted.number),
            "readies are numbered in order"
        );
        self.0.push_back(unpersisted);
    }

    pub(super) fn last_mut(&mut self) -> Option<&mut Unpersisted> {
        self.0.back_mut()
    }

    /// Whether committed entries wait; later ones must then wait behind them.
    pub(super) fn holds_committed(&self) -> bool {
        self.0.iter().any(|unpersisted| !unpersisted.committed.is_empty())
    }

    /// Forgets the committed entries that wait.
    pub(super) fn drop_committed(&mut self) {
        for unpersisted in &mut self.0 {
            unpersisted.committed.clear();
        }
    }

    /// The oldest append if its number is at most `number`, which the log confirmed.
    pub(super) fn pop_up_to(&mut self, number: u64) -> Option<Unpersisted> {
        if self.0.front()?.number <= number { self.0.pop_front() } else { None }
    }
}
