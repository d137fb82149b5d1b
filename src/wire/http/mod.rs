//! The HTTP port: JSON calls, VoltDB's JSON interface, streams, health, metrics.
//!
//! In reading order: [`procedures`], a call, from [`parameters`] (and [`number`]) through [`call`] to [`results`];
//! [`volt_json`], VoltDB's own form of the same; [`error`], every refusal; [`body`] and [`connection`], what a peer may cost.
//!
//! Runs on: net threads. It never knows: rows, the log.

mod body;
mod call;
mod connection;
mod error;
mod health;
mod number;
mod parameters;
mod procedures;
mod results;
mod volt_json;

use crate::node::shared::Shared;
use axum::{
    Router,
    http::{Method, StatusCode, Uri},
    routing::{get, post},
};
use error::ApiError;
use std::sync::{Arc, atomic::AtomicUsize};
use tollgate_procedures::Procedure;
use tollgate_schema::catalog::Catalog;

/// Serves until the task is ended.
pub async fn serve(listener: tokio::net::TcpListener, shared: Arc<Shared>) {
    let open = Arc::new(AtomicUsize::new(0));
    connection::accept(listener, router(shared.clone()), open, shared).await;
}

fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/api/v1/procedures/{name}", post(procedures::call))
        .route("/api/v1/health", get(health::show))
        .route("/api/1.0/", volt_json::routes(volt_json::Form::Arrays))
        .route("/api/2.0/", volt_json::routes(volt_json::Form::Objects))
        .fallback(nothing_here)
        .method_not_allowed_fallback(wrong_method)
        .with_state(shared)
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

#[cfg(test)]
mod tests;
