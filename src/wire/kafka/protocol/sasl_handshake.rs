//! SaslHandshake: which mechanism to log in by.

use super::{codes::ErrorCode, message::message};

message! {
    struct SaslHandshakeRequest {
        mechanism: String;
    }

    struct SaslHandshakeResponse {
        error: ErrorCode;
        /// All there are, also if there is no error: some clients look for theirs in it.
        mechanisms: Vec<String>;
    }
}
