//! AlterConfigs: all settings of a topic or broker are replaced.

use super::{codes::ErrorCode, message::message};

message! {
    struct AlterConfigsRequest {
        resources: Vec<AlterConfigsResource>;
        validate_only: bool;
    }

    struct AlterConfigsResource {
        /// 2: topic; 4: broker.
        resource_type: i8;
        resource_name: String;
        configs: Vec<AlterableConfig>;
    }

    struct AlterableConfig {
        name: String;
        /// `None`: the default.
        value: Option<String>;
    }

    struct AlterConfigsResponse {
        throttle_time_ms: i32;
        responses: Vec<AlterConfigsResourceResponse>;
    }

    struct AlterConfigsResourceResponse {
        error: ErrorCode;
        error_message: Option<String>;
        resource_type: i8;
        resource_name: String;
    }
}
