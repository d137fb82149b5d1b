//! One group: its members, its generation, its phase, and the questions all rules ask of it. Never knows
//! other groups.

use super::{
    describe::GroupState,
    effects::{Joined, JoinedMember, Outbox, Synced},
    error::GroupError,
    limits::{Config, GENERATIONS_RESERVED},
    member::Member,
};
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet};

/// Where a group stands between two generations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// No members.
    Empty,
    /// Members are joining the next generation.
    Preparing { deadline_ms: u64, initial: Option<Initial> },
    /// The generation is complete, its assignment is not durable yet.
    Completing,
    /// Each member may have its assignment.
    Stable,
}

/// A join phase of a group that was empty: it lasts a while, for others to arrive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Initial {
    /// By how much it may still be extended.
    pub(super) remaining_ms: u64,
    /// Someone arrived since the last extension.
    pub(super) member_added: bool,
}

/// The join of a static member that took over its place: answered when that is durable.
#[derive(Clone, Debug)]
pub(super) struct Takeover {
    pub(super) change: u64,
    pub(super) member_id: String,
    pub(super) answer: Joined,
}

#[derive(Clone, Debug)]
pub(super) struct Group {
    pub(super) id: String,
    pub(super) generation: i32,
    pub(super) phase: Phase,
    /// Kept when the group becomes empty; the next first member may bring another one.
    pub(super) protocol_type: String,
    /// None while there are no members, or none that completed a join.
    pub(super) protocol_name: Option<String>,
    pub(super) leader: Option<String>,
    pub(super) members: BTreeMap<String, Member>,
    /// Member ids by instance id.
    pub(super) instances: BTreeMap<String, String>,
    /// Member ids that were given out and have not come back yet, with the time they are given up.
    pub(super) pending: BTreeMap<String, u64>,
    /// Members of this generation that have not synced yet, and the time they are given up.
    pub(super) unsynced: BTreeSet<String>,
    pub(super) sync_deadline_ms: Option<u64>,
    /// The change that carries this generation's assignment, while it is not durable.
    pub(super) assigning: Option<u64>,
    pub(super) takeovers: Vec<Takeover>,
    /// The next generation is at least this one.
    pub(super) generation_floor: i32,
    /// Up to here generations may be told; see `limits::GENERATIONS_RESERVED`.
    pub(super) generation_reserved: i32,
    /// The change that reserves further ones, and up to where.
    pub(super) reserving: Option<(u64, i32)>,
}

impl Group {
    pub(super) fn new(id: &str) -> Group {
        Group {
            id: id.to_owned(),
            generation: 0,
            phase: Phase::Empty,
            protocol_type: String::new(),
            protocol_name: None,
            leader: None,
            members: BTreeMap::new(),
            instances: BTreeMap::new(),
            pending: BTreeMap::new(),
            unsynced: BTreeSet::new(),
            sync_deadline_ms: None,
            assigning: None,
            takeovers: Vec::new(),
            generation_floor: 1,
            // What was never persisted is never restored either, so these need no writing.
            generation_reserved: GENERATIONS_RESERVED,
            reserving: None,
        }
    }

    /// Whether forgetting it would lose nothing: nobody was ever told of a generation.
    pub(super) fn is_nothing(&self) -> bool {
        self.generation == 0 && self.members.is_empty() && self.pending.is_empty()
    }

    pub(super) fn state(&self) -> GroupState {
        match self.phase {
            Phase::Empty => GroupState::Empty,
            Phase::Preparing { .. } => GroupState::PreparingRebalance,
            Phase::Completing => GroupState::CompletingRebalance,
            Phase::Stable => GroupState::Stable,
        }
    }

    pub(super) fn is_leader(&self, member_id: &str) -> bool {
        self.leader.as_deref() == Some(member_id)
    }

    /// How long the slowest member may take to join again.
    pub(super) fn rebalance_timeout_ms(&self) -> u64 {
        self.members.values().map(|member| u64::from(member.rebalance_timeout_ms)).max().unwrap_or(0)
    }

    /// Whether this is a member, under this instance id if it names one.
    pub(super) fn check_member(&self, member_id: &str, instance_id: Option<&str>) -> Result<(), GroupError> {
        if let Some(instance_id) = instance_id {
            let holder = self.instances.get(instance_id).ok_or(GroupError::UnknownMemberId)?;
            if holder != member_id {
                return Err(GroupError::FencedInstanceId);
            }
        }
        if self.members.contains_key(member_id) { Ok(()) } else { Err(GroupError::UnknownMemberId) }
    }

    /// Whether a member with these protocols, other than `member_id` itself, fits to the others.
    pub(super) fn fits(&self, member_id: &str, protocol_type: &str, protocols: &[(String, Bytes)]) -> bool {
        if protocol_type.is_empty() || protocols.is_empty() {
            return false;
        }
        let others = || self.members.values().filter(|member| member.id != member_id);
        if others().next().is_none() {
            return true;
        }
        protocol_type == self.protocol_type
            && protocols.iter().any(|(name, _)| others().all(|member| member.supports(name)))
    }

    /// The protocol all support that most would choose; the leader's order decides between equals.
    pub(super) fn select_protocol(&self) -> Option<String> {
        let leader = self.leader.as_ref().and_then(|id| self.members.get(id))?;
        let common = |name: &str| self.members.values().all(|member| member.supports(name));
        let candidates: Vec<&str> =
            leader.protocols.iter().map(|(name, _)| name.as_str()).filter(|name| common(name)).collect();
        let mut votes = vec![0usize; candidates.len()];
        for member in self.members.values() {
            let wanted = member
                .protocols
                .iter()
                .find_map(|(name, _)| candidates.iter().position(|candidate| candidate == name));
            if let Some(vote) = wanted.and_then(|position| votes.get_mut(position)) {
                *vote += 1;
            }
        }
        let (_, chosen) = votes.iter().zip(&candidates).rev().max_by_key(|(count, _)| **count)?;
        Some((*chosen).to_owned())
    }

    pub(super) fn all_joined(&self) -> bool {
        self.pending.is_empty() && self.members.values().all(|member| member.join_waiter.is_some())
    }

    /// What this member is told of the current generation.
    pub(super) fn joined(&self, member_id: &str) -> Joined {
        let members = if self.is_leader(member_id) { self.joined_members() } else { Vec::new() };
        Joined {
            generation: self.generation,
            protocol_type: self.protocol_type.clone(),
            protocol_name: self.protocol_name.clone().unwrap_or_default(),
            leader: self.leader.clone().unwrap_or_default(),
            member_id: member_id.to_owned(),
            members,
            skip_assignment: false,
        }
    }

    pub(super) fn joined_members(&self) -> Vec<JoinedMember> {
        let protocol = self.protocol_name.as_deref().unwrap_or_default();
        let one = |member: &Member| JoinedMember {
            member_id: member.id.clone(),
            instance_id: member.instance_id.clone(),
            metadata: member.metadata(protocol),
        };
        self.members.values().map(one).collect()
    }

    pub(super) fn synced(&self, member: &Member) -> Synced {
        Synced {
            protocol_type: self.protocol_type.clone(),
            protocol_name: self.protocol_name.clone().unwrap_or_default(),
            assignment: member.assignment.clone(),
        }
    }

    /// Takes a member out; what it waits for ends with this error. `removed` has to follow.
    pub(super) fn take_out(&mut self, member_id: &str, error: GroupError, out: &mut Outbox) -> bool {
        let Some(mut member) = self.members.remove(member_id) else { return false };
        member.refuse(error, out);
        if let Some(instance_id) = &member.instance_id {
            self.instances.remove(instance_id);
        }
        if self.is_leader(member_id) {
            self.leader = self.members.keys().next().cloned();
        }
        true
    }

    /// Members were taken out: the others share their part.
    pub(super) fn removed(&mut self, config: &Config, now_ms: u64, out: &mut Outbox) {
        match self.phase {
            Phase::Empty => {}
            Phase::Preparing { .. } => self.try_complete_join(now_ms, out),
            Phase::Completing | Phase::Stable => self.prepare_rebalance(config, now_ms, out),
        }
    }

    pub(super) fn no_longer_unsynced(&mut self, member_id: &str) {
        self.unsynced.remove(member_id);
        if self.unsynced.is_empty() {
            self.sync_deadline_ms = None;
        }
    }

    /// The coordinator gives the group up: everyone who waits is told so.
    pub(super) fn refuse_all(&mut self, error: GroupError, out: &mut Outbox) {
        for member in self.members.values_mut() {
            member.refuse(error, out);
        }
    }
}
