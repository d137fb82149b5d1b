//! A call that the front end makes itself: through the gate like any other, so that it is durable before its
//! reply.

use crate::{
    call::{Arrival, Batch, Call, Form, ReplySink},
    gate::Refusal,
    node::{desk::By, shared::Shared},
    wire::volt::{
        frame::{self, Frame},
        response::Response,
        server::dispatch::status_of,
        status::Status,
        system::{ResultTables, SystemError},
    },
};
use bytes::Bytes;
use parking_lot::Mutex;
use std::sync::Arc;
use tokio::sync::oneshot;

/// Calls the procedure with this parameter set and waits for its reply.
pub(super) async fn call(
    shared: &Arc<Shared>,
    procedure: &str,
    parameters: Vec<u8>,
) -> Result<ResultTables, SystemError> {
    let refused = |refusal: Refusal| SystemError { status: status_of(&refusal), text: refusal.to_string() };
    let gate = &shared.gate;
    let id = gate.admit(procedure).map_err(refused)?;
    let target = gate.target(id, &parameters, None).map_err(refused)?;
    let length = parameters.len() as u32;
    let call = Call {
        handle: 0,
        procedure: id,
        target,
        form: Form::Parameters,
        parameters: 0..length,
        identity: None,
    };
    let executor = gate.executor_of(&call);
    let (sender, reply) = oneshot::channel();
    let sink = Arc::new(OneReply(Mutex::new(Some(sender))));
    let received_us = shared.monotonic_us();
    let batch = Batch { sink, received_us, bytes: Bytes::from(parameters), calls: vec![call] };
    gate.submit(executor, batch, By::Helper).await.map_err(refused)?;
    // Nobody drops a sink unanswered but a server that ends.
    let frame = reply.await.map_err(|_| refused(Refusal::Stopping))?;
    read(&frame)
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

/// Takes the reply. How long it took is counted for the call that it is part of.
struct OneReply(Mutex<Option<oneshot::Sender<Vec<u8>>>>);

impl ReplySink for OneReply {
    fn send(&self, frames: Vec<u8>, arrivals: &[Arrival]) {
        assert!(matches!(arrivals, [Arrival { calls: 1, .. }]), "one call was sent, not {arrivals:?}");
        if let Some(sender) = self.0.lock().take() {
            // Whoever waited may have gone.
            let _ = sender.send(frames);
        }
    }
}
