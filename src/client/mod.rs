//! Tollgate's own client of the VoltDB protocol, for the command line, the simulators and the demo: plain
//! threads and blocking sockets. Never knows: the server's insides, what a procedure means, the terminal.
//!
//! In reading order:
//! - [`address`]: where a server is; [`error`]: what can go wrong, in words that say what to do.
//! - [`connection`]: one call at a time; [`answer`]: what a call brought back.
//! - [`pipeline`]: many calls under way on one connection; [`slots`]: which call a reply belongs to.
//! - [`pacer`]: when calls are due at a rate; [`latency`]: how long they took.
//! - [`declared`]: what the server says of its tables and procedures.
//! - [`http`]: the one request over HTTP that our tools need.

pub mod address;
pub mod answer;
pub mod connection;
pub mod declared;
pub mod error;
pub mod http;
pub mod latency;
pub mod pacer;
pub mod pipeline;
mod slots;
mod socket;
#[cfg(test)]
pub(crate) mod testing;

pub use address::ServerAddress;
pub use answer::{Answer, ResultTable};
pub use connection::Connection;
pub use error::ClientError;
pub use pipeline::{Pipeline, Reply};
