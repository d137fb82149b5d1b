//! One call over HTTP: through the gate to its executor, and its reply back.

use super::error::ApiError;
use crate::{
    call::{Arrival, Batch, Call, Form, ReplySink},
    limits,
    node::{desk::By, shared::Shared},
    wire::volt::{
        frame::{self, Frame},
        response::Response,
    },
};
use bytes::Bytes;
use parking_lot::Mutex;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::sync::oneshot;
use tollgate_procedures::registry::ProcedureId;

/// What is to be called.
pub(super) struct Request<'a> {
    pub(super) procedure: ProcedureId,
    /// The parameter set.
    pub(super) parameters: Vec<u8>,
    /// The partition that the caller names.
    pub(super) destination: Option<i32>,
    /// An idempotency key.
    pub(super) identity: Option<&'a [u8]>,
}

/// The response frame of a call.
pub(super) struct Reply {
    frame: Vec<u8>,
    /// It was stored when the call was done; this time nothing was.
    pub(super) is_repeated: bool,
}

impl Reply {
    pub(super) fn of_frame(frame: Vec<u8>) -> Reply {
        Reply { frame, is_repeated: false }
    }

    /// The response, whatever it says.
    pub(super) fn response(&self) -> Result<Response<'_>, ApiError> {
        let Ok(Frame::Whole { body, .. }) = frame::split(&self.frame) else {
            return Err(ApiError::internal("the response is not whole"));
        };
        Response::read(body).map_err(|error| ApiError::internal(error.to_string()))
    }

    /// The response, if it tells of success.
    pub(super) fn success(&self) -> Result<Response<'_>, ApiError> {
        let response = self.response()?;
        ApiError::check(&response)?;
        Ok(response)
    }

    /// What `write` makes of the reply. A large one is written on another thread: this one has other
    /// connections.
    pub(super) async fn written<F>(self, write: F) -> Result<Vec<u8>, ApiError>
    where
        F: FnOnce(&Reply) -> Result<Vec<u8>, ApiError> + Send + 'static,
    {
        if self.frame.len() <= WRITTEN_HERE_BYTES_MAX {
            return write(&self);
        }
        let written = tokio::task::spawn_blocking(move || write(&self)).await;
        written.unwrap_or_else(|error| Err(ApiError::internal(error.to_string())))
    }
}

/// A reply up to this size is turned into JSON in a fraction of a millisecond.
const WRITTEN_HERE_BYTES_MAX: usize = 64 << 10;

/// JSON as bytes.
pub(super) fn to_json(value: &impl serde::Serialize) -> Result<Vec<u8>, ApiError> {
    serde_json::to_vec(value).map_err(|error| ApiError::internal(error.to_string()))
}

/// Runs the call. Waits a bounded time for room in the executor's queue, then as long as the call takes.
pub(super) async fn run(shared: &Arc<Shared>, request: Request<'_>) -> Result<Reply, ApiError> {
    let gate = &shared.gate;
    if gate.is_stopping() {
        return Err(crate::gate::Refusal::Stopping.into());
    }
    let target = gate.target(request.procedure, &request.parameters, request.destination)?;
    let mut bytes = request.parameters;
    let parameters = 0..bytes.len() as u32;
    let identity = request.identity.map(|identity| {
        bytes.extend_from_slice(identity);
        parameters.end..bytes.len() as u32
    });
    let call = Call {
        handle: 0,
        procedure: request.procedure,
        target,
        form: Form::Parameters,
        parameters,
        identity,
    };
    let executor = gate.executor_of(&call);
    let (sender, reply) = oneshot::channel();
    let sender = Mutex::new(Some(sender));
    let sink = Arc::new(OneReply { sender, is_repeated: AtomicBool::new(false), shared: shared.clone() });
    let received_us = shared.monotonic_us();
    let batch = Batch { sink: sink.clone(), received_us, bytes: Bytes::from(bytes), calls: vec![call] };
    let room = Duration::from_millis(limits::HTTP_ADMISSION_MAX_MS);
    match tokio::time::timeout(room, gate.submit(executor, batch, By::Helper)).await {
        Ok(submitted) => submitted?,
        Err(_) => return Err(crate::gate::Refusal::Busy.into()),
    }
    // Nobody drops a sink unanswered but a server that ends.
    let frame = reply.await.map_err(|_| ApiError::from(crate::gate::Refusal::Stopping))?;
    Ok(Reply { frame, is_repeated: sink.is_repeated.load(Ordering::Acquire) })
}

/// Takes the reply of one call.
struct OneReply {
    sender: Mutex<Option<oneshot::Sender<Vec<u8>>>>,
    is_repeated: AtomicBool,
    shared: Arc<Shared>,
}

impl ReplySink for OneReply {
    fn send(&self, frames: Vec<u8>, arrivals: &[Arrival]) {
        let [Arrival { calls: 1, .. }] = arrivals else { panic!("one call was sent, not {arrivals:?}") };
        let now_us = self.shared.monotonic_us();
        self.shared.latency.record(arrivals, now_us);
        if let Some(sender) = self.sender.lock().take() {
            // A caller that hung up needs no answer.
            let _ = sender.send(frames);
        }
    }

    fn repeated(&self, _handle: i64) {
        self.is_repeated.store(true, Ordering::Release);
    }
}
