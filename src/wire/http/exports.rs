//! `GET /api/v1/exports`: how far each export has come, partition by partition.

use crate::{export::facts::LaneStatus, node::shared::Shared};
use axum::{Json, extract::State};
use serde::Serialize;
use std::sync::Arc;

#[derive(Serialize)]
pub(super) struct Shown {
    exports: Vec<LaneStatus>,
}

pub(super) async fn show(State(shared): State<Arc<Shared>>) -> Json<Shown> {
    Json(Shown { exports: shared.exports.status(&shared.ends) })
}
