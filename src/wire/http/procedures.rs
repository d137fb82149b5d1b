//! `POST /api/v1/procedures/{name}`: calls a procedure.

use super::{
    body,
    call::{self, Request, to_json},
    error::ApiError,
    parameters::Given,
    results::Success,
};
use crate::{limits, node::shared::Shared};
use axum::{
    body::Body,
    extract::{Path, Query, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use std::sync::Arc;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const IDEMPOTENT_REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Destination {
    /// For a directed procedure.
    partition: Option<i32>,
}

pub(super) async fn call(
    State(shared): State<Arc<Shared>>,
    Path(name): Path<String>,
    destination: Result<Query<Destination>, axum::extract::rejection::QueryRejection>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let Query(destination) = destination.map_err(|rejection| ApiError::malformed(rejection.body_text()))?;
    let procedure = shared.gate.admit(&name)?;
    let identity = identity(&headers)?;
    let body = body::read(body).await?;
    let registry = shared.gate.registry();
    let mut parameters = Vec::with_capacity(body.len() + 16);
    Given::of_body(&body)?.write(&registry.get(procedure).procedure, registry.catalog(), &mut parameters)?;
    let destination = destination.partition;
    let reply = call::run(&shared, Request { procedure, parameters, destination, identity }).await?;
    let is_repeated = reply.is_repeated;
    let json = reply.written(|reply| to_json(&Success(&reply.success()?))).await?;
    let mut response = json_response(StatusCode::OK, json)?;
    if is_repeated {
        response.headers_mut().insert(IDEMPOTENT_REPLAYED, HeaderValue::from_static("true"));
    }
    Ok(response)
}

/// The idempotency key, if there is one.
fn identity(headers: &HeaderMap) -> Result<Option<&[u8]>, ApiError> {
    let Some(value) = headers.get(IDEMPOTENCY_KEY) else { return Ok(None) };
    let key = value.as_bytes();
    if key.is_empty() || key.len() > limits::IDENTITY_BYTES_MAX {
        let text = format!("Idempotency-Key must have 1 to {} bytes", limits::IDENTITY_BYTES_MAX);
        let error = ApiError::malformed(text);
        return Err(ApiError { parameter: Some("Idempotency-Key".to_string()), ..error });
    }
    Ok(Some(key))
}

/// A body that is JSON already.
pub(super) fn json_response(status: StatusCode, json: Vec<u8>) -> Result<Response, ApiError> {
    let content_type = (header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok((status, [content_type], json).into_response())
}
