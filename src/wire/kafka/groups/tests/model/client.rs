//! One correct client: joins, syncs, sends heartbeats, and starts over when told to.

use super::super::*;

/// What it is about.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Doing {
    /// Not running, until then.
    Down {
        until_ms: u64,
    },
    /// It will join then.
    ToJoin {
        at_ms: u64,
    },
    Joining {
        waiter: u64,
        since_ms: u64,
    },
    Syncing {
        waiter: u64,
        since_ms: u64,
    },
    /// Its part is known; the next heartbeat is due then.
    Working {
        heartbeat_at_ms: u64,
    },
}

#[derive(Clone, Debug)]
pub(super) struct Client {
    pub(super) instance_id: Option<String>,
    pub(super) requires_known_member_id: bool,
    pub(super) metadata: u64,
    pub(super) member_id: String,
    pub(super) generation: i32,
    pub(super) part: Bytes,
    pub(super) doing: Doing,
}

/// Past this a client believes its request lost.
pub(super) const REQUEST_TIMEOUT_MS: u64 = 30_000;

impl Client {
    pub(super) fn new(number: u64) -> Client {
        Client {
            instance_id: number.is_multiple_of(3).then(|| format!("instance{number}")),
            requires_known_member_id: number % 3 == 1,
            metadata: 0,
            member_id: String::new(),
            generation: -1,
            part: Bytes::new(),
            doing: Doing::ToJoin { at_ms: number * 10 },
        }
    }

    pub(super) fn join(&self) -> JoinGroup {
        JoinGroup {
            instance_id: self.instance_id.clone(),
            protocols: vec![("range".into(), Bytes::from(self.metadata.to_string()))],
            requires_known_member_id: self.requires_known_member_id,
            supports_skip_assignment: true,
            ..join_request(&self.member_id)
        }
    }

    pub(super) fn identity(&self) -> Identity {
        Identity { instance_id: self.instance_id.clone(), ..identity(self.generation, &self.member_id) }
    }

    /// It was refused: what it does next.
    pub(super) fn refused(&mut self, error: GroupError, now_ms: u64) {
        match error {
            GroupError::UnknownMemberId | GroupError::FencedInstanceId => self.member_id.clear(),
            GroupError::MemberIdRequired
            | GroupError::RebalanceInProgress
            | GroupError::IllegalGeneration
            | GroupError::CoordinatorNotAvailable
            | GroupError::NotCoordinator => {}
            other => panic!("a correct client is never told {other}"),
        }
        self.doing = Doing::ToJoin { at_ms: now_ms + 100 };
    }
}
