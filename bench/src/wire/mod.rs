//! The three wire protocols, each as small as a load generator needs it: requests are appended to a buffer,
//! replies are read no further than their outcome. No sockets and no clock in here.

pub(crate) mod bytes;
pub(crate) mod postgres;
pub(crate) mod resp;
pub(crate) mod volt;

use crate::transit::judge::Outcome;
use crate::transit::stream::Tap;

/// One reply to a tap, borrowed from the read buffer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Reply<'a> {
    /// The call's handle where the protocol carries one; otherwise replies come in the order of the calls.
    pub(crate) handle: Option<u64>,
    pub(crate) outcome: Outcome,
    /// The message column, or the error's text when the outcome is `Failed`.
    pub(crate) message: &'a [u8],
}

/// Something whole at the front of a buffer, or None when more bytes are needed.
pub(crate) type Parsed<T> = Result<Option<T>, WireError>;

/// The length of a general reply, and the server's error text if it is one.
pub(crate) type CallResult = (usize, Result<(), String>);

/// How one contender is asked to judge a tap.
pub(crate) trait Codec {
    /// Appends the call. `handle` is unique within the connection and comes back where the protocol has room
    /// for it.
    fn encode_tap(&mut self, handle: u64, tap: &Tap, out: &mut Vec<u8>);

    /// The first whole reply in `bytes` and its length; None when more bytes are needed.
    fn decode_reply<'a>(&mut self, bytes: &'a [u8]) -> Parsed<(usize, Reply<'a>)>;
}

/// The contender sent something its protocol does not allow here.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct WireError {
    pub(crate) field: &'static str,
    pub(crate) detail: String,
}

impl WireError {
    pub(crate) fn new(field: &'static str, detail: impl Into<String>) -> Self {
        Self { field, detail: detail.into() }
    }
}

impl std::fmt::Display for WireError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "malformed reply, {}: {}", self.field, self.detail)
    }
}

impl std::error::Error for WireError {}
