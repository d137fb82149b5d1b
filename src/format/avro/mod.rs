//! Avro: one record a message behind Confluent's head, a zero byte and the number of its schema. Rows leave
//! as flat records; records of any schema that is flat arrive. Never knows where schemas are kept.
//!
//! In reading order: `schema`, schemas as text and as a tree; `canonical`, their canonical text and
//! fingerprint; `compatibility`, whether one reads what another wrote; `write` and `read`, records; `bytes`,
//! what numbers look like.
//!
//! Source: Apache Avro's specification, 1.12.

mod bytes;
mod canonical;
mod compatibility;
mod default;
mod read;
pub mod schema;
mod write;

#[cfg(test)]
mod tests;

pub use compatibility::{Incompatibility, incompatibilities};
pub(super) use read::AvroReader;
pub use schema::{Schema, SchemaError};
pub(super) use write::AvroWriter;
