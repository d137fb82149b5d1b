//! What a group's coordinator refuses, one to one with the protocol's error codes. Never knows a response's
//! layout.

/// Why a request is refused. Each variant is one code of Kafka's protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum GroupError {
    #[error("coordinator: not available now, try again")]
    CoordinatorNotAvailable,
    #[error("coordinator: another node coordinates this group")]
    NotCoordinator,
    #[error("generation: not the group's current one")]
    IllegalGeneration,
    #[error("protocols: none that all members of the group support, or another protocol type")]
    InconsistentGroupProtocol,
    #[error("group: its id is empty or too long")]
    InvalidGroupId,
    #[error("member_id: not a member of the group")]
    UnknownMemberId,
    #[error("session_timeout_ms: outside the bounds")]
    InvalidSessionTimeout,
    #[error("group: it is rebalancing, join again")]
    RebalanceInProgress,
    #[error("request: a part of it is longer than it may be")]
    InvalidRequest,
    #[error("group: it has members")]
    NonEmptyGroup,
    #[error("group: there is none of this id")]
    GroupIdNotFound,
    #[error("member_id: join again with the one given")]
    MemberIdRequired,
    #[error("group: no room for another member, or for another group")]
    GroupMaxSizeReached,
    #[error("instance_id: a newer member took it over")]
    FencedInstanceId,
}

impl GroupError {
    /// The code as it stands in a response.
    pub fn code(self) -> i16 {
        match self {
            GroupError::CoordinatorNotAvailable => 15,
            GroupError::NotCoordinator => 16,
            GroupError::IllegalGeneration => 22,
            GroupError::InconsistentGroupProtocol => 23,
            GroupError::InvalidGroupId => 24,
            GroupError::UnknownMemberId => 25,
            GroupError::InvalidSessionTimeout => 26,
            GroupError::RebalanceInProgress => 27,
            GroupError::InvalidRequest => 42,
            GroupError::NonEmptyGroup => 68,
            GroupError::GroupIdNotFound => 69,
            GroupError::MemberIdRequired => 79,
            GroupError::GroupMaxSizeReached => 81,
            GroupError::FencedInstanceId => 82,
        }
    }
}

/// Why a group's persisted state is not taken back.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StateError {
    #[error("group: {0:?} is already here")]
    AlreadyHere(String),
    #[error("group: its id is empty or too long")]
    GroupId,
    #[error("group: no room for another one")]
    TooManyGroups,
    #[error("version: {0} is not known, only 1")]
    Version(u8),
    #[error("{field}: {needed} bytes are needed, {left} are left")]
    Truncated { field: &'static str, needed: usize, left: usize },
    #[error("{field}: {value} is more than {most}")]
    TooLarge { field: &'static str, value: usize, most: usize },
    #[error("{field}: {value} is not possible here")]
    Value { field: &'static str, value: i64 },
    #[error("{field}: not valid UTF-8")]
    NotUtf8 { field: &'static str },
    #[error("{field}: stands there twice")]
    Duplicate { field: &'static str },
    #[error("{field}: does not fit the members")]
    Inconsistent { field: &'static str },
    #[error("state: {left} bytes too many")]
    Trailing { left: usize },
}
