//! DescribeCluster: the brokers.

use super::{codes::ErrorCode, message::message};

message! {
    struct DescribeClusterRequest {
        include_cluster_authorized_operations: bool;
        /// 1: brokers; 2: controllers.
        endpoint_type: i8 [1..] = 1;
        include_fenced_brokers: bool [2..];
    }

    struct DescribeClusterResponse {
        throttle_time_ms: i32;
        error: ErrorCode;
        error_message: Option<String>;
        endpoint_type: i8 [1..] = 1;
        cluster_id: String;
        controller_id: i32 = -1;
        brokers: Vec<DescribeClusterBroker>;
        cluster_authorized_operations: i32 = i32::MIN;
    }

    struct DescribeClusterBroker {
        broker_id: i32;
        host: String;
        port: i32;
        rack: Option<String>;
        is_fenced: bool [2..];
    }
}
