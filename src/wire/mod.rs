//! The front ends: what clients say, in the form each protocol says it.

pub mod http;
pub mod kafka;
pub mod volt;
