//! Tollgate: an in-memory, transactional risk store.
pub mod client;
pub mod clock;
pub mod wire;
