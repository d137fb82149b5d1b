//! What goes wrong, in the form every error has over HTTP: `{"error":{"code","message","parameter"}}`.

use crate::{
    gate::Refusal,
    session,
    wire::volt::{response::Response as VoltResponse, status::Status},
};
use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use tollgate_procedures::parameter::ParameterError;

/// When a caller may try again, in seconds: long enough for a queue to drain or a leader to be there.
const RETRY_AFTER_S: u32 = 1;

/// A refusal or a failure. `code` is for programs, `message` for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ApiError {
    pub(super) status: StatusCode,
    pub(super) code: &'static str,
    pub(super) message: String,
    /// The parameter, field or header that is wrong.
    pub(super) parameter: Option<String>,
    pub(super) retry: bool,
}

impl ApiError {
    pub(super) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> ApiError {
        ApiError { status, code, message: message.into(), parameter: None, retry: false }
    }

    pub(super) fn malformed(message: impl Into<String>) -> ApiError {
        ApiError::new(StatusCode::BAD_REQUEST, "malformed_request", message)
    }

    /// A parameter that does not fit.
    pub(super) fn parameter(name: &str, reason: impl Into<String>) -> ApiError {
        let parameter = Some(name.to_string());
        ApiError { parameter, ..ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_parameter", reason) }
    }

    pub(super) fn not_found(message: impl Into<String>) -> ApiError {
        ApiError::new(StatusCode::NOT_FOUND, "not_found", message)
    }

    /// Passes by itself: the caller is told to try again.
    pub(super) fn unavailable(code: &'static str, message: impl Into<String>) -> ApiError {
        ApiError { retry: true, ..ApiError::new(StatusCode::SERVICE_UNAVAILABLE, code, message) }
    }

    pub(super) fn internal(message: impl Into<String>) -> ApiError {
        ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "internal_error", message)
    }

    /// Fails unless the procedure succeeded.
    pub(super) fn check(response: &VoltResponse<'_>) -> Result<(), ApiError> {
        let text = response.status_text.unwrap_or("");
        let (kind, reason) = split_text(text);
        Err(match response.status {
            Status::Success => return Ok(()),
            Status::UserAbort => ApiError::new(StatusCode::CONFLICT, "aborted", reason),
            Status::GracefulFailure if kind == "PARAMETER ERROR" => match parameter_of(reason) {
                Some((name, reason)) => ApiError::parameter(name, reason),
                None => ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_parameter", reason),
            },
            Status::GracefulFailure if reason == session::REUSED => {
                let error = ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "idempotency_key_reused", reason);
                ApiError { parameter: Some("Idempotency-Key".to_string()), ..error }
            }
            Status::GracefulFailure if kind == "CONSTRAINT VIOLATION" => {
                ApiError::new(StatusCode::CONFLICT, "constraint_violation", reason)
            }
            Status::GracefulFailure => ApiError::new(StatusCode::CONFLICT, "refused", reason),
            Status::ServerUnavailable => ApiError::unavailable("unavailable", reason),
            Status::OperationalFailure => {
                ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "result_too_long", reason)
            }
            _ => ApiError::internal(reason),
        })
    }
}

/// `VOLTDB ERROR: kind\n  reason`, apart. A text of another form is all reason.
fn split_text(text: &str) -> (&str, &str) {
    let parts = text.strip_prefix("VOLTDB ERROR: ").and_then(|rest| rest.split_once("\n  "));
    parts.unwrap_or(("", text))
}

/// The name in `parameter NAME (position N): reason`, and the reason.
fn parameter_of(text: &str) -> Option<(&str, &str)> {
    let (name, rest) = text.strip_prefix("parameter ")?.split_once(" (position ")?;
    let (_, reason) = rest.split_once("): ")?;
    Some((name, reason))
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> ApiError {
        let text = refusal.to_string();
        match refusal {
            Refusal::UnknownProcedure(name) => {
                let text = format!("there is no procedure {name}");
                ApiError::new(StatusCode::NOT_FOUND, "unknown_procedure", text)
            }
            Refusal::Parameter(ParameterError::Value { name, reason, .. }) => {
                ApiError::parameter(&name, reason)
            }
            Refusal::Parameter(_) => {
                ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_parameter", text)
            }
            Refusal::NeedsDestination(name) => {
                let text = format!("{name} runs in the partition that is named: add ?partition=N");
                ApiError::parameter("partition", text)
            }
            Refusal::NoSuchPartition(_) => ApiError::parameter("partition", text),
            Refusal::WritesRefused(reason) => {
                ApiError::unavailable("writes_refused", format!("writes are refused for now: {reason}"))
            }
            Refusal::NoLeader(_) => ApiError::unavailable("unavailable", text),
            Refusal::Busy => ApiError::unavailable("busy", text),
            Refusal::Stopping => ApiError::unavailable("stopping", text),
        }
    }
}

#[derive(Serialize)]
struct Body<'a> {
    error: Details<'a>,
}

#[derive(Serialize)]
struct Details<'a> {
    code: &'a str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    parameter: Option<&'a str>,
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let details =
            Details { code: self.code, message: &self.message, parameter: self.parameter.as_deref() };
        let mut response = (self.status, axum::Json(Body { error: details })).into_response();
        if self.retry {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(RETRY_AFTER_S));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_s_status_becomes_one_of_http() {
        let check = |status, text: &str, expected: (u16, &str, &str, Option<&str>)| {
            let error = ApiError::check(&VoltResponse::failure(1, status, text)).unwrap_err();
            let shown =
                (error.status.as_u16(), error.code, error.message.as_str(), error.parameter.as_deref());
            assert_eq!(shown, expected);
        };
        check(
            Status::UserAbort,
            "VOLTDB ERROR: USER ABORT\n  no such card",
            (409, "aborted", "no such card", None),
        );
        let text = "VOLTDB ERROR: PARAMETER ERROR\n  parameter card_id (position 0): must not be NULL";
        check(Status::GracefulFailure, text, (422, "invalid_parameter", "must not be NULL", Some("card_id")));
        let text = "VOLTDB ERROR: CONSTRAINT VIOLATION\n  CARDS already has a row with this key: PK";
        let expected = (409, "constraint_violation", "CARDS already has a row with this key: PK", None);
        check(Status::GracefulFailure, text, expected);
        check(Status::ServerUnavailable, "not applied: x", (503, "unavailable", "not applied: x", None));
        check(Status::UnexpectedFailure, "panic", (500, "internal_error", "panic", None));
    }
}
