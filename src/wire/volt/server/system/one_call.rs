//! A call that the front end makes itself: through the gate like any other, so that it is durable before its
//! reply.

use crate::{
    gate::Refusal,
    node::{desk::By, shared::Shared},
    one_call::OneCall,
    wire::volt::{
        frame::{self, Frame},
        response::Response,
        server::dispatch::status_of,
        status::Status,
        system::{ResultTables, SystemError},
    },
};
use std::sync::Arc;

/// Calls the procedure with this parameter set and waits for its reply.
pub(super) async fn call(
    shared: &Arc<Shared>,
    procedure: &str,
    parameters: Vec<u8>,
) -> Result<ResultTables, SystemError> {
    let refused = |refusal: Refusal| SystemError { status: status_of(&refusal), text: refusal.to_string() };
    let procedure = shared.gate.admit(procedure).map_err(refused)?;
    // How long it took is counted for the call that it is part of.
    let call = OneCall { procedure, parameters, destination: None, identity: None, is_measured: false };
    let pending = call.submit(shared, By::Helper).await.map_err(refused)?;
    read(&pending.reply().await.map_err(refused)?.frame)
}

fn read(frame: &[u8]) -> Result<ResultTables, SystemError> {
    let malformed = || SystemError {
        status: Status::UnexpectedFailure,
        text: "VOLTDB ERROR: UNEXPECTED FAILURE\n  the reply of a procedure cannot be read".to_string(),
    };
    let Ok(Frame::Whole { body, .. }) = frame::split(frame) else { return Err(malformed()) };
    let response = Response::read(body).map_err(|_| malformed())?;
    match response.status {
        Status::Success => Ok(ResultTables::of(response.tables)),
        status => Err(SystemError { status, text: response.status_text.unwrap_or_default().to_string() }),
    }
}
