//! JoinGroup: a member enters a group, or a new generation of it.

use super::{codes::ErrorCode, message::message};
use bytes::Bytes;

message! {
    struct JoinGroupRequest {
        group_id: String;
        session_timeout_ms: i32;
        /// -1: as long as the session's.
        rebalance_timeout_ms: i32 [1..] = -1;
        /// Empty: the member has none so far.
        member_id: String;
        /// Of a member that keeps its place over restarts.
        group_instance_id: Option<String> [5..];
        protocol_type: String;
        /// In the member's order of preference.
        protocols: Vec<JoinGroupRequestProtocol>;
        reason: Option<String> [8..];
    }

    struct JoinGroupRequestProtocol {
        name: String;
        metadata: Bytes;
    }

    struct JoinGroupResponse {
        throttle_time_ms: i32 [2..];
        error: ErrorCode;
        generation_id: i32 = -1;
        protocol_type: Option<String> [7..];
        protocol_name: Option<String> [.., nullable 7..];
        /// The id of the member that has to assign.
        leader: String;
        /// The leader must not assign: what was assigned before still holds.
        skip_assignment: bool [9..];
        member_id: String;
        /// Empty for all but the leader.
        members: Vec<JoinGroupResponseMember>;
    }

    struct JoinGroupResponseMember {
        member_id: String;
        group_instance_id: Option<String> [5..];
        metadata: Bytes;
    }
}
