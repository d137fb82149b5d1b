//! From one generation to the next: the join phase is opened, completed, given up. Never knows requests.

use super::{
    effects::Outbox,
    error::GroupError,
    group::{Group, Initial, Phase},
    limits::{Config, GENERATIONS_RESERVED},
    state,
};
use bytes::Bytes;

impl Group {
    /// Opens a join phase. Syncs of the generation that ends are told to join again.
    pub(super) fn prepare_rebalance(&mut self, config: &Config, now_ms: u64, out: &mut Outbox) {
        if self.phase == Phase::Completing {
            for member in self.members.values_mut() {
                member.assignment = Bytes::new();
                if member.sync_waiter.is_some() {
                    member.alive(now_ms);
                }
                member.answer_sync(Err(GroupError::RebalanceInProgress), out);
            }
        }
        // A change still on its way may become durable: it only says what nobody was told.
        self.assigning = None;
        // These members wait for a join: the next generation answers them.
        self.takeovers.clear();
        self.unsynced.clear();
        self.sync_deadline_ms = None;
        let timeout_ms = self.rebalance_timeout_ms();
        if self.phase != Phase::Empty {
            let deadline_ms = now_ms.saturating_add(timeout_ms);
            self.phase = Phase::Preparing { deadline_ms, initial: None };
            return self.try_complete_join(now_ms, out);
        }
        let delay_ms = u64::from(config.initial_rebalance_delay_ms).min(timeout_ms);
        let initial = Initial { remaining_ms: timeout_ms - delay_ms, member_added: false };
        self.phase =
            Phase::Preparing { deadline_ms: now_ms.saturating_add(delay_ms), initial: Some(initial) };
        if delay_ms == 0 {
            self.complete_join(now_ms, out);
        }
    }

    /// Completes the join phase when there is nobody to wait for. The first phase always lasts its time.
    pub(super) fn try_complete_join(&mut self, now_ms: u64, out: &mut Outbox) {
        if matches!(self.phase, Phase::Preparing { initial: None, .. }) && self.all_joined() {
            self.complete_join(now_ms, out);
        }
    }

    /// The join phase's time is over: it is extended if it may be, completed otherwise.
    pub(super) fn join_phase_expired(&mut self, config: &Config, now_ms: u64, out: &mut Outbox) {
        if let Phase::Preparing { deadline_ms, initial: Some(initial) } = &mut self.phase
            && initial.member_added
            && initial.remaining_ms > 0
        {
            let delay_ms = u64::from(config.initial_rebalance_delay_ms).min(initial.remaining_ms);
            initial.member_added = false;
            initial.remaining_ms -= delay_ms;
            // From the deadline, not from now: late ticks must not stretch the bound.
            *deadline_ms = deadline_ms.saturating_add(delay_ms).max(now_ms.saturating_add(1));
            return;
        }
        self.complete_join(now_ms, out);
    }

    /// Starts the next generation with whoever joined. Static members keep their place until their session
    /// ends, others lose it.
    fn complete_join(&mut self, now_ms: u64, out: &mut Outbox) {
        let absent: Vec<String> = self
            .members
            .values()
            .filter(|member| member.join_waiter.is_none() && !member.is_static())
            .map(|member| member.id.clone())
            .collect();
        for member_id in absent {
            self.take_out(&member_id, GroupError::UnknownMemberId, out);
        }
        if !self.elect_leader() {
            // Only static members are left and none is here: one of them returns or all sessions end.
            let deadline_ms = now_ms.saturating_add(self.rebalance_timeout_ms());
            self.phase = Phase::Preparing { deadline_ms, initial: None };
            return;
        }
        self.unsynced.clear();
        self.sync_deadline_ms = None;
        if self.members.is_empty() {
            return self.became_empty(out);
        }
        let next = self.next_generation();
        if next > self.generation_reserved {
            return self.reserve_generations(next, now_ms, out);
        }
        self.generation = next;
        self.protocol_name = self.select_protocol();
        self.phase = Phase::Completing;
        self.unsynced.extend(self.members.keys().cloned());
        self.sync_deadline_ms = Some(now_ms.saturating_add(self.rebalance_timeout_ms()));
        self.answer_joins(now_ms, out);
    }

    fn became_empty(&mut self, out: &mut Outbox) {
        self.phase = Phase::Empty;
        self.protocol_name = None;
        self.leader = None;
        // A group nobody was told a generation of leaves no trace.
        if self.generation > 0 {
            self.generation = self.next_generation();
            out.persist(&self.id, Some(state::write(self)));
        }
    }

    /// Past the last number the generations begin anew; nobody holds one that old.
    fn next_generation(&self) -> i32 {
        self.generation.checked_add(1).unwrap_or(1).max(self.generation_floor)
    }

    /// No generation is told that a restored group might tell again: the next ones are reserved first. What
    /// is written has no members. Were it restored, they would have to join anew, which they are doing now.
    fn reserve_generations(&mut self, next: i32, now_ms: u64, out: &mut Outbox) {
        let deadline_ms = now_ms.saturating_add(self.rebalance_timeout_ms());
        self.phase = Phase::Preparing { deadline_ms, initial: None };
        if self.reserving.is_none() {
            let reserved = next.saturating_add(GENERATIONS_RESERVED);
            let state = state::write_reservation(self, reserved);
            self.reserving = Some((out.persist(&self.id, Some(state)), reserved));
        }
    }

    /// The reservation is durable, or is not.
    pub(super) fn reserved(&mut self, reserved: i32, ok: bool, now_ms: u64, out: &mut Outbox) {
        self.reserving = None;
        if !matches!(self.phase, Phase::Preparing { .. }) {
            return;
        }
        if ok {
            self.generation_reserved = reserved;
            return self.complete_join(now_ms, out);
        }
        for member in self.members.values_mut() {
            if !member.is_new {
                member.alive(now_ms);
            }
            member.refuse(GroupError::CoordinatorNotAvailable, out);
        }
    }

    fn answer_joins(&mut self, now_ms: u64, out: &mut Outbox) {
        let ids: Vec<String> = self.members.keys().cloned().collect();
        for member_id in ids {
            let answer = self.joined(&member_id);
            let Some(member) = self.members.get_mut(&member_id) else { continue };
            member.assignment = Bytes::new();
            let Some(waiter) = member.join_waiter.take() else { continue };
            member.is_new = false;
            member.alive(now_ms);
            out.joined(waiter, answer);
        }
    }

    /// The leader is one who joined; the present one stays if it did. False when members are left and none
    /// of them joined.
    fn elect_leader(&mut self) -> bool {
        let joined = |id: &String| self.members.get(id).is_some_and(|member| member.join_waiter.is_some());
        if !self.leader.as_ref().is_some_and(joined) {
            let found = self.members.values().find(|member| member.join_waiter.is_some());
            let Some(found) = found else { return self.members.is_empty() };
            self.leader = Some(found.id.clone());
        }
        true
    }
}
