//! Settings of one group's replica.

use raft::{Config, ReadOnlyOption};

/// Index and term every founding member's log starts at, before the first entry. Not 0, so that a member that
/// joins later, at 0, is always brought in by a snapshot: raft replicates the log, not the state a group was
/// founded with.
pub const FOUNDING_INDEX: u64 = 1;
/// Term of [`FOUNDING_INDEX`].
pub const FOUNDING_TERM: u64 = 1;

/// Settings of one group's replica. Times are in ticks; the caller decides how long a tick is (50 to 100 ms).
#[derive(Debug, Clone)]
pub struct GroupConfig {
    /// The group.
    pub group: u32,
    /// This member's id, not 0, unique in the group's history: never reused after data was lost.
    pub member: u64,
    /// Founding voters, the same on each. Empty for a member that joins later and gets everything by
    /// snapshot. Ignored once the log knows the group.
    pub voters: Vec<u64>,
    /// Founding learners.
    pub learners: Vec<u64>,
    /// Ticks without a leader after which an election starts, drawn from `election_tick..2 * election_tick`.
    pub election_tick: usize,
    /// Ticks between heartbeats.
    pub heartbeat_tick: usize,
    /// A voter rejects a candidate of lower priority unless its log is longer.
    pub priority: i64,
    /// Bytes of proposals that may wait for their commit; beyond, `propose` answers busy.
    pub uncommitted_bytes_max: u64,
    /// Bytes of entries in one message to a peer.
    pub message_bytes_max: u64,
    /// Messages in flight to one peer.
    pub messages_in_flight_max: usize,
    /// Bytes of committed entries handed out by one poll.
    pub committed_bytes_per_poll: u64,
    /// Bytes of applied entries kept in memory for followers.
    pub recent_bytes_max: usize,
}

impl GroupConfig {
    /// The usual settings for a group founded by `voters`.
    #[must_use]
    pub fn new(group: u32, member: u64, voters: Vec<u64>) -> Self {
        Self {
            group,
            member,
            voters,
            learners: Vec::new(),
            election_tick: 10,
            heartbeat_tick: 2,
            priority: 0,
            uncommitted_bytes_max: 64 << 20,
            message_bytes_max: 1 << 20,
            messages_in_flight_max: 256,
            committed_bytes_per_poll: 4 << 20,
            recent_bytes_max: 16 << 20,
        }
    }

    /// The raft crate's settings; `applied` is the index of the state machine's snapshot.
    pub(super) fn to_raft(&self, applied: u64) -> Config {
        Config {
            id: self.member,
            applied,
            election_tick: self.election_tick,
            heartbeat_tick: self.heartbeat_tick,
            priority: self.priority,
            // Together: a member cut off from the others neither stays leader nor disturbs them when it comes
            // back.
            check_quorum: true,
            pre_vote: true,
            max_size_per_msg: self.message_bytes_max,
            max_inflight_msgs: self.messages_in_flight_max,
            max_uncommitted_size: self.uncommitted_bytes_max,
            max_committed_size_per_ready: self.committed_bytes_per_poll,
            read_only_option: ReadOnlyOption::Safe,
            batch_append: false, // commands are batched into blocks already
            // The next append or heartbeat carries the commit index; half the messages for a lone entry.
            skip_bcast_commit: true,
            ..Config::default()
        }
    }
}
