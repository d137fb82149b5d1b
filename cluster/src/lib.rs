//! A replicated, durable log of opaque blocks.
//!
//! In reading order: [`disk`] is the seam to files, [`log`] the one durable log of a node for all its groups,
//! [`replica`] the driver of one raft group (no IO, no clock, no entropy), [`snapshot`] the file a group's
//! state is kept in. This crate never knows what a block means: tables, procedures and clients are above it.
//! It starts no threads; the server owns them and calls in.

pub mod disk;
pub mod log;
mod random;
pub mod replica;
pub mod snapshot;
