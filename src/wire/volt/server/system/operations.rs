//! What operators ask for: `@Quiesce`, `@SnapshotSave`, `@Pause`, `@Resume`.

use super::front::Front;
use crate::{
    limits,
    node::shared::Shared,
    wire::volt::{
        status::Status,
        system::{ResultTables, SystemError, snapshot_save},
    },
};
use std::{sync::Arc, time::Duration};

/// Refuses writes until [`pause`] is asked to admit them again, or the server ends.
pub(super) fn pause(shared: &Shared, pause: bool) -> ResultTables {
    tracing::warn!(pause, "writes are paused or resumed by a client");
    shared.gate.pause(pause);
    ResultTables::status_ok()
}

/// Waits until everything that was answered, or is on its way to be, is committed and durable: then views of
/// it can be had.
pub(super) async fn quiesce(front: &Arc<Front>) -> Result<ResultTables, SystemError> {
    let shared = front.shared.clone();
    let longest = Duration::from_millis(limits::QUIESCE_MAX_MS);
    let frozen = front.slots.clone().run(move || shared.freeze_all(longest).map(drop)).await?;
    frozen.map_err(|error| unavailable(&error)).map(|()| ResultTables::status_ok())
}

/// Takes a snapshot now and waits for it, whatever the call says of where and how: the server knows its
/// directory.
pub(super) async fn snapshot_save(front: &Arc<Front>) -> Result<ResultTables, SystemError> {
    let shared = front.shared.clone();
    let taken = front.slots.clone().run(move || shared.take_snapshot()).await?;
    let saved = snapshot_save::Saved { error: taken.map_err(|error| unavailable(&error))?.err() };
    Ok(snapshot_save::answer(front.shared.host_id, &front.hostname, &saved))
}

fn unavailable(error: &anyhow::Error) -> SystemError {
    SystemError { status: Status::ServerUnavailable, text: format!("{error:#}") }
}
