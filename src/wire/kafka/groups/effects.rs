//! What the coordinator wants done: answers to be sent, changes to be persisted. Never knows how.

use super::error::GroupError;
use bytes::Bytes;

/// One thing to be done, in the order given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    Joined {
        waiter: u64,
        result: Result<Joined, JoinError>,
    },
    Synced {
        waiter: u64,
        result: Result<Synced, GroupError>,
    },
    /// To a heartbeat.
    Answer {
        waiter: u64,
        result: Result<(), GroupError>,
    },
    /// To a leave, in the order asked.
    Left {
        waiter: u64,
        members: Vec<Left>,
    },
    /// To be made durable, a group's changes in the order given; then `Groups::persisted` is to be called.
    /// No state: the group is to be forgotten.
    Persist {
        group: String,
        change: u64,
        state: Option<Vec<u8>>,
    },
}

/// A generation, as one member is told of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Joined {
    pub generation: i32,
    pub protocol_type: String,
    pub protocol_name: String,
    pub leader: String,
    pub member_id: String,
    /// Only for the leader.
    pub members: Vec<JoinedMember>,
    pub skip_assignment: bool,
}

/// What the leader needs to know of a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JoinedMember {
    pub member_id: String,
    pub instance_id: Option<String>,
    pub metadata: Bytes,
}

/// Why a join failed, and the member id the answer carries.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{error}")]
pub struct JoinError {
    pub error: GroupError,
    pub member_id: String,
}

/// A member's assignment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Synced {
    pub protocol_type: String,
    pub protocol_name: String,
    pub assignment: Bytes,
}

/// What became of one member that was to leave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Left {
    pub member_id: String,
    pub instance_id: Option<String>,
    pub result: Result<(), GroupError>,
}

/// Collects effects and numbers the changes.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    pub(super) effects: Vec<Effect>,
    changes: u64,
}

impl Outbox {
    pub(super) fn joined(&mut self, waiter: u64, joined: Joined) {
        self.effects.push(Effect::Joined { waiter, result: Ok(joined) });
    }

    pub(super) fn not_joined(&mut self, waiter: u64, error: GroupError, member_id: &str) {
        let result = Err(JoinError { error, member_id: member_id.to_owned() });
        self.effects.push(Effect::Joined { waiter, result });
    }

    pub(super) fn synced(&mut self, waiter: u64, result: Result<Synced, GroupError>) {
        self.effects.push(Effect::Synced { waiter, result });
    }

    /// Returns the change's number, under which `Groups::persisted` will speak of it.
    pub(super) fn persist(&mut self, group: &str, state: Option<Vec<u8>>) -> u64 {
        self.changes += 1;
        self.effects.push(Effect::Persist { group: group.to_owned(), change: self.changes, state });
        self.changes
    }
}
