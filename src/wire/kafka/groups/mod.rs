//! The coordinator of consumer groups, by Kafka's classic protocol: who is in a group, which generation it is
//! in, what each member was assigned. Decides only: requests and the time go in, answers and changes to be
//! persisted come out. Never knows sockets, wire versions, clocks, rows, offsets.
//!
//! In reading order: `requests` and `effects`, what goes in and out; `group` and `member`, what is held;
//! `join`, `rebalance`, `sync`, a generation's way; `presence`, heartbeats, commits and leaves; `timers`,
//! what happens when nobody speaks; `state`, a group as it is persisted; `describe`, for operators; `limits`
//! and `error`.
//!
//! The shell's part: it calls one method for each request, then takes the effects by `drain` and carries them
//! out in order; it makes the changes durable in the order given and reports each by `persisted`; it calls
//! `tick` at `next_deadline_ms`. Every waiter gets exactly one answer. A connection that closes is no leave:
//! the answer to its waiter is thrown away. Each life of the coordinator has its own `Groups`: reports on
//! changes of an earlier one must not reach it.

mod describe;
mod effects;
mod error;
mod group;
mod join;
pub mod limits;
mod member;
mod presence;
mod rebalance;
mod requests;
mod state;
mod sync;
mod timers;

#[cfg(test)]
mod tests;

pub use describe::{Description, GroupState, Listed, MemberDescription};
pub use effects::{Effect, JoinError, Joined, JoinedMember, Left, Synced};
pub use error::{GroupError, StateError};
pub use limits::Config;
pub use requests::{Identity, JoinGroup, Leaving, SyncGroup};

use effects::Outbox;
use group::Group;
use join::Arrival;
use rustc_hash::FxHashMap;
use std::collections::BTreeSet;

/// All groups this node coordinates.
#[derive(Debug, Default)]
pub struct Groups {
    config: Config,
    groups: FxHashMap<String, Entry>,
    /// Which group is to be looked at when. May be earlier than needed, never later.
    deadlines: BTreeSet<(u64, String)>,
    out: Outbox,
}

#[derive(Debug)]
struct Entry {
    group: Group,
    /// Where it stands in `deadlines`.
    deadline_ms: Option<u64>,
}

impl Groups {
    pub fn new(config: Config) -> Groups {
        Groups { config, ..Groups::default() }
    }

    /// What is to be done, since the last call.
    pub fn drain(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.out.effects)
    }

    /// `suffix` is random; it becomes part of the member id, if one is given.
    pub fn join(&mut self, request: JoinGroup, suffix: u128, waiter: u64, now_ms: u64) {
        if let Err(error) = self.make_room(&request) {
            return self.out.not_joined(waiter, error, &request.member_id);
        }
        let Some(entry) = self.groups.get_mut(&request.group) else {
            return self.out.not_joined(waiter, GroupError::UnknownMemberId, &request.member_id);
        };
        let arrival = Arrival { config: &self.config, suffix, waiter, now_ms };
        entry.group.join(&request, &arrival, &mut self.out);
        self.settle(&request.group);
    }

    pub fn sync(&mut self, request: SyncGroup, waiter: u64, now_ms: u64) {
        if let Err(error) = join::check_group_id(&request.group) {
            return self.out.synced(waiter, Err(error));
        }
        let Some(entry) = self.groups.get_mut(&request.group) else {
            return self.out.synced(waiter, Err(GroupError::UnknownMemberId));
        };
        entry.group.sync(&request, waiter, now_ms, &mut self.out);
        self.settle(&request.group);
    }

    pub fn heartbeat(&mut self, identity: &Identity, waiter: u64, now_ms: u64) {
        // It only puts deadlines off, so the group's place in `deadlines` stays right.
        let result = join::check_group_id(&identity.group).and_then(|()| {
            let entry = self.groups.get_mut(&identity.group).ok_or(GroupError::UnknownMemberId)?;
            entry.group.heartbeat(identity, now_ms)
        });
        self.out.effects.push(Effect::Answer { waiter, result });
    }

    pub fn leave(&mut self, group: &str, leaving: Vec<Leaving>, waiter: u64, now_ms: u64) {
        let members = match (join::check_group_id(group), self.groups.get_mut(group)) {
            (Ok(()), Some(entry)) => entry.group.leave(leaving, &self.config, now_ms, &mut self.out),
            (checked, _) => {
                let error = checked.err().unwrap_or(GroupError::UnknownMemberId);
                let refused = |one: Leaving| Left {
                    member_id: one.member_id,
                    instance_id: one.instance_id,
                    result: Err(error),
                };
                leaving.into_iter().map(refused).collect()
            }
        };
        self.out.effects.push(Effect::Left { waiter, members });
        self.settle(group);
    }

    /// Whether offsets may be committed. A negative generation is that of a consumer without a group's
    /// protocol, or of an operator: allowed while the group has no members.
    pub fn check_commit(&mut self, identity: &Identity, now_ms: u64) -> Result<(), GroupError> {
        join::check_group_id(&identity.group)?;
        match self.groups.get_mut(&identity.group) {
            Some(entry) => entry.group.check_commit(identity, now_ms),
            None if identity.generation < 0 => Ok(()),
            None => Err(GroupError::IllegalGeneration),
        }
    }

    /// None for a group that is not here, which the protocol calls "Dead".
    pub fn describe(&self, group: &str) -> Option<Description> {
        self.groups.get(group).map(|entry| entry.group.describe())
    }

    /// By name, so that the order is always the same.
    pub fn list(&self) -> Vec<Listed> {
        let mut all: Vec<Listed> = self.groups.values().map(|entry| entry.group.listed()).collect();
        all.sort_by(|left, right| left.group.cmp(&right.group));
        all
    }

    /// Forgets a group without members. Whether it has offsets is the shell's to know, and to delete.
    pub fn delete(&mut self, group: &str) -> Result<(), GroupError> {
        join::check_group_id(group)?;
        let entry = self.groups.get(group).ok_or(GroupError::GroupIdNotFound)?;
        if !entry.group.members.is_empty() {
            return Err(GroupError::NonEmptyGroup);
        }
        self.remove(group);
        self.out.persist(group, None);
        Ok(())
    }

    /// A change is durable, or could not be made so.
    pub fn persisted(&mut self, group: &str, change: u64, ok: bool, now_ms: u64) {
        let Some(entry) = self.groups.get_mut(group) else { return };
        let held = &mut entry.group;
        if held.assigning == Some(change) {
            held.assigned(ok, &self.config, now_ms, &mut self.out);
        } else if let Some((_, reserved)) = held.reserving.filter(|(reserving, _)| *reserving == change) {
            held.reserved(reserved, ok, now_ms, &mut self.out);
        } else if let Some(position) = held.takeovers.iter().position(|one| one.change == change) {
            let takeover = held.takeovers.remove(position);
            let arrival = Arrival { config: &self.config, suffix: 0, waiter: 0, now_ms };
            held.took_over(takeover, ok, &arrival, &mut self.out);
        }
        self.settle(group);
    }

    /// Brings a group back from its persisted state; its members go on as if nothing had been.
    pub fn restore(&mut self, group: &str, state: &[u8], now_ms: u64) -> Result<(), StateError> {
        join::check_group_id(group).map_err(|_| StateError::GroupId)?;
        if self.groups.contains_key(group) {
            return Err(StateError::AlreadyHere(group.to_owned()));
        }
        if self.groups.len() >= self.config.groups_max {
            return Err(StateError::TooManyGroups);
        }
        let restored = state::read(group, state, now_ms)?;
        self.groups.insert(group.to_owned(), Entry { group: restored, deadline_ms: None });
        self.settle(group);
        Ok(())
    }

    /// This node no longer coordinates the group: whoever waits is told so, nothing is persisted.
    pub fn hand_over(&mut self, group: &str) {
        if let Some(mut group) = self.remove(group) {
            group.refuse_all(GroupError::NotCoordinator, &mut self.out);
        }
    }

    /// Ends what is over by now.
    pub fn tick(&mut self, now_ms: u64) {
        let mut due = Vec::new();
        while let Some((deadline_ms, group)) = self.deadlines.pop_first() {
            if deadline_ms > now_ms {
                self.deadlines.insert((deadline_ms, group));
                break;
            }
            due.push(group);
        }
        for group in due {
            if let Some(entry) = self.groups.get_mut(&group) {
                entry.deadline_ms = None;
                entry.group.tick(&self.config, now_ms, &mut self.out);
            }
            self.settle(&group);
        }
    }

    /// When `tick` is due. It may turn out to have nothing to do: heartbeats put deadlines off.
    pub fn next_deadline_ms(&self) -> Option<u64> {
        self.deadlines.first().map(|(deadline_ms, _)| *deadline_ms)
    }

    /// A group comes into being with its first member, if the request is one that could be its first.
    fn make_room(&mut self, request: &JoinGroup) -> Result<(), GroupError> {
        join::check(request, &self.config)?;
        if self.groups.contains_key(&request.group) {
            return Ok(());
        }
        if !request.member_id.is_empty() {
            return Err(GroupError::UnknownMemberId);
        }
        if self.groups.len() >= self.config.groups_max {
            return Err(GroupError::GroupMaxSizeReached);
        }
        let entry = Entry { group: Group::new(&request.group), deadline_ms: None };
        self.groups.insert(request.group.clone(), entry);
        Ok(())
    }

    /// After each change: a group of which nothing is left goes, any other is put where its next deadline is.
    fn settle(&mut self, group: &str) {
        let Some(entry) = self.groups.get_mut(group) else { return };
        if entry.group.is_nothing() {
            self.remove(group);
            return;
        }
        let deadline_ms = entry.group.next_deadline_ms();
        if entry.deadline_ms == deadline_ms {
            return;
        }
        if let Some(before_ms) = entry.deadline_ms {
            self.deadlines.remove(&(before_ms, group.to_owned()));
        }
        entry.deadline_ms = deadline_ms;
        self.deadlines.extend(deadline_ms.map(|deadline_ms| (deadline_ms, group.to_owned())));
    }

    fn remove(&mut self, group: &str) -> Option<Group> {
        let entry = self.groups.remove(group)?;
        if let Some(deadline_ms) = entry.deadline_ms {
            self.deadlines.remove(&(deadline_ms, group.to_owned()));
        }
        Some(entry.group)
    }
}
