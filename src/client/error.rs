//! What can go wrong between a tool and its server, in words that say what to do.

use super::ServerAddress;
use crate::wire::volt::{frame::FrameError, login::LoginFailure, response::ResponseError};
use std::io;
use tollgate_schema::codec::CodecError;

/// See the module. A call that the server answered is not an error here, whatever its status.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    #[error(
        "nothing listens on {0}; start a server there with `tollgate serve`, or name another with --server"
    )]
    NothingListens(ServerAddress),
    #[error("the host of {server} is not known: {error}")]
    UnknownHost { server: ServerAddress, error: io::Error },
    #[error("{server} could not be reached: {error}")]
    Unreachable { server: ServerAddress, error: io::Error },
    #[error("{server} refused the login: {failure}")]
    Login { server: ServerAddress, failure: LoginFailure },
    #[error("{server} does not speak the VoltDB protocol ({reason}); is it the right port?")]
    NotAServer { server: ServerAddress, reason: String },
    #[error("the connection to {server} was lost: {error}")]
    Lost { server: ServerAddress, error: io::Error },
    #[error("{server} sent what cannot be read: {reason}")]
    Malformed { server: ServerAddress, reason: Malformed },
    #[error("the call of {procedure} is {bytes} bytes long, and a call has at most 50 MiB")]
    TooLong { procedure: String, bytes: usize },
}

/// What about a server's bytes cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Malformed {
    #[error(transparent)]
    Frame(#[from] FrameError),
    #[error(transparent)]
    Response(#[from] ResponseError),
    #[error("result table: {0}")]
    Table(#[from] CodecError),
    #[error("a reply to a call that was not made (handle {0})")]
    UnknownHandle(i64),
}
