//! A generation's assignment: the leader brings it, it is made durable, then each member is told its part.
//! Never knows how it is made durable.

use super::{
    effects::{Outbox, Synced},
    error::GroupError,
    group::{Group, Phase},
    limits::{self, Config, GENERATIONS_RESERVED},
    requests::SyncGroup,
    state,
};
use bytes::Bytes;
use std::collections::BTreeMap;

impl Group {
    pub(super) fn sync(&mut self, request: &SyncGroup, waiter: u64, now_ms: u64, out: &mut Outbox) {
        match self.sync_or_wait(request, waiter, now_ms, out) {
            Ok(None) => {}
            Ok(Some(synced)) => out.synced(waiter, Ok(synced)),
            Err(error) => out.synced(waiter, Err(error)),
        }
    }

    fn sync_or_wait(
        &mut self,
        request: &SyncGroup,
        waiter: u64,
        now_ms: u64,
        out: &mut Outbox,
    ) -> Result<Option<Synced>, GroupError> {
        self.check_member(&request.member_id, request.instance_id.as_deref())?;
        if request.generation != self.generation {
            return Err(GroupError::IllegalGeneration);
        }
        let differs = |asked: &Option<String>, ours: Option<&str>| {
            asked.as_deref().is_some_and(|asked| ours.is_some_and(|ours| ours != asked))
        };
        if differs(&request.protocol_type, Some(&self.protocol_type))
            || differs(&request.protocol_name, self.protocol_name.as_deref())
        {
            return Err(GroupError::InconsistentGroupProtocol);
        }
        match self.phase {
            Phase::Empty => return Err(GroupError::UnknownMemberId),
            Phase::Preparing { .. } => return Err(GroupError::RebalanceInProgress),
            Phase::Completing | Phase::Stable => {}
        }
        // A generation has one assignment: the first its leader brought, until a rebalance follows.
        let assigns =
            self.phase == Phase::Completing && self.assigning.is_none() && self.is_leader(&request.member_id);
        if assigns {
            check_sizes(&request.assignments)?;
        }
        self.no_longer_unsynced(&request.member_id);
        let Some(member) = self.members.get_mut(&request.member_id) else {
            return Err(GroupError::UnknownMemberId);
        };
        // One whose join was lost and who speaks all the same has proven that it knows its id.
        member.is_new = false;
        member.alive(now_ms);
        if self.phase == Phase::Stable {
            return Ok(self.members.get(&request.member_id).map(|member| self.synced(member)));
        }
        member.waits_for_sync(waiter, out);
        if assigns {
            self.assign(&request.assignments, out);
        }
        Ok(None)
    }

    /// Members the leader left out get an empty assignment; those it made up get none.
    fn assign(&mut self, assignments: &[(String, Bytes)], out: &mut Outbox) {
        let by_id: BTreeMap<&str, &Bytes> =
            assignments.iter().map(|(member_id, assignment)| (member_id.as_str(), assignment)).collect();
        for member in self.members.values_mut() {
            member.assignment = by_id.get(member.id.as_str()).copied().cloned().unwrap_or_default();
        }
        self.assigning = Some(out.persist(&self.id, Some(state::write(self))));
    }

    /// The assignment is durable, or is not.
    pub(super) fn assigned(&mut self, ok: bool, config: &Config, now_ms: u64, out: &mut Outbox) {
        self.assigning = None;
        if ok {
            self.phase = Phase::Stable;
            let reserved = self.generation.saturating_add(GENERATIONS_RESERVED);
            self.generation_reserved = self.generation_reserved.max(reserved);
        }
        let ids: Vec<String> = self.members.keys().cloned().collect();
        for member_id in ids {
            let synced = self.members.get(&member_id).map(|member| self.synced(member));
            let Some(member) = self.members.get_mut(&member_id) else { continue };
            if member.sync_waiter.is_some() {
                member.alive(now_ms);
            }
            let result = synced.filter(|_| ok).ok_or(GroupError::CoordinatorNotAvailable);
            member.answer_sync(result, out);
        }
        if !ok {
            self.prepare_rebalance(config, now_ms, out);
        }
    }
}

fn check_sizes(assignments: &[(String, Bytes)]) -> Result<(), GroupError> {
    let mut all_bytes = 0usize;
    for (_, assignment) in assignments {
        all_bytes = all_bytes.saturating_add(assignment.len());
        if assignment.len() > limits::ASSIGNMENT_BYTES_MAX || all_bytes > limits::GROUP_BYTES_MAX {
            return Err(GroupError::InvalidRequest);
        }
    }
    Ok(())
}
