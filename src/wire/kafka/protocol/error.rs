//! What can be wrong with a message. Names the field; never knows what the message was for.

use thiserror::Error;

/// Fields are named `Struct.field`, as Kafka's own definitions call them.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ProtocolError {
    #[error("{field}: {needed} bytes are needed, {left} are left")]
    Truncated { field: &'static str, needed: usize, left: usize },
    #[error("{field}: {count} elements cannot be in the {left} bytes that are left")]
    Count { field: &'static str, count: usize, left: usize },
    #[error("{field}: the message has more than {max} elements")]
    Elements { field: &'static str, max: usize },
    #[error("{field}: must not be {value}")]
    Value { field: &'static str, value: i64 },
    #[error("{field}: must not be null")]
    Null { field: &'static str },
    #[error("{field}: is not UTF-8")]
    Text { field: &'static str },
    #[error("{field}: a number of variable length is longer than 32 bits")]
    VariableLength { field: &'static str },
    /// Only when writing.
    #[error("{field}: {length} bytes or elements are more than the format can tell")]
    TooLong { field: &'static str, length: usize },
    /// Only when writing: the answer is not one to this kind of request.
    #[error("a response of {written:?} where one of {expected:?} belongs")]
    OtherApi { written: super::ApiKey, expected: super::ApiKey },
}
