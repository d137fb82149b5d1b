//! Tollgate: an in-memory, transactional risk store.
pub mod wire;
