//! What happens when nobody speaks: sessions end, phases end. Time comes in, no clock is read here.

use super::{
    effects::Outbox,
    error::GroupError,
    group::{Group, Phase},
    limits::Config,
};

impl Group {
    pub(super) fn tick(&mut self, config: &Config, now_ms: u64, out: &mut Outbox) {
        let pending_before = self.pending.len();
        self.pending.retain(|_, deadline_ms| *deadline_ms > now_ms);
        let is_over = |deadline_ms: Option<u64>| deadline_ms.is_some_and(|deadline_ms| deadline_ms <= now_ms);
        let mut gone: Vec<String> = self
            .members
            .values()
            .filter(|member| is_over(member.expires_ms()))
            .map(|member| member.id.clone())
            .collect();
        if is_over(self.sync_deadline_ms) {
            gone.extend(std::mem::take(&mut self.unsynced));
            self.sync_deadline_ms = None;
        }
        let mut any_gone = false;
        for member_id in gone {
            any_gone |= self.take_out(&member_id, GroupError::UnknownMemberId, out);
        }
        if any_gone {
            self.removed(config, now_ms, out);
        } else if self.pending.len() < pending_before {
            self.try_complete_join(now_ms, out);
        }
        if let Phase::Preparing { deadline_ms, .. } = self.phase
            && deadline_ms <= now_ms
        {
            self.join_phase_expired(config, now_ms, out);
        }
    }

    /// When `tick` has something to do.
    pub(super) fn next_deadline_ms(&self) -> Option<u64> {
        let members = self.members.values().filter_map(|member| member.expires_ms());
        let phase = match self.phase {
            Phase::Preparing { deadline_ms, .. } => Some(deadline_ms),
            _ => None,
        };
        members.chain(self.pending.values().copied()).chain(phase).chain(self.sync_deadline_ms).min()
    }
}
