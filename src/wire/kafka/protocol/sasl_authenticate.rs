//! SaslAuthenticate: one step of logging in.

use super::{codes::ErrorCode, field::Secret, message::message};
use bytes::Bytes;

message! {
    struct SaslAuthenticateRequest {
        auth_bytes: Secret;
    }

    struct SaslAuthenticateResponse {
        error: ErrorCode;
        error_message: Option<String>;
        auth_bytes: Bytes;
        /// 0: never has to log in again.
        session_lifetime_ms: i64 [1..];
    }
}
