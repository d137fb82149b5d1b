//! DescribeConfigs: settings of topics and brokers.

use super::{codes::ErrorCode, message::message};

message! {
    struct DescribeConfigsRequest {
        resources: Vec<DescribeConfigsResource>;
        include_synonyms: bool;
        include_documentation: bool [3..];
    }

    struct DescribeConfigsResource {
        /// 2: topic; 4: broker.
        resource_type: i8;
        resource_name: String;
        /// `None`: all.
        configuration_keys: Option<Vec<String>>;
    }

    struct DescribeConfigsResponse {
        throttle_time_ms: i32;
        results: Vec<DescribeConfigsResult>;
    }

    struct DescribeConfigsResourceResult {
        name: String;
        value: Option<String>;
        read_only: bool;
        /// 1: set for the topic; 2 to 4: set for a broker; 5: the default.
        config_source: i8 = -1;
        is_sensitive: bool;
        synonyms: Vec<DescribeConfigsSynonym>;
        /// 1: boolean; 2: string; 3: int; 4: short; 5: long; 6: double; 7: list; 8: class; 9: password.
        config_type: i8 [3..];
        documentation: Option<String> [3..];
    }

    struct DescribeConfigsResult {
        error: ErrorCode;
        error_message: Option<String>;
        resource_type: i8;
        resource_name: String;
        configs: Vec<DescribeConfigsResourceResult>;
    }

    struct DescribeConfigsSynonym {
        name: String;
        value: Option<String>;
        source: i8;
    }
}
