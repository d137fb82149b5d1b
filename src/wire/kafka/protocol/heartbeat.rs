//! Heartbeat: a member is alive.

use super::{codes::ErrorCode, message::message};

message! {
    struct HeartbeatRequest {
        group_id: String;
        generation_id: i32;
        member_id: String;
        group_instance_id: Option<String> [3..];
    }

    struct HeartbeatResponse {
        throttle_time_ms: i32 [1..];
        error: ErrorCode;
    }
}
