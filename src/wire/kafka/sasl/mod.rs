//! The server's side of SASL: PLAIN (RFC 4616), SCRAM-SHA-256 and SCRAM-SHA-512 (RFC 5802, RFC 7677), as
//! state machines from bytes to bytes. Bytes from outside are believed nothing, and an unknown user cannot be
//! told from a wrong password. Never knows sockets, Kafka's frames, clocks, where randomness comes from.
//!
//! In reading order: `exchange`, one client's way to its user; `plain` and `scram`, the mechanisms;
//! `message`, how SCRAM's messages are read; `users`, what is kept of passwords; `keys`, the cryptography;
//! `error`, what can be wrong.
//!
//! Passwords and names are taken as their UTF-8 bytes, without SASLprep: so do Kafka's clients.

mod error;
mod exchange;
mod keys;
mod message;
mod plain;
mod scram;
mod users;

#[cfg(test)]
mod tests;

pub use error::{SaslError, UsersError};
pub use exchange::{Exchange, NONCE_BYTES, Step};
pub use users::Users;

/// A message of a client is at most so long.
pub const MESSAGE_BYTES_MAX: usize = 4096;
/// A user's name is at most so long.
pub const NAME_BYTES_MAX: usize = 256;
/// A password is at most so long.
pub const PASSWORD_BYTES_MAX: usize = 1024;

/// How a client proves who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mechanism {
    Plain,
    ScramSha256,
    ScramSha512,
}

impl Mechanism {
    pub const ALL: [Mechanism; 3] = [Mechanism::Plain, Mechanism::ScramSha256, Mechanism::ScramSha512];

    pub fn name(self) -> &'static str {
        match self {
            Mechanism::Plain => "PLAIN",
            Mechanism::ScramSha256 => "SCRAM-SHA-256",
            Mechanism::ScramSha512 => "SCRAM-SHA-512",
        }
    }

    /// By its registered name, in capitals: so Kafka's brokers compare it.
    pub fn of_name(name: &str) -> Option<Mechanism> {
        Mechanism::ALL.into_iter().find(|mechanism| mechanism.name() == name)
    }
}
