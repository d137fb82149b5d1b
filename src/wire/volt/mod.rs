//! VoltDB's client protocol, one file a message. Pure functions between bytes and plain values: this module
//! never opens a socket, reads no clock and runs no procedure (the net threads do, with what is here).
//!
//! In reading order: [`frame`], lengths in front; [`login`], the first exchange; [`invocation`], a call;
//! [`response`] and [`status`], its answer; [`system`], the answers to the calls whose names begin with `@`.

pub mod frame;
pub mod invocation;
pub mod login;
pub mod response;
pub mod server;
pub mod status;
pub mod system;

#[cfg(test)]
mod testing;
