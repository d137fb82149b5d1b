//! LeaveGroup: members go.

use super::{codes::ErrorCode, message::message};

message! {
    struct LeaveGroupRequest {
        group_id: String;
        /// One member only, in the oldest versions.
        member_id: String [..=2];
        members: Vec<MemberIdentity> [3..];
    }

    struct MemberIdentity {
        member_id: String;
        group_instance_id: Option<String>;
        reason: Option<String> [5..];
    }

    struct LeaveGroupResponse {
        throttle_time_ms: i32 [1..];
        error: ErrorCode;
        members: Vec<MemberResponse> [3..];
    }

    struct MemberResponse {
        member_id: String;
        group_instance_id: Option<String>;
        error: ErrorCode;
    }
}

/// Since which version a request has more than one member.
const BATCHED_FROM: i16 = 3;

impl LeaveGroupRequest {
    /// Who goes, whichever version says so.
    pub fn into_members(self, version: i16) -> Vec<MemberIdentity> {
        if version >= BATCHED_FROM {
            return self.members;
        }
        vec![MemberIdentity { member_id: self.member_id, ..MemberIdentity::default() }]
    }
}

impl LeaveGroupResponse {
    /// One answer per member that goes.
    pub fn new(version: i16, members: Vec<MemberResponse>) -> LeaveGroupResponse {
        if version >= BATCHED_FROM {
            return LeaveGroupResponse { members, ..LeaveGroupResponse::default() };
        }
        let error = members.first().map_or(ErrorCode::None, |member| member.error);
        LeaveGroupResponse { error, ..LeaveGroupResponse::default() }
    }
}
