//! How a replica begins: from nothing, or from what the log and the newest snapshot hold.

use raft::{RawNode, StateRole};
use slog::{Discard, Logger, o};
use thiserror::Error;

use super::outstanding::{Outstanding, Unpersisted};
use super::{FOUNDING_INDEX, FOUNDING_TERM, GroupConfig, Replica};
use crate::log::{LogStart, LogView, Membership, RecoveredGroup, SnapshotMeta};
use crate::random::SplitMix64;

/// Why a replica cannot start from what is on disk.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum StartError {
    /// The log no longer has entries that no snapshot holds.
    #[error(
        "group {group}: the log begins behind entry {log_start}, the newest valid snapshot holds entries \
         up to {snapshot}: restore the snapshot from a backup, or remove the data and join under a new member id"
    )]
    SnapshotMissing {
        /// The group.
        group: u32,
        /// Where the log begins.
        log_start: u64,
        /// Where the snapshot stands, 0 without one.
        snapshot: u64,
    },
    /// There is a snapshot of a group that the log knows nothing about.
    #[error(
        "group {group}: there is a snapshot at {snapshot}, but the log has no record of the group: the log was \
         lost, so this member must not go on under its id; restore the log, or remove the data and join under a new member id"
    )]
    LogMissing {
        /// The group.
        group: u32,
        /// Where the snapshot stands.
        snapshot: u64,
    },
    /// Log and snapshot disagree.
    #[error(
        "group {group}: entry {index} has term {log_term} in the log and {snapshot_term} in the snapshot"
    )]
    TermsDiffer {
        /// The group.
        group: u32,
        /// The entry.
        index: u64,
        /// Its term in the log.
        log_term: u64,
        /// Its term in the snapshot.
        snapshot_term: u64,
    },
    /// The settings make no sense.
    #[error("group {group}: {reason}")]
    Config {
        /// The group.
        group: u32,
        /// What is wrong.
        reason: String,
    },
}

impl Replica {
    /// Starts a replica from what the log recovered and from the state machine's newest snapshot, if there is
    /// one. The state machine must stand at exactly that snapshot (at the empty state without one): all
    /// entries behind it are handed out again.
    ///
    /// A lone voter leads at once. `seed` decides the election timeouts; give each member and group its own.
    pub fn new(
        config: &GroupConfig,
        recovered: RecoveredGroup,
        snapshot: Option<&SnapshotMeta>,
        seed: u64,
    ) -> Result<Self, StartError> {
        let begin = Begin::from(config, recovered, snapshot)?;
        let members = begin.members.clone();
        let logged_vote = (begin.view.hard_state().term, begin.view.hard_state().vote);
        let config_error =
            |error: raft::Error| StartError::Config { group: config.group, reason: error.to_string() };
        let logger = Logger::root(Discard, o!());
        let node = RawNode::new(&config.to_raft(begin.applied), begin.view, &logger).map_err(config_error)?;
        let mut replica = Self {
            group: config.group,
            member: config.member,
            node,
            timeouts: ElectionTimeouts::new(config.election_tick, seed),
            outstanding: Outstanding::default(),
            released: Unpersisted::default(),
            new_start: begin.new_start,
            logged_vote,
            vote_unpersisted: None,
            reported_leader_term: None,
            led_and_applied_term: 0,
            members,
            appended_bytes: begin.entry_bytes,
        };
        replica.after_step();
        replica.campaign_if_alone();
        Ok(replica)
    }
}

/// Everything a replica begins with.
struct Begin {
    view: LogView,
    applied: u64,
    members: Membership,
    new_start: Option<LogStart>,
    entry_bytes: u64,
}

impl Begin {
    fn from(
        config: &GroupConfig,
        recovered: RecoveredGroup,
        snapshot: Option<&SnapshotMeta>,
    ) -> Result<Self, StartError> {
        let group = config.group;
        assert_eq!(recovered.group, group, "the recovered state is that of another group");
        let mut state = recovered.state;
        let mut new_start = None;
        if state.start.is_none() {
            if let Some(snapshot) = snapshot {
                return Err(StartError::LogMissing { group, snapshot: snapshot.index });
            }
            if !state.entries.is_empty() {
                let reason = "the log has entries of the group but not its start".to_owned();
                return Err(StartError::Config { group, reason });
            }
            let start = founding_start(config);
            state.hard_state.term = start.term;
            state.hard_state.commit = start.index;
            new_start = Some(start.clone());
            state.start = Some(start);
        }
        let start = state.start.clone().expect("it was set above");
        let applied = snapshot.map_or(start.index.min(FOUNDING_INDEX), |snapshot| snapshot.index);
        if applied < start.index {
            let snapshot = snapshot.map_or(0, |snapshot| snapshot.index);
            return Err(StartError::SnapshotMissing { group, log_start: start.index, snapshot });
        }
        let mut start = start;
        if let Some(snapshot) = snapshot.filter(|snapshot| snapshot.index > state.last_index()) {
            // A snapshot was installed, and the power went before the log said so.
            start = start_at(snapshot);
            new_start = Some(start.clone());
            state.entries.clear();
            if state.hard_state.term < snapshot.term {
                state.hard_state.term = snapshot.term;
                state.hard_state.vote = 0;
            }
        }
        // The commit index is written lazily; what a snapshot holds was committed.
        state.hard_state.commit = state.hard_state.commit.max(applied);
        let members = snapshot.map_or_else(|| start.members.clone(), |snapshot| snapshot.members.clone());
        let entry_bytes = state.entries.iter().map(|entry| entry.data.len() as u64).sum();
        let view = LogView::new(
            group,
            &start,
            state.hard_state,
            members.to_conf_state(),
            state.entries,
            recovered.index,
            config.recent_bytes_max,
        );
        if let Some(snapshot) = snapshot {
            let log_term = view.term_of(snapshot.index).expect("the snapshot is within the log");
            if log_term != snapshot.term {
                let (index, snapshot_term) = (snapshot.index, snapshot.term);
                return Err(StartError::TermsDiffer { group, index, log_term, snapshot_term });
            }
        }
        Ok(Self { view, applied, members, new_start, entry_bytes })
    }
}

/// A log that begins, empty, behind a snapshot.
pub(super) fn start_at(snapshot: &SnapshotMeta) -> LogStart {
    LogStart { reset: true, index: snapshot.index, term: snapshot.term, members: snapshot.members.clone() }
}

/// Where a group's log begins that the log has never heard of.
fn founding_start(config: &GroupConfig) -> LogStart {
    if config.voters.is_empty() {
        // Joins later: knows nothing, not even who is in the group, until a snapshot arrives.
        return LogStart { reset: true, ..LogStart::default() };
    }
    let mut members = Membership::of_voters(&config.voters);
    members.learners.clone_from(&config.learners);
    LogStart { reset: true, index: FOUNDING_INDEX, term: FOUNDING_TERM, members }
}

/// Election timeouts, a pure function of the seed and of the sequence of (term, role) a member goes through.
pub(super) struct ElectionTimeouts {
    random: SplitMix64,
    election_tick: usize,
    drawn_for: Option<(u64, StateRole)>,
    timeout: usize,
}

impl ElectionTimeouts {
    fn new(election_tick: usize, seed: u64) -> Self {
        Self { random: SplitMix64::new(seed), election_tick, drawn_for: None, timeout: election_tick }
    }

    /// The timeout for this term and role, in ticks; drawn anew whenever either changed.
    pub(super) fn current(&mut self, term: u64, role: StateRole) -> usize {
        if self.drawn_for != Some((term, role)) {
            self.drawn_for = Some((term, role));
            self.timeout = self.election_tick + self.random.below(self.election_tick as u64) as usize;
        }
        self.timeout
    }
}
