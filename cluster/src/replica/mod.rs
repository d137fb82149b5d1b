//! The driver of one raft group: calls in, an [`Outbox`] out. No IO, no clock, no entropy but its seed.
//!
//! Runs where the executor that owns the group does. It keeps raft's rules about what must be durable before
//! what may leave: whoever carries out the outbox needs no knowledge of raft, only to append in order and to
//! answer with `persisted`. It never looks into a block.

mod config;
mod fields;
mod message;
mod outbox;
mod outstanding;
mod ready;
mod start;

use bytes::Bytes;
use protobuf::Message as _;
use raft::eraftpb::{ConfChangeSingle, ConfChangeType, ConfChangeV2, Entry, EntryType, Message, MessageType};
use raft::{RawNode, SnapshotStatus, StateRole};
use thiserror::Error;

use crate::log::{LogStart, LogView, Membership, SnapshotMeta};
use outstanding::{Outstanding, Unpersisted};
use start::ElectionTimeouts;

pub use config::{FOUNDING_INDEX, FOUNDING_TERM, GroupConfig};
pub use message::{MessageError, RaftMessage};
pub use outbox::{CommittedEntry, EntryKind, Outbox, Position, ReadReady, RoleChange, SnapshotToInstall};
pub use start::StartError;

/// Why a proposal was not taken. It is certain that it will not commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ProposeError {
    /// This member does not lead the group.
    #[error("this member does not lead the group")]
    NotLeader {
        /// Who does, as far as it knows.
        leader: Option<u64>,
    },
    /// Too much waits for its commit, or leadership is being handed over.
    #[error("the group takes no more proposals at the moment")]
    Busy,
    /// A change of members is under way.
    #[error("another change of members is not finished")]
    MembersChanging,
}

/// A change of one member, see [`Replica::propose_members`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemberChange {
    /// Let a member vote; add it if need be.
    AddVoter(u64),
    /// Let a member receive the log without a vote.
    AddLearner(u64),
    /// Remove a member.
    Remove(u64),
}

/// How far a peer has come, as the leader knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeerProgress {
    /// The peer.
    pub member: u64,
    /// The last index known to be durable there.
    pub matched: u64,
    /// Whether it was heard of lately.
    pub active: bool,
}

/// One member's part of one group.
pub struct Replica {
    group: u32,
    member: u64,
    node: RawNode<LogView>,
    timeouts: ElectionTimeouts,
    outstanding: Outstanding,
    /// Released by `persisted`, to go out with the next poll.
    released: Unpersisted,
    /// A new start of the log, to go with the next append.
    new_start: Option<LogStart>,
    /// (term, vote) as last handed to the log.
    logged_vote: (u64, u64),
    /// Number of the append that carries `logged_vote`, until it is durable.
    vote_unpersisted: Option<u64>,
    /// The term this member leads in, as last reported.
    reported_leader_term: Option<u64>,
    /// The term in which an entry of this member as leader was applied.
    led_and_applied_term: u64,
    members: Membership,
    appended_bytes: u64,
}

impl Replica {
    /// The group.
    #[must_use]
    pub fn group(&self) -> u32 {
        self.group
    }

    /// This member's id.
    #[must_use]
    pub fn member(&self) -> u64 {
        self.member
    }

    /// Whether this member leads the group, as far as it knows.
    #[must_use]
    pub fn is_leader(&self) -> bool {
        self.node.raft.state == StateRole::Leader
    }

    /// Whether it leads and an entry of its term was applied here: only then is its state that of all former
    /// leaders.
    #[must_use]
    pub fn ready_to_lead(&self) -> bool {
        self.is_leader() && self.led_and_applied_term == self.term()
    }

    /// The current term.
    #[must_use]
    pub fn term(&self) -> u64 {
        self.node.raft.term
    }

    /// The member that leads the group, as far as this one knows.
    #[must_use]
    pub fn leader(&self) -> Option<u64> {
        Some(self.node.raft.leader_id).filter(|&leader| leader != 0)
    }

    /// Members of the group as of the last entry handed out.
    #[must_use]
    pub fn members(&self) -> &Membership {
        &self.members
    }

    /// Index of the last entry in the log, committed or not.
    #[must_use]
    pub fn last_index(&self) -> u64 {
        self.node.raft.raft_log.last_index()
    }

    /// Index of the last committed entry.
    #[must_use]
    pub fn committed_index(&self) -> u64 {
        self.node.raft.raft_log.committed
    }

    /// Index the caller reported as applied.
    #[must_use]
    pub fn applied_index(&self) -> u64 {
        self.node.raft.raft_log.applied
    }

    /// Index behind which the log begins.
    #[must_use]
    pub fn start_index(&self) -> u64 {
        self.node.store().start_index()
    }

    /// Term of an entry in the log, or of its start.
    #[must_use]
    pub fn term_of(&self, index: u64) -> Option<u64> {
        self.node.raft.raft_log.term(index).ok().filter(|&term| term != 0)
    }

    /// Bytes of entries' data that wait for their commit, on a leader.
    #[must_use]
    pub fn uncommitted_bytes(&self) -> usize {
        self.node.raft.uncommitted_size()
    }

    /// Bytes of entries' data since this replica was made, recovered ones included. Only grows; compare it
    /// with its value at the last snapshot.
    #[must_use]
    pub fn appended_bytes(&self) -> u64 {
        self.appended_bytes
    }

    /// On a leader, how far each other member has come.
    #[must_use]
    pub fn peers(&self) -> Vec<PeerProgress> {
        if !self.is_leader() {
            return Vec::new();
        }
        let mut peers: Vec<PeerProgress> = self
            .node
            .raft
            .prs()
            .iter()
            .filter(|&(&member, _)| member != self.member)
            .map(|(&member, progress)| PeerProgress {
                member,
                matched: progress.matched,
                active: progress.recent_active,
            })
            .collect();
        peers.sort_unstable_by_key(|peer| peer.member);
        peers
    }

    /// Puts a block into the log. The position is its identity: it commits there or never. The caller checks
    /// [`Self::ready_to_lead`].
    pub fn propose(&mut self, data: Bytes) -> Result<Position, ProposeError> {
        assert!(!data.is_empty(), "an empty entry is raft's own");
        self.propose_entry(Entry { data, ..Entry::default() })
    }

    /// Changes the members. One change at a time; several at once go through joint consensus and finish by
    /// themselves.
    pub fn propose_members(&mut self, changes: &[MemberChange]) -> Result<Position, ProposeError> {
        if self.is_leader() && self.node.raft.has_pending_conf() {
            return Err(ProposeError::MembersChanging);
        }
        let mut change = ConfChangeV2::default();
        for step in changes {
            let mut single = ConfChangeSingle::default();
            let (kind, member) = match *step {
                MemberChange::AddVoter(member) => (ConfChangeType::AddNode, member),
                MemberChange::AddLearner(member) => (ConfChangeType::AddLearnerNode, member),
                MemberChange::Remove(member) => (ConfChangeType::RemoveNode, member),
            };
            single.change_type = kind;
            single.node_id = member;
            change.changes.push(single);
        }
        let data = change.write_to_bytes().expect("writing a message into a vector has no failure").into();
        self.propose_entry(Entry { data, entry_type: EntryType::EntryConfChangeV2, ..Entry::default() })
    }

    fn propose_entry(&mut self, entry: Entry) -> Result<Position, ProposeError> {
        // A follower would forward the proposal, and its fate would be unknown.
        if !self.is_leader() {
            return Err(ProposeError::NotLeader { leader: self.leader() });
        }
        let message = Message {
            msg_type: MessageType::MsgPropose,
            from: self.member,
            entries: vec![entry].into(),
            ..Message::default()
        };
        match self.node.raft.step(message) {
            Ok(()) => Ok(Position { term: self.term(), index: self.last_index() }),
            Err(raft::Error::ProposalDropped) => Err(ProposeError::Busy),
            Err(error) => unreachable!("a leader's own proposal: {error}"),
        }
    }

    /// Takes a message from another member. A refused message changes nothing.
    pub fn step(&mut self, message: RaftMessage) -> Result<(), MessageError> {
        message.check(self.member, self.last_index())?;
        match self.node.step(message.0) {
            // A response of a member that is no longer, or not yet, in the group is normal noise.
            Ok(()) | Err(raft::Error::StepPeerNotFound | raft::Error::ProposalDropped) => {}
            Err(error) => unreachable!("raft takes every checked message: {error}"),
        }
        self.after_step();
        Ok(())
    }

    /// One tick of the group's logical clock has passed.
    pub fn tick(&mut self) {
        self.node.tick();
        self.after_step();
    }

    /// Starts an election now.
    pub fn campaign(&mut self) {
        // The only error is that proposals were dropped, which a campaign is not.
        let _ = self.node.campaign();
        self.after_step();
    }

    /// Hands leadership to another member; meanwhile proposals answer busy. Gives up after an election
    /// timeout.
    pub fn transfer_leader(&mut self, member: u64) {
        self.node.transfer_leader(member);
        self.after_step();
    }

    /// A message to this member could not be sent.
    pub fn report_unreachable(&mut self, member: u64) {
        self.node.report_unreachable(member);
    }

    /// How the transfer of a snapshot's state ended that a message announced. Must be called for each such
    /// message, or the member gets nothing more.
    pub fn report_snapshot(&mut self, member: u64, received: bool) {
        let status = if received { SnapshotStatus::Finish } else { SnapshotStatus::Failure };
        self.node.report_snapshot(member, status);
    }

    /// Asks for proof that this member still leads, for reads that wait. One request can serve any number of
    /// them; `context` must not be in use. Answered in [`Outbox::reads`], or never when leadership is lost.
    pub fn read_index(&mut self, context: u64) -> Result<(), ProposeError> {
        if !self.is_leader() {
            return Err(ProposeError::NotLeader { leader: self.leader() });
        }
        let raft = &self.node.raft;
        let before = raft.pending_read_count() + raft.ready_read_count();
        self.node.read_index(context.to_le_bytes().to_vec());
        let raft = &self.node.raft;
        // Raft drops the request without a word when the leader has not committed in its term.
        if raft.pending_read_count() + raft.ready_read_count() > before {
            Ok(())
        } else {
            Err(ProposeError::Busy)
        }
    }

    /// The log confirmed the append of this number, and so all before it.
    pub fn persisted(&mut self, ready_number: u64) {
        while let Some(unpersisted) = self.outstanding.pop_up_to(ready_number) {
            self.node.on_persist_ready(unpersisted.up_to);
            if let Some(index) = unpersisted.snapshot_index {
                self.advance_applied(index);
            }
            self.released.messages.extend(unpersisted.messages);
            self.released.committed.extend(unpersisted.committed);
        }
        self.vote_unpersisted = self.vote_unpersisted.filter(|&number| number > ready_number);
    }

    /// The state machine has applied everything up to `index`.
    pub fn applied_to(&mut self, index: u64) {
        self.advance_applied(index);
        let index = self.applied_index();
        self.node.mut_store().evict(index);
        if self.is_leader()
            && self.led_and_applied_term != self.term()
            && self.term_of(index) == Some(self.term())
        {
            self.led_and_applied_term = self.term();
        }
        self.campaign_if_alone();
    }

    fn advance_applied(&mut self, index: u64) {
        // An installed snapshot counts only once the log has it too; `persisted` comes back to it.
        let index = index.min(self.node.raft.raft_log.persisted);
        if index > self.applied_index() {
            self.node.advance_apply_to(index);
        }
    }

    /// Offers a durable snapshot to members that need entries the log no longer has. `manifest` is small and
    /// opaque: what the receiver's caller needs to fetch the state.
    pub fn set_snapshot(&mut self, meta: &SnapshotMeta, manifest: Bytes) {
        assert!(meta.index <= self.applied_index(), "a snapshot holds applied entries only");
        self.node.mut_store().set_snapshot(meta, manifest);
    }

    /// Drops entries up to a durable snapshot's from the log, by the next append. That one or a newer one
    /// must have been offered.
    pub fn compact(&mut self, snapshot: &SnapshotMeta) {
        let &SnapshotMeta { index, term, ref members } = snapshot;
        let view = self.node.mut_store();
        if index <= view.start_index() {
            return;
        }
        let offered = view.offered_snapshot().expect("compaction needs a durable snapshot");
        assert!(index <= offered.index, "entry {index} is not in the snapshot at {}", offered.index);
        assert_eq!(view.term_of(index), Some(term), "the log holds the snapshot's last entry");
        view.compact(index);
        self.new_start = Some(LogStart { reset: false, index, term, members: members.clone() });
    }

    /// Replaces the election timeout that raft drew from the system's entropy by one drawn from the seed.
    fn after_step(&mut self) {
        let raft = &mut self.node.raft;
        let timeout = self.timeouts.current(raft.term, raft.state);
        if raft.randomized_election_timeout() != timeout {
            raft.set_randomized_election_timeout(timeout);
        }
    }

    /// A lone voter needs no timeout to know that nobody else leads.
    fn campaign_if_alone(&mut self) {
        let alone = self.members.voters == [self.member] && self.members.voters_outgoing.is_empty();
        if alone && !self.is_leader() && self.applied_index() == self.committed_index() {
            self.campaign();
        }
    }
}

#[cfg(test)]
mod tests;
