//! IncrementalAlterConfigs: single settings of a topic or broker change.

use super::{codes::ErrorCode, message::message};

message! {
    struct IncrementalAlterConfigsRequest {
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
        /// 0: set; 1: back to the default; 2: add to a list; 3: take out of it.
        config_operation: i8;
        value: Option<String>;
    }

    struct IncrementalAlterConfigsResponse {
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
