//! Tollgate: an in-memory, transactional risk store.
