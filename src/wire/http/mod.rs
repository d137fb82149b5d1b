//! The HTTP port: JSON calls, VoltDB's JSON interface, streams, health, metrics. What it speaks is in
//! docs/HTTP.md.
//!
//! In reading order: [`procedures`], a call, from [`parameters`] through [`call`] to
//! [`results`]; [`volt_json`], VoltDB's own form of the same; [`streams`]; [`health`], [`metrics`],
//! [`exports`] and [`admin`] for operators; [`schemas`], the schema registry; [`openapi`], all of it
//! described; [`error`], every refusal; [`body`] and [`connection`], what a peer may cost.
//!
//! Runs on: net threads. It never knows: rows, the log.

mod admin;
mod body;
mod call;
mod connection;
mod error;
mod exports;
mod health;
mod metrics;
mod openapi;
mod parameters;
mod procedures;
mod results;
mod schemas;
mod streams;
#[cfg(test)]
mod tests;
mod volt_json;

use crate::{
    node::shared::Shared,
    wire::{kafka::server::KafkaFront, volt::server::Front},
};
use axum::{
    Router,
    extract::State,
    http::{Method, StatusCode, Uri},
    response::{Html, Response},
    routing::{get, post},
};
use error::ApiError;
use std::sync::{Arc, atomic::AtomicUsize};
use tollgate_procedures::Procedure;
use tollgate_schema::catalog::Catalog;

/// Serves until the task is ended.
pub async fn serve(
    listener: tokio::net::TcpListener,
    shared: Arc<Shared>,
    front: Arc<Front>,
    kafka_front: Arc<KafkaFront>,
) {
    let open = Arc::new(AtomicUsize::new(0));
    connection::accept(listener, router(&shared, &front, kafka_front, &open), open, shared).await;
}

/// `open`: how many connections there are.
fn router(
    shared: &Arc<Shared>,
    front: &Arc<Front>,
    kafka_front: Arc<KafkaFront>,
    open: &Arc<AtomicUsize>,
) -> Router {
    let calls = Router::new()
        .route("/api/v1/procedures/{name}", post(procedures::call))
        .route("/api/v1/streams", get(streams::list))
        .route("/api/v1/streams/{name}", get(streams::read))
        .route("/api/v1/exports", get(exports::show))
        .route("/api/v1/health", get(health::show))
        .route("/openapi.json", get(document))
        .route("/", get(|| async { Html(openapi::page()) }))
        .merge(schemas::routes())
        .with_state(shared.clone());
    let volt_json = Router::new()
        .route("/api/1.0/", volt_json::routes(volt_json::Form::Arrays))
        .route("/api/2.0/", volt_json::routes(volt_json::Form::Objects))
        .with_state(front.clone());
    let admin = Router::new()
        .route("/api/v1/admin/snapshot", post(admin::snapshot))
        .with_state((shared.clone(), admin::OneSnapshot::new()));
    let facts = (shared.clone(), kafka_front, open.clone());
    let metrics = Router::new().route("/metrics", get(metrics::show)).with_state(facts);
    let all = calls.merge(volt_json).merge(admin).merge(metrics);
    all.fallback(nothing_here).method_not_allowed_fallback(wrong_method)
}

async fn document(State(shared): State<Arc<Shared>>) -> Result<Response, ApiError> {
    procedures::json_response(StatusCode::OK, openapi::document(shared.gate.registry())?)
}

async fn nothing_here(uri: Uri) -> ApiError {
    ApiError::not_found(format!("there is nothing at {}", uri.path()))
}

async fn wrong_method(method: Method, uri: Uri) -> ApiError {
    let text = format!("{} does not take {method}", uri.path());
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", text)
}

/// For the fuzzers: the body of a call as the procedure's parameter set, or why it is none.
#[doc(hidden)]
pub fn parameters_of_body(body: &[u8], procedure: &Procedure, catalog: &Catalog) -> Result<Vec<u8>, String> {
    let mut parameters = Vec::new();
    let given = parameters::Given::of_body(body);
    let written = given.and_then(|given| given.write(procedure, catalog, &mut parameters));
    written.map(|()| parameters).map_err(|error| error.message)
}
