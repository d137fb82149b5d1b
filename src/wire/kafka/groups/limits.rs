//! How much a client may make the coordinator hold, each bound with its reason. What is beyond is refused.

/// A group costs a few hundred bytes while it is empty; as many as this are a fault or an attack.
pub const GROUPS_MAX: usize = 10_000;

/// A rebalance answers the leader with every member's metadata: past this one answer grows too long.
pub const MEMBERS_MAX: usize = 1_000;

/// Group ids stand in every persisted change's key; this is far more than any client's naming needs.
pub const GROUP_ID_BYTES_MAX: usize = 249;

/// Client ids become the first part of member ids, which come back with every heartbeat.
pub const CLIENT_ID_BYTES_MAX: usize = 512;

/// A host is an address in text or a name, of which DNS allows 255 bytes.
pub const CLIENT_HOST_BYTES_MAX: usize = 255;

/// Instance ids are held to the length of topic names by the clients themselves.
pub const INSTANCE_ID_BYTES_MAX: usize = 249;

/// A member id is a client id or an instance id, a dash and 32 hexadecimal digits.
pub const MEMBER_ID_BYTES_MAX: usize = CLIENT_ID_BYTES_MAX + 1 + 32;

/// Protocol types and protocol names are words: "consumer", "range".
pub const PROTOCOL_NAME_BYTES_MAX: usize = 255;

/// Clients offer one protocol for each assignor they know: seldom more than four.
pub const PROTOCOLS_MAX: usize = 64;

/// All of one member's protocols together. Stream libraries put whole task maps here, tens of kilobytes.
pub const METADATA_BYTES_MAX: usize = 448 << 10;

/// One member's assignment. Connect's contains every connector's and task's name.
pub const ASSIGNMENT_BYTES_MAX: usize = 448 << 10;

/// All members' metadata, and likewise all assignments: a group is persisted as one change, which has to
/// stay a small part of what the log takes at once.
pub const GROUP_BYTES_MAX: usize = 448 << 10;

/// Kafka's default bounds for a session: shorter ones flap, longer ones block a group behind the dead.
pub const SESSION_TIMEOUT_MIN_MS: u32 = 6_000;
pub const SESSION_TIMEOUT_MAX_MS: u32 = 1_800_000;

/// A member that allows less than this for a rebalance would be thrown out of each of them.
pub const REBALANCE_TIMEOUT_MIN_MS: u32 = 1_000;

/// Kafka's default: long enough for the other members of a starting application to arrive.
pub const INITIAL_REBALANCE_DELAY_MS: u32 = 3_000;

/// A new member cannot send heartbeats before its join is answered. When its client went away meanwhile,
/// nobody would notice: so its join is ended after this time and a living client joins again.
pub const NEW_MEMBER_JOIN_TIMEOUT_MS: u32 = 300_000;

/// How many generations one persisted state reserves. Generations whose leader never synced are not
/// persisted, yet a member may hold one of them: a restored group goes on after the reserved ones, so that
/// no generation is used twice. Each sync renews the reservation; only a group that fails to sync this often
/// in a row has to write another one.
pub const GENERATIONS_RESERVED: i32 = 1_024;

/// The bounds an operator may move.
#[derive(Clone, Debug)]
pub struct Config {
    pub initial_rebalance_delay_ms: u32,
    pub session_timeout_min_ms: u32,
    pub session_timeout_max_ms: u32,
    pub groups_max: usize,
    pub members_max: usize,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            initial_rebalance_delay_ms: INITIAL_REBALANCE_DELAY_MS,
            session_timeout_min_ms: SESSION_TIMEOUT_MIN_MS,
            session_timeout_max_ms: SESSION_TIMEOUT_MAX_MS,
            groups_max: GROUPS_MAX,
            members_max: MEMBERS_MAX,
        }
    }
}
