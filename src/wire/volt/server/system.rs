//! System procedures, answered by the front end itself: `@Ping` and the rest never wait behind transactions.

use super::writer::ConnectionSink;
use crate::{
    call::ReplySink,
    node::shared::Shared,
    wire::volt::{
        invocation::Invocation,
        response::{self, Tables},
        status::Status,
    },
};
use bytes::Bytes;
use std::sync::Arc;

/// Answers one call. `frame`: a frame's body that was read as an invocation before.
pub(super) async fn answer(
    _shared: &Arc<Shared>,
    sink: &Arc<ConnectionSink>,
    _connection: i64,
    frame: Bytes,
    received_us: u64,
) {
    let Ok(call) = Invocation::read(&frame) else { return };
    let mut out = Vec::new();
    match call.name {
        "@Ping" => response::write_success(&mut out, call.handle, Tables::default()),
        name => {
            let text = format!("Procedure {name} was not found");
            response::write_failure(&mut out, call.handle, Status::UnexpectedFailure, &text);
        }
    }
    sink.send(out, 1, received_us);
}
