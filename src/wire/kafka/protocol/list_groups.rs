//! ListGroups: which groups there are.

use super::{codes::ErrorCode, message::message};

message! {
    struct ListGroupsRequest {
        /// Empty: all.
        states_filter: Vec<String> [4..];
        /// Empty: all.
        types_filter: Vec<String> [5..];
    }

    struct ListGroupsResponse {
        throttle_time_ms: i32 [1..];
        error: ErrorCode;
        groups: Vec<ListedGroup>;
    }

    struct ListedGroup {
        group_id: String;
        protocol_type: String;
        group_state: String [4..];
        group_type: String [5..];
    }
}
