//! A request's body, bounded in size and in time.

use super::error::ApiError;
use crate::limits;
use axum::{
    body::{Body, HttpBody},
    http::StatusCode,
};
use http_body_util::BodyExt;
use std::time::Duration;

/// Reads all of it.
pub(super) async fn read(body: Body) -> Result<Vec<u8>, ApiError> {
    // A length that is announced is believed only to refuse it.
    if body.size_hint().lower() > limits::HTTP_BODY_BYTES_MAX as u64 {
        return Err(too_large());
    }
    let longest = Duration::from_millis(limits::HTTP_BODY_MAX_MS);
    tokio::time::timeout(longest, read_frames(body)).await.unwrap_or_else(|_| {
        let text = format!("the body did not arrive within {} s", longest.as_secs());
        Err(ApiError::new(StatusCode::REQUEST_TIMEOUT, "timeout", text))
    })
}

async fn read_frames(mut body: Body) -> Result<Vec<u8>, ApiError> {
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| ApiError::malformed(error.to_string()))?;
        let Ok(data) = frame.into_data() else { continue };
        if bytes.len() + data.len() > limits::HTTP_BODY_BYTES_MAX {
            return Err(too_large());
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes)
}

fn too_large() -> ApiError {
    let text = format!("a body is at most {} bytes", limits::HTTP_BODY_BYTES_MAX);
    ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", text)
}
