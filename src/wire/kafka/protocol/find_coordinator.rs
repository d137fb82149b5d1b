//! FindCoordinator: which broker leads a group.

use super::{codes::ErrorCode, message::message};

message! {
    struct FindCoordinatorRequest {
        key: String [..=3];
        /// 0: groups; 1: transactions.
        key_type: i8 [1..];
        coordinator_keys: Vec<String> [4..];
    }

    struct FindCoordinatorResponse {
        throttle_time_ms: i32 [1..];
        error: ErrorCode [..=3];
        error_message: Option<String> [1..=3];
        node_id: i32 [..=3];
        host: String [..=3];
        port: i32 [..=3];
        coordinators: Vec<Coordinator> [4..];
    }

    struct Coordinator {
        key: String;
        node_id: i32;
        host: String;
        port: i32;
        error: ErrorCode;
        error_message: Option<String>;
    }
}

/// Since which version a request has more than one key.
const BATCHED_FROM: i16 = 4;

impl FindCoordinatorRequest {
    /// What is asked for, whichever version asks.
    pub fn into_keys(self, version: i16) -> Vec<String> {
        if version < BATCHED_FROM { vec![self.key] } else { self.coordinator_keys }
    }
}

impl FindCoordinatorResponse {
    /// One coordinator per key that was asked for.
    pub fn new(version: i16, coordinators: Vec<Coordinator>) -> FindCoordinatorResponse {
        if version >= BATCHED_FROM {
            return FindCoordinatorResponse { coordinators, ..FindCoordinatorResponse::default() };
        }
        let Coordinator { node_id, host, port, error, error_message, .. } =
            coordinators.into_iter().next().unwrap_or_default();
        FindCoordinatorResponse {
            error,
            error_message,
            node_id,
            host,
            port,
            ..FindCoordinatorResponse::default()
        }
    }
}
