//! InitProducerId: a producer gets the id under which its batches are numbered.

use super::{codes::ErrorCode, message::message};

message! {
    struct InitProducerIdRequest {
        /// `None`: only numbered, without transactions.
        transactional_id: Option<String>;
        transaction_timeout_ms: i32;
        /// -1: has none so far.
        producer_id: i64 [3..] = -1;
        producer_epoch: i16 [3..] = -1;
    }

    struct InitProducerIdResponse {
        throttle_time_ms: i32;
        error: ErrorCode;
        producer_id: i64 = -1;
        producer_epoch: i16;
    }
}
