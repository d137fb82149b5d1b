//! `POST /api/v1/admin/snapshot`: writes the rows of every partition to disk now, so that a restart is quick.

use super::error::ApiError;
use crate::node::{shared::Shared, snapshot_thread};
use axum::{Json, extract::State};
use serde::Serialize;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Lets one request ask for a snapshot at a time.
#[derive(Clone)]
pub(super) struct OneSnapshot(Arc<Semaphore>);

impl OneSnapshot {
    pub(super) fn new() -> OneSnapshot {
        OneSnapshot(Arc::new(Semaphore::new(1)))
    }
}

#[derive(Serialize)]
pub(super) struct Taken {
    bytes: u64,
    ms: u64,
}

pub(super) async fn snapshot(
    State((shared, one)): State<(Arc<Shared>, OneSnapshot)>,
) -> Result<Json<Taken>, ApiError> {
    let permit = one.0.try_acquire_owned();
    let permit = permit.map_err(|_| ApiError::unavailable("busy", "a snapshot is being taken"))?;
    let requests = shared.snapshot_requests.clone();
    // The snapshot thread answers when it is done, which may take minutes; a caller that hangs up does not
    // end it.
    let taken = tokio::task::spawn_blocking(move || {
        let _permit = permit;
        let (sender, taken) = crossbeam::channel::bounded(1);
        requests.send(snapshot_thread::Request::Take(sender)).ok()?;
        taken.recv().ok()
    });
    match taken.await {
        Ok(Some(Ok(snapshot_thread::Taken { bytes, ms }))) => Ok(Json(Taken { bytes, ms })),
        Ok(Some(Err(error))) => Err(ApiError::internal(error)),
        Ok(None) | Err(_) => Err(crate::gate::Refusal::Stopping.into()),
    }
}
