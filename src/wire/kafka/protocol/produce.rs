//! Produce: record batches to be appended.

use super::{codes::ErrorCode, message::message};
use bytes::Bytes;

message! {
    struct ProduceRequest {
        transactional_id: Option<String> [3..];
        /// 0: no answer at all may be sent; 1: the leader has it; -1: all that are in sync have it.
        acks: i16;
        timeout_ms: i32;
        topic_data: Vec<TopicProduceData>;
    }

    struct PartitionProduceData {
        index: i32;
        /// Batches as they came, in the frame's own memory.
        records: Option<Bytes>;
    }

    struct TopicProduceData {
        name: String;
        partition_data: Vec<PartitionProduceData>;
    }

    struct ProduceResponse {
        responses: Vec<TopicProduceResponse>;
        throttle_time_ms: i32 [1..];
    }

    struct BatchIndexAndErrorMessage {
        /// Index of the record in its batch.
        batch_index: i32;
        batch_index_error_message: Option<String>;
    }

    struct PartitionProduceResponse {
        index: i32;
        error: ErrorCode;
        /// Of the first record; -1 if there is an error.
        base_offset: i64;
        /// -1: the records keep the times the producer gave them.
        log_append_time_ms: i64 [2..] = -1;
        log_start_offset: i64 [5..] = -1;
        /// Which records made the whole batch be refused.
        record_errors: Vec<BatchIndexAndErrorMessage> [8..];
        error_message: Option<String> [8..];
    }

    struct TopicProduceResponse {
        name: String;
        partition_responses: Vec<PartitionProduceResponse>;
    }
}

impl ProduceRequest {
    /// The same answer for every partition, for a request of which nothing is done.
    pub fn refuse(&self, error: ErrorCode) -> ProduceResponse {
        let responses = self.topic_data.iter().map(|topic| TopicProduceResponse {
            name: topic.name.clone(),
            partition_responses: topic
                .partition_data
                .iter()
                .map(|data| PartitionProduceResponse {
                    index: data.index,
                    error,
                    base_offset: -1,
                    ..PartitionProduceResponse::default()
                })
                .collect(),
        });
        ProduceResponse { responses: responses.collect(), throttle_time_ms: 0 }
    }
}
