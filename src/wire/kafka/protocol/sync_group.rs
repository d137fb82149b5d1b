//! SyncGroup: the leader's assignment, and each member's part of it.

use super::{codes::ErrorCode, message::message};
use bytes::Bytes;

message! {
    struct SyncGroupRequest {
        group_id: String;
        generation_id: i32;
        member_id: String;
        group_instance_id: Option<String> [3..];
        protocol_type: Option<String> [5..];
        protocol_name: Option<String> [5..];
        /// Empty from all but the leader.
        assignments: Vec<SyncGroupRequestAssignment>;
    }

    struct SyncGroupRequestAssignment {
        member_id: String;
        assignment: Bytes;
    }

    struct SyncGroupResponse {
        throttle_time_ms: i32 [1..];
        error: ErrorCode;
        protocol_type: Option<String> [5..];
        protocol_name: Option<String> [5..];
        assignment: Bytes;
    }
}
