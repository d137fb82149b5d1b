//! Signs of life and of departure: heartbeats, commits, leaves. Never knows offsets.

use super::{
    effects::{Left, Outbox},
    error::GroupError,
    group::{Group, Phase},
    limits::Config,
    requests::{Identity, Leaving},
};

impl Group {
    /// During a join phase the answer calls the member to join; while the assignment is on its way it does
    /// not, for the member is waiting for just that.
    pub(super) fn heartbeat(&mut self, identity: &Identity, now_ms: u64) -> Result<(), GroupError> {
        self.sign_of_life(identity, now_ms)?;
        if matches!(self.phase, Phase::Preparing { .. }) {
            return Err(GroupError::RebalanceInProgress);
        }
        Ok(())
    }

    /// Whether offsets may be committed. Outside a group's generations only while it has no members.
    /// During a join phase members may still commit what they did: a rebalance begins with that.
    pub(super) fn check_commit(&mut self, identity: &Identity, now_ms: u64) -> Result<(), GroupError> {
        if identity.generation < 0 && self.members.is_empty() {
            return Ok(());
        }
        self.sign_of_life(identity, now_ms)?;
        if self.phase == Phase::Completing {
            return Err(GroupError::RebalanceInProgress);
        }
        Ok(())
    }

    fn sign_of_life(&mut self, identity: &Identity, now_ms: u64) -> Result<(), GroupError> {
        self.check_member(&identity.member_id, identity.instance_id.as_deref())?;
        if identity.generation != self.generation {
            return Err(GroupError::IllegalGeneration);
        }
        let member = self.members.get_mut(&identity.member_id).ok_or(GroupError::UnknownMemberId)?;
        // A new member keeps its own, longer deadline.
        if !member.is_new {
            member.alive(now_ms);
        }
        Ok(())
    }

    pub(super) fn leave(
        &mut self,
        leaving: Vec<Leaving>,
        config: &Config,
        now_ms: u64,
        out: &mut Outbox,
    ) -> Vec<Left> {
        let mut members_left = false;
        let mut results = Vec::with_capacity(leaving.len());
        for one in leaving {
            let result = self.leave_one(&one, &mut members_left, out);
            results.push(Left { member_id: one.member_id, instance_id: one.instance_id, result });
        }
        if members_left {
            self.removed(config, now_ms, out);
        } else {
            // A member id given out may have been all the join phase waited for.
            self.try_complete_join(now_ms, out);
        }
        results
    }

    fn leave_one(
        &mut self,
        leaving: &Leaving,
        members_left: &mut bool,
        out: &mut Outbox,
    ) -> Result<(), GroupError> {
        if leaving.instance_id.is_none() && self.pending.remove(&leaving.member_id).is_some() {
            return Ok(());
        }
        let member_id = match &leaving.instance_id {
            // An operator names the instance alone.
            Some(instance_id) if leaving.member_id.is_empty() => {
                self.instances.get(instance_id).cloned().ok_or(GroupError::UnknownMemberId)?
            }
            _ => leaving.member_id.clone(),
        };
        self.check_member(&member_id, leaving.instance_id.as_deref())?;
        *members_left |= self.take_out(&member_id, GroupError::UnknownMemberId, out);
        Ok(())
    }
}
