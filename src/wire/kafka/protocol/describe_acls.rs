//! DescribeAcls: who may do what.

use super::{codes::ErrorCode, message::message};

message! {
    struct DescribeAclsRequest {
        /// 1: any, as in all filters of numbers; `None` in those of names.
        resource_type_filter: i8;
        resource_name_filter: Option<String>;
        /// 3: that very name.
        pattern_type_filter: i8 = 3;
        principal_filter: Option<String>;
        host_filter: Option<String>;
        operation: i8;
        permission_type: i8;
    }

    struct DescribeAclsResponse {
        throttle_time_ms: i32;
        error: ErrorCode;
        error_message: Option<String>;
        resources: Vec<DescribeAclsResource>;
    }

    struct AclDescription {
        principal: String;
        host: String;
        operation: i8;
        permission_type: i8;
    }

    struct DescribeAclsResource {
        resource_type: i8;
        resource_name: String;
        pattern_type: i8 = 3;
        acls: Vec<AclDescription>;
    }
}
