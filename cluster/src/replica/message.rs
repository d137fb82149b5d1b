//! Raft's messages between members, as the transport sees them: opaque bytes with a sender and a receiver.

use bytes::Bytes;
use protobuf::Message as _;
use raft::eraftpb::{EntryType, Message, MessageType};
use thiserror::Error;

use super::fields;
use crate::log::{Membership, SnapshotMeta};

/// No log gets there: one can be added to an index that is not beyond it.
const INDEX_MAX: u64 = i64::MAX as u64;

/// A message from one member of a group to another.
#[derive(Debug, Clone, PartialEq)]
pub struct RaftMessage(pub(super) Message);

/// Why a message was not accepted.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum MessageError {
    /// The bytes are no message.
    #[error("the bytes are not a raft message: {0}")]
    Malformed(String),
    /// The message is not of a kind that members send each other, or contradicts itself.
    #[error("a raft message from member {from} was refused: {reason}")]
    Refused {
        /// Who sent it.
        from: u64,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The group believes that this member has entries which it does not have.
    #[error(
        "the group counts on entries up to {commit} of this member, its log ends at {last_index}: it lost \
         acknowledged data and must not go on under this member id; remove its data and join under a new id"
    )]
    LostEntries {
        /// The commit index the leader sent.
        commit: u64,
        /// The last index here.
        last_index: u64,
    },
}

impl RaftMessage {
    /// The member it goes to.
    #[must_use]
    pub fn to(&self) -> u64 {
        self.0.to
    }

    /// The member it comes from.
    #[must_use]
    pub fn from(&self) -> u64 {
        self.0.from
    }

    /// Appends the message's bytes to `buffer`.
    pub fn encode(&self, buffer: &mut Vec<u8>) {
        self.0.write_to_vec(buffer).expect("writing a message into a vector has no failure");
    }

    /// A message from bytes a peer sent; entries share them instead of copying.
    pub fn decode(bytes: &Bytes) -> Result<Self, MessageError> {
        fields::check_message(bytes).map_err(|reason| MessageError::Malformed(reason.to_owned()))?;
        Message::parse_from_carllerche_bytes(bytes)
            .map(Self)
            .map_err(|error| MessageError::Malformed(error.to_string()))
    }

    /// The snapshot this message announces. The sender transfers the snapshot's state beside raft and reports
    /// the outcome; the receiver steps the message only once that state is durable on its own disk.
    #[must_use]
    pub fn snapshot(&self) -> Option<(SnapshotMeta, Bytes)> {
        (self.0.msg_type == MessageType::MsgSnapshot).then(|| {
            let snapshot = self.0.get_snapshot();
            (snapshot_meta(snapshot.get_metadata()), snapshot.data.clone())
        })
    }

    /// Whether members send each other such a message at all. Proposals and reads are answered by the
    /// leader's own clients, never forwarded: a forwarded proposal could commit after its fate was reported.
    pub(super) fn check(&self, member: u64, last_index: u64) -> Result<(), MessageError> {
        let message = &self.0;
        let refuse = |reason| Err(MessageError::Refused { from: message.from, reason });
        if message.to != member || message.from == member || message.from == 0 {
            return refuse("it is not for this member");
        }
        if message.term == 0 {
            return refuse("it has no term"); // raft would take it for one of its own
        }
        if message.index > INDEX_MAX {
            return refuse("its index is larger than any");
        }
        match message.msg_type {
            MessageType::MsgAppend => {
                let consecutive = (message.index + 1..)
                    .zip(message.entries.iter())
                    .all(|(index, entry)| entry.index == index);
                let known_kinds =
                    message.entries.iter().all(|entry| entry.entry_type != EntryType::EntryConfChange);
                match (consecutive, known_kinds) {
                    (true, true) => Ok(()),
                    (false, _) => refuse("its entries are not consecutive"),
                    (_, false) => refuse("it has an entry of a kind that is never proposed"),
                }
            }
            MessageType::MsgHeartbeat if message.commit > last_index => {
                Err(MessageError::LostEntries { commit: message.commit, last_index })
            }
            MessageType::MsgSnapshot if message.get_snapshot().get_metadata().index == 0 => {
                refuse("its snapshot has no index")
            }
            MessageType::MsgAppendResponse
            | MessageType::MsgRequestVote
            | MessageType::MsgRequestVoteResponse
            | MessageType::MsgRequestPreVote
            | MessageType::MsgRequestPreVoteResponse
            | MessageType::MsgSnapshot
            | MessageType::MsgHeartbeat
            | MessageType::MsgHeartbeatResponse
            | MessageType::MsgTimeoutNow => Ok(()),
            _ => refuse("members do not send each other this kind"),
        }
    }
}

pub(super) fn snapshot_meta(metadata: &raft::eraftpb::SnapshotMetadata) -> SnapshotMeta {
    SnapshotMeta {
        index: metadata.index,
        term: metadata.term,
        members: Membership::from_conf_state(metadata.get_conf_state()),
    }
}
