//! Measurements of one Tollgate node that have no peer: memory, recovery, snapshots under load;
//! and what the Kafka comparison asks a node: balances, exports.
//! They use the node's wire port, its HTTP port and /proc, nothing else.

pub(crate) mod balances;
pub(crate) mod exports;
pub(crate) mod history;
pub(crate) mod http;
pub(crate) mod memory;
pub(crate) mod metrics;
pub(crate) mod recovery;
pub(crate) mod snapshot;
