//! DeleteGroups: groups are removed.

use super::{codes::ErrorCode, message::message};

message! {
    struct DeleteGroupsRequest {
        groups_names: Vec<String>;
    }

    struct DeleteGroupsResponse {
        throttle_time_ms: i32;
        results: Vec<DeletableGroupResult>;
    }

    struct DeletableGroupResult {
        group_id: String;
        error: ErrorCode;
    }
}
