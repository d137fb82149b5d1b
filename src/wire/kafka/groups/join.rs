//! A member joins: as a new one, as a known one, or as a static one that takes its place over. Never knows
//! when the join phase ends.

use super::{
    effects::Outbox,
    error::GroupError,
    group::{Group, Phase, Takeover},
    limits::{self, Config, REBALANCE_TIMEOUT_MIN_MS},
    member::{Member, bytes_of},
    requests::JoinGroup,
    state,
};
use bytes::Bytes;

/// What a join needs besides its request.
pub(super) struct Arrival<'a> {
    pub(super) config: &'a Config,
    /// The random part of the member id, should one be given.
    pub(super) suffix: u128,
    pub(super) waiter: u64,
    pub(super) now_ms: u64,
}

/// What can be refused without looking at the group.
pub(super) fn check(request: &JoinGroup, config: &Config) -> Result<(), GroupError> {
    check_group_id(&request.group)?;
    let timeout_ms = u32::try_from(request.session_timeout_ms).unwrap_or(0);
    if !(config.session_timeout_min_ms..=config.session_timeout_max_ms).contains(&timeout_ms) {
        return Err(GroupError::InvalidSessionTimeout);
    }
    let instance_id = request.instance_id.as_deref();
    let names_fit = request.protocols.iter().all(|(name, _)| name.len() <= limits::PROTOCOL_NAME_BYTES_MAX);
    let fits = request.client_id.len() <= limits::CLIENT_ID_BYTES_MAX
        && request.client_host.len() <= limits::CLIENT_HOST_BYTES_MAX
        && instance_id.is_none_or(|id| !id.is_empty() && id.len() <= limits::INSTANCE_ID_BYTES_MAX)
        && request.protocol_type.len() <= limits::PROTOCOL_NAME_BYTES_MAX
        && request.protocols.len() <= limits::PROTOCOLS_MAX
        && names_fit
        && bytes_of(&request.protocols) <= limits::METADATA_BYTES_MAX;
    if fits { Ok(()) } else { Err(GroupError::InvalidRequest) }
}

pub(super) fn check_group_id(group: &str) -> Result<(), GroupError> {
    let fits = !group.is_empty() && group.len() <= limits::GROUP_ID_BYTES_MAX;
    if fits { Ok(()) } else { Err(GroupError::InvalidGroupId) }
}

impl Group {
    pub(super) fn join(&mut self, request: &JoinGroup, arrival: &Arrival<'_>, out: &mut Outbox) {
        let result = self.join_or_refuse(request, arrival, out);
        if let Err((error, member_id)) = result {
            out.not_joined(arrival.waiter, error, &member_id);
        }
    }

    fn join_or_refuse(
        &mut self,
        request: &JoinGroup,
        arrival: &Arrival<'_>,
        out: &mut Outbox,
    ) -> Result<(), (GroupError, String)> {
        let refuse = |error| (error, request.member_id.clone());
        let own_id = match &request.instance_id {
            Some(instance_id) if request.member_id.is_empty() => {
                self.instances.get(instance_id).cloned().unwrap_or_default()
            }
            _ => request.member_id.clone(),
        };
        if !self.fits(&own_id, &request.protocol_type, &request.protocols) {
            return Err(refuse(GroupError::InconsistentGroupProtocol));
        }
        let others = self.members.values().filter(|member| member.id != own_id);
        let others_bytes: usize = others.map(Member::metadata_bytes).sum();
        if others_bytes.saturating_add(bytes_of(&request.protocols)) > limits::GROUP_BYTES_MAX {
            return Err(refuse(GroupError::GroupMaxSizeReached));
        }
        if request.member_id.is_empty() {
            return self.join_without_id(request, &own_id, arrival, out);
        }
        if self.pending.contains_key(&request.member_id) && request.instance_id.is_none() {
            self.pending.remove(&request.member_id);
            self.add(request, request.member_id.clone(), arrival, out);
            return Ok(());
        }
        self.check_member(&request.member_id, request.instance_id.as_deref()).map_err(refuse)?;
        self.join_again(request, arrival, out).map_err(refuse)
    }

    fn join_without_id(
        &mut self,
        request: &JoinGroup,
        replaced_id: &str,
        arrival: &Arrival<'_>,
        out: &mut Outbox,
    ) -> Result<(), (GroupError, String)> {
        let first_part = request.instance_id.as_ref().unwrap_or(&request.client_id);
        let member_id = format!("{first_part}-{:032x}", arrival.suffix);
        if self.members.contains_key(&member_id) || self.pending.contains_key(&member_id) {
            // Another suffix will do.
            return Err((GroupError::CoordinatorNotAvailable, String::new()));
        }
        if !replaced_id.is_empty() {
            self.take_over(request, replaced_id, member_id, arrival, out);
            return Ok(());
        }
        if self.members.len() + self.pending.len() >= arrival.config.members_max {
            return Err((GroupError::GroupMaxSizeReached, String::new()));
        }
        if request.requires_known_member_id && request.instance_id.is_none() {
            let timeout_ms = u64::try_from(request.session_timeout_ms).unwrap_or(0);
            self.pending.insert(member_id.clone(), arrival.now_ms.saturating_add(timeout_ms));
            return Err((GroupError::MemberIdRequired, member_id));
        }
        self.add(request, member_id, arrival, out);
        Ok(())
    }

    fn add(&mut self, request: &JoinGroup, member_id: String, arrival: &Arrival<'_>, out: &mut Outbox) {
        let mut member = Member {
            id: member_id.clone(),
            instance_id: request.instance_id.clone(),
            client_id: String::new(),
            client_host: String::new(),
            session_timeout_ms: 0,
            rebalance_timeout_ms: 0,
            protocols: Vec::new(),
            assignment: Bytes::new(),
            join_waiter: Some(arrival.waiter),
            sync_waiter: None,
            is_new: true,
            deadline_ms: 0,
        };
        update(&mut member, request, arrival.now_ms);
        if self.members.is_empty() {
            self.protocol_type.clone_from(&request.protocol_type);
        }
        if let Some(instance_id) = &member.instance_id {
            self.instances.insert(instance_id.clone(), member_id.clone());
        }
        self.leader.get_or_insert_with(|| member_id.clone());
        self.members.insert(member_id, member);
        match &mut self.phase {
            Phase::Preparing { initial, .. } => {
                if let Some(initial) = initial {
                    initial.member_added = true;
                }
                self.try_complete_join(arrival.now_ms, out);
            }
            _ => self.prepare_rebalance(arrival.config, arrival.now_ms, out),
        }
    }

    /// A member joins under the id it has. Without any change in the group it is told again what it missed.
    fn join_again(
        &mut self,
        request: &JoinGroup,
        arrival: &Arrival<'_>,
        out: &mut Outbox,
    ) -> Result<(), GroupError> {
        let is_leader = self.is_leader(&request.member_id);
        let alone = self.members.len() == 1;
        let same_type = self.protocol_type == request.protocol_type;
        let member = self.members.get_mut(&request.member_id).ok_or(GroupError::UnknownMemberId)?;
        let unchanged = same_type && member.protocols == request.protocols;
        let missed_answer = match self.phase {
            Phase::Empty => return Err(GroupError::UnknownMemberId),
            Phase::Preparing { .. } => false,
            Phase::Completing => unchanged,
            // A leader that joins again asks for a rebalance: what it sees has changed.
            Phase::Stable => unchanged && !is_leader,
        };
        update(member, request, arrival.now_ms);
        if alone {
            self.protocol_type.clone_from(&request.protocol_type);
        }
        if missed_answer && member.join_waiter.is_none() {
            // One that never got its first answer is heard of now.
            member.is_new = false;
            member.alive(arrival.now_ms);
            out.joined(arrival.waiter, self.joined(&request.member_id));
            return Ok(());
        }
        member.waits_for_join(arrival.waiter, out);
        match self.phase {
            Phase::Preparing { .. } => self.try_complete_join(arrival.now_ms, out),
            _ => self.prepare_rebalance(arrival.config, arrival.now_ms, out),
        }
        Ok(())
    }

    /// A static member was started anew: it gets its earlier place under a new id, and the earlier one, if it
    /// still runs, is fenced. A stable group goes on without a rebalance.
    fn take_over(
        &mut self,
        request: &JoinGroup,
        replaced_id: &str,
        member_id: String,
        arrival: &Arrival<'_>,
        out: &mut Outbox,
    ) {
        let Some(mut member) = self.members.remove(replaced_id) else { return };
        member.refuse(GroupError::FencedInstanceId, out);
        let was_leader = self.is_leader(replaced_id);
        let leader_before = self.leader.clone().unwrap_or_default();
        member.id.clone_from(&member_id);
        // It does not know its id until it is answered, but its session has always run.
        member.is_new = false;
        member.join_waiter = Some(arrival.waiter);
        update(&mut member, request, arrival.now_ms);
        if let Some(instance_id) = &member.instance_id {
            self.instances.insert(instance_id.clone(), member_id.clone());
        }
        if was_leader {
            self.leader = Some(member_id.clone());
        }
        if self.unsynced.remove(replaced_id) {
            self.unsynced.insert(member_id.clone());
        }
        if self.members.is_empty() {
            self.protocol_type.clone_from(&request.protocol_type);
        }
        self.members.insert(member_id.clone(), member);
        match self.phase {
            Phase::Preparing { .. } => self.try_complete_join(arrival.now_ms, out),
            Phase::Stable if self.select_protocol() == self.protocol_name => {
                let mut answer = self.joined(&member_id);
                if was_leader && request.supports_skip_assignment {
                    answer.skip_assignment = true;
                } else {
                    // Named as leader it would assign, and a stable group would not pass that on.
                    answer.leader = leader_before;
                    answer.members = Vec::new();
                }
                let change = out.persist(&self.id, Some(state::write(self)));
                self.takeovers.push(Takeover { change, member_id, answer });
            }
            _ => self.prepare_rebalance(arrival.config, arrival.now_ms, out),
        }
    }

    /// Whether the place a static member took over is durable.
    pub(super) fn took_over(
        &mut self,
        takeover: Takeover,
        ok: bool,
        arrival: &Arrival<'_>,
        out: &mut Outbox,
    ) {
        let Some(member) = self.members.get_mut(&takeover.member_id) else { return };
        member.alive(arrival.now_ms);
        if ok {
            if let Some(waiter) = member.join_waiter.take() {
                out.joined(waiter, takeover.answer);
            }
            return;
        }
        member.refuse(GroupError::CoordinatorNotAvailable, out);
        self.prepare_rebalance(arrival.config, arrival.now_ms, out);
    }
}

fn update(member: &mut Member, request: &JoinGroup, now_ms: u64) {
    let milliseconds = |value: i32| u32::try_from(value).unwrap_or(0);
    member.session_timeout_ms = milliseconds(request.session_timeout_ms);
    member.rebalance_timeout_ms = milliseconds(request.rebalance_timeout_ms).max(REBALANCE_TIMEOUT_MIN_MS);
    member.protocols.clone_from(&request.protocols);
    member.client_id.clone_from(&request.client_id);
    member.client_host.clone_from(&request.client_host);
    member.alive(now_ms);
}
