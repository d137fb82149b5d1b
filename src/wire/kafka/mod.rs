//! Kafka's protocol.
//!
//! - [`records`]: record batches; [`protocol`]: requests and responses; [`identity`]: ids of topics;
//! - [`groups`]: who is in a consumer group; [`sasl`]: who may come in;
//! - [`server`]: connections, and what requests do.

pub mod groups;
pub mod identity;
pub mod protocol;
pub mod records;
pub mod sasl;
pub mod server;
