//! DeleteTopics: topics are removed.

use super::{codes::ErrorCode, field::Uuid, message::message};

message! {
    struct DeleteTopicsRequest {
        topics: Vec<DeleteTopicState> [6..];
        topic_names: Vec<String> [..=5];
        timeout_ms: i32;
    }

    struct DeleteTopicState {
        /// `None`: the id says which topic.
        name: Option<String>;
        topic_id: Uuid;
    }

    struct DeleteTopicsResponse {
        throttle_time_ms: i32;
        responses: Vec<DeletableTopicResult>;
    }

    struct DeletableTopicResult {
        name: Option<String> [.., nullable 6..];
        topic_id: Uuid [6..];
        error: ErrorCode;
        error_message: Option<String> [5..];
    }
}

/// Since which version a topic may be named by its id.
const BY_ID_FROM: i16 = 6;

impl DeleteTopicsRequest {
    /// What is to go, whichever version says so.
    pub fn into_topics(self, version: i16) -> Vec<DeleteTopicState> {
        if version >= BY_ID_FROM {
            return self.topics;
        }
        let by_name = |name| DeleteTopicState { name: Some(name), ..DeleteTopicState::default() };
        self.topic_names.into_iter().map(by_name).collect()
    }
}
