//! What can be wrong with a topic's declaration and with one message. Each names the property, the column or
//! the parameter it is about.

/// Why a topic cannot be served as it is declared.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    #[error("property {name}: there is no such property")]
    UnknownProperty { name: String },
    #[error("property {name}: it is not supported ({reason})")]
    Unsupported { name: String, reason: &'static str },
    #[error("property {name}: {value:?} is not {expected}")]
    Value { name: String, value: String, expected: &'static str },
    #[error("property {name}: it is given twice")]
    Twice { name: String },
    #[error("property {name}: {table} has no column {column}")]
    NoColumn { name: &'static str, table: String, column: String },
    #[error("{table}: {count} values are more than a message can have, {max}")]
    TooMany { table: String, count: usize, max: usize },
    #[error("schema: {0}")]
    Schema(String),
}

/// Why a message is no call of the procedure. Positions count from 0, as in the errors of calls.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    #[error("value: the message has none, {expected} parameters are expected")]
    NoValue { expected: usize },
    #[error("key: the message has none, parameter {name} (position {position}) is to be in it")]
    NoKey { name: String, position: usize },
    #[error("parameter {name} (position {position}): {reason}")]
    Parameter { name: String, position: usize, reason: String },
    #[error("parameter {name} (position {position}): it is missing, the value has {got} fields")]
    Missing { name: String, position: usize, got: usize },
    #[error("value: more than {expected} fields, the last parameter is {last}")]
    Extra { expected: usize, last: String },
    #[error("value: {got} fields, {expected} are expected")]
    Count { expected: usize, got: usize },
    #[error("value: there is no parameter {name:?}")]
    UnknownName { name: String },
    #[error("value: parameter {name} (position {position}) is given twice")]
    Twice { name: String, position: usize },
    #[error("value: {reason}")]
    Malformed { reason: String },
    /// The caller may tell the decoder that schema and try again.
    #[error("value: its schema, number {id}, is not known")]
    UnknownSchema { id: u32 },
}
