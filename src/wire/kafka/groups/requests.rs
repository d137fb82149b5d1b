//! What members ask of the coordinator, after the wire version was left behind. Never knows frames.

use bytes::Bytes;

/// A member wants into the group, or into its next generation.
#[derive(Clone, Debug)]
pub struct JoinGroup {
    pub group: String,
    /// Empty when the member has none yet.
    pub member_id: String,
    pub instance_id: Option<String>,
    pub protocol_type: String,
    /// Name and metadata, the preferred one first.
    pub protocols: Vec<(String, Bytes)>,
    pub session_timeout_ms: i32,
    /// Version 0 has none: the session timeout stands for it.
    pub rebalance_timeout_ms: i32,
    pub client_id: String,
    pub client_host: String,
    /// From version 4 on a member without an id is given one first and must come back with it.
    pub requires_known_member_id: bool,
    /// From version 9 on a leader can be told not to assign.
    pub supports_skip_assignment: bool,
}

/// A member of a completed join asks for its assignment; the leader brings everyone's.
#[derive(Clone, Debug)]
pub struct SyncGroup {
    pub group: String,
    pub generation: i32,
    pub member_id: String,
    pub instance_id: Option<String>,
    pub protocol_type: Option<String>,
    pub protocol_name: Option<String>,
    /// Member id and assignment.
    pub assignments: Vec<(String, Bytes)>,
}

/// Who speaks, in a heartbeat or a commit.
#[derive(Clone, Debug)]
pub struct Identity {
    pub group: String,
    pub generation: i32,
    pub member_id: String,
    pub instance_id: Option<String>,
}

/// One member that leaves or is sent away: by its id, or by its instance id alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaving {
    pub member_id: String,
    pub instance_id: Option<String>,
}
