//! `GET /api/v1/health`: whether this node can do its work. 200 when it leads every partition it has, else
//! 503.

use crate::{clock, node::shared::Shared};
use axum::{Json, extract::State, http::StatusCode};
use serde::Serialize;
use std::sync::Arc;

#[derive(Serialize)]
pub(super) struct Health {
    /// `starting`: some partition has no leader yet; `ok`; `degraded`: writes are refused, or a partition
    /// lost its leader; `stopping`.
    status: &'static str,
    /// Microseconds since 1970.
    timestamp_us: i64,
    version: &'static str,
    uptime_s: u64,
    partitions: Vec<PartitionHealth>,
    #[serde(skip_serializing_if = "Option::is_none")]
    writes_refused: Option<String>,
}

#[derive(Serialize)]
struct PartitionHealth {
    partition: u16,
    leads: bool,
    applied_index: u64,
}

/// A leader is there within this time after a start; later its absence is a fault.
const STARTING_MAX_S: u64 = 10;

pub(super) async fn show(State(shared): State<Arc<Shared>>) -> (StatusCode, Json<Health>) {
    let health = health(&shared);
    let leads_all = health.partitions.len() == usize::from(shared.config.partitions)
        && health.partitions.iter().all(|p| p.leads);
    let serves = leads_all && health.status != "stopping";
    (if serves { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, Json(health))
}

fn health(shared: &Shared) -> Health {
    let partitions = shared.partitions().into_iter().map(|facts| PartitionHealth {
        partition: facts.partition,
        leads: facts.leads,
        applied_index: facts.applied_index,
    });
    let partitions: Vec<_> = partitions.collect();
    let uptime_s = clock::now().duration_since(shared.started).as_secs();
    let writes_refused = shared.gate.writes_refused();
    let all_there = partitions.len() == usize::from(shared.config.partitions);
    let status = match all_there && partitions.iter().all(|p| p.leads) {
        _ if shared.gate.is_stopping() => "stopping",
        false if uptime_s < STARTING_MAX_S => "starting",
        false => "degraded",
        true if writes_refused.is_some() => "degraded",
        true => "ok",
    };
    let (timestamp_us, version) = (clock::wall_us(), env!("CARGO_PKG_VERSION"));
    Health { status, timestamp_us, version, uptime_s, partitions, writes_refused }
}
