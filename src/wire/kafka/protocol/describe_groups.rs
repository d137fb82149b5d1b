//! DescribeGroups: groups with their members.

use super::{codes::ErrorCode, message::message};
use bytes::Bytes;

message! {
    struct DescribeGroupsRequest {
        groups: Vec<String>;
        include_authorized_operations: bool [3..];
    }

    struct DescribeGroupsResponse {
        throttle_time_ms: i32 [1..];
        groups: Vec<DescribedGroup>;
    }

    struct DescribedGroup {
        error: ErrorCode;
        group_id: String;
        /// Kafka's name for it, as `Stable`; `Dead` for a group that is not there.
        group_state: String;
        protocol_type: String;
        protocol_data: String;
        members: Vec<DescribedGroupMember>;
        authorized_operations: i32 [3..] = i32::MIN;
    }

    struct DescribedGroupMember {
        member_id: String;
        group_instance_id: Option<String> [4..];
        client_id: String;
        client_host: String;
        member_metadata: Bytes;
        member_assignment: Bytes;
    }
}
