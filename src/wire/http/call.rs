//! One call over HTTP: through the gate to its executor, and its reply back.

use super::error::ApiError;
use crate::{
    gate::Refusal,
    limits,
    node::{desk::By, shared::Shared},
    one_call::{self, OneCall},
    wire::volt::{
        frame::{self, Frame},
        response::Response,
    },
};
use std::{sync::Arc, time::Duration};
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
    let Request { procedure, parameters, destination, identity } = request;
    let call = OneCall { procedure, parameters, destination, identity, is_measured: true };
    let room = Duration::from_millis(limits::HTTP_ADMISSION_MAX_MS);
    let submitted = tokio::time::timeout(room, call.submit(shared, By::Helper)).await;
    let one_call::Reply { frame, is_repeated } = submitted.unwrap_or(Err(Refusal::Busy))?.reply().await?;
    Ok(Reply { frame, is_repeated })
}
