//! What a replica wants done: the only way anything leaves it.

use bytes::Bytes;

use super::message::RaftMessage;
use crate::log::{GroupAppend, Membership, SnapshotMeta};

/// A place in a group's log. Two entries with the same position are the same entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// Term of the leader that proposed the entry.
    pub term: u64,
    /// Index of the entry.
    pub index: u64,
}

/// Collects what [`super::Replica::poll`] wants done. The caller empties the vectors; a replica only adds to
/// them.
#[derive(Debug, Default)]
pub struct Outbox {
    /// To be made durable, in this order; then `persisted(ready_number)`.
    pub appends: Vec<GroupAppend>,
    /// To be sent now; losing some is allowed.
    pub messages: Vec<RaftMessage>,
    /// Committed and durable entries, in log order, without gap: to be applied, then `applied_to(index)`.
    pub committed: Vec<CommittedEntry>,
    /// Changes of this member's role, in order.
    pub role_changes: Vec<RoleChange>,
    /// A snapshot whose state replaces the state machine's, before an entry of `committed` behind it is
    /// applied; entries at or below its index are in it.
    pub snapshot_to_install: Option<SnapshotToInstall>,
    /// Reads that are now known to be linearizable at an index.
    pub reads: Vec<ReadReady>,
}

/// An entry that every future leader has, and that is durable here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommittedEntry {
    /// Where it stands.
    pub position: Position,
    /// The block; empty for the other kinds.
    pub data: Bytes,
    /// What it is.
    pub kind: EntryKind,
}

/// What a committed entry is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryKind {
    /// A block proposed by a leader.
    Block,
    /// The entry with which a leader begins its term.
    Empty,
    /// A change of the group's members, already in force; these are the members from here on.
    Members(Membership),
}

/// A change of this member's role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RoleChange {
    /// It leads the group in this term. It may propose once `ready_to_lead()`.
    BecameLeader {
        /// The term.
        term: u64,
    },
    /// It no longer leads in `term`. Proposals of that term may still commit under a successor: watch the
    /// positions.
    SteppedDown {
        /// The term it led in.
        term: u64,
    },
}

/// A snapshot received from the leader, its state already durable here (see [`RaftMessage::snapshot`]).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotToInstall {
    /// Where it stands.
    pub meta: SnapshotMeta,
    /// What the leader's caller gave to `set_snapshot`.
    pub manifest: Bytes,
}

/// A read may be answered from a state that has applied `index`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadReady {
    /// What the caller gave to `read_index`.
    pub context: u64,
    /// The index.
    pub index: u64,
}
