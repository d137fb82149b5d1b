//! Kafka's protocol.
//!
//! - [`records`]: record batches; [`protocol`]: requests and responses;
//! - [`groups`]: who is in a consumer group; [`sasl`], [`tls`]: who may come in;
//! - [`server`]: connections, and what requests do.

pub mod groups;
pub mod protocol;
pub mod records;
pub mod sasl;
pub mod server;
pub mod tls;
