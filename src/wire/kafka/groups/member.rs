//! One member of a group: what it can do, what it was assigned, whether it is alive. Never knows the others.

use super::{
    effects::{Outbox, Synced},
    error::GroupError,
    limits::NEW_MEMBER_JOIN_TIMEOUT_MS,
};
use bytes::Bytes;

/// A member. Its id is also its key in the group.
#[derive(Clone, Debug)]
pub(super) struct Member {
    pub(super) id: String,
    pub(super) instance_id: Option<String>,
    pub(super) client_id: String,
    pub(super) client_host: String,
    pub(super) session_timeout_ms: u32,
    pub(super) rebalance_timeout_ms: u32,
    pub(super) protocols: Vec<(String, Bytes)>,
    pub(super) assignment: Bytes,
    /// Its join has not been answered yet. At most one: a repeated request replaces the earlier one.
    pub(super) join_waiter: Option<u64>,
    /// Likewise its sync.
    pub(super) sync_waiter: Option<u64>,
    /// No join of it was answered yet, so it cannot send heartbeats.
    pub(super) is_new: bool,
    /// When it is given up, unless a sign of life comes first.
    pub(super) deadline_ms: u64,
}

impl Member {
    pub(super) fn alive(&mut self, now_ms: u64) {
        let timeout_ms = if self.is_new { NEW_MEMBER_JOIN_TIMEOUT_MS } else { self.session_timeout_ms };
        self.deadline_ms = now_ms.saturating_add(u64::from(timeout_ms));
    }

    /// When it is to be given up. Whoever waits for an answer cannot be expected to send heartbeats, except
    /// that a new member does not wait forever.
    pub(super) fn expires_ms(&self) -> Option<u64> {
        let waits = self.join_waiter.is_some() || self.sync_waiter.is_some();
        (self.is_new || !waits).then_some(self.deadline_ms)
    }

    pub(super) fn is_static(&self) -> bool {
        self.instance_id.is_some()
    }

    pub(super) fn metadata(&self, protocol: &str) -> Bytes {
        let found = self.protocols.iter().find(|(name, _)| name == protocol);
        found.map(|(_, metadata)| metadata.clone()).unwrap_or_default()
    }

    pub(super) fn supports(&self, protocol: &str) -> bool {
        self.protocols.iter().any(|(name, _)| name == protocol)
    }

    pub(super) fn metadata_bytes(&self) -> usize {
        bytes_of(&self.protocols)
    }

    /// An earlier join that is still open is told to come again: its client has most likely gone.
    pub(super) fn waits_for_join(&mut self, waiter: u64, out: &mut Outbox) {
        if let Some(earlier) = self.join_waiter.replace(waiter) {
            out.not_joined(earlier, GroupError::RebalanceInProgress, &self.id);
        }
    }

    pub(super) fn waits_for_sync(&mut self, waiter: u64, out: &mut Outbox) {
        if let Some(earlier) = self.sync_waiter.replace(waiter) {
            out.synced(earlier, Err(GroupError::RebalanceInProgress));
        }
    }

    /// Whatever it waits for ends with this error.
    pub(super) fn refuse(&mut self, error: GroupError, out: &mut Outbox) {
        if let Some(waiter) = self.join_waiter.take() {
            out.not_joined(waiter, error, &self.id);
        }
        self.answer_sync(Err(error), out);
    }

    pub(super) fn answer_sync(&mut self, result: Result<Synced, GroupError>, out: &mut Outbox) {
        if let Some(waiter) = self.sync_waiter.take() {
            out.synced(waiter, result);
        }
    }
}

/// What names and values take together.
pub(super) fn bytes_of(pairs: &[(String, Bytes)]) -> usize {
    pairs.iter().map(|(name, value)| name.len().saturating_add(value.len())).fold(0, usize::saturating_add)
}
