//! What comes back: a status, JSON, and what is to change. The errors' numbers and texts are Confluent's, for
//! clients look at the numbers and people at the texts.

use super::change::Change;
use serde_json::{Value as Json, json};

/// The answer to a request.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// Of HTTP.
    pub status: u16,
    /// JSON.
    pub body: String,
    /// To be kept and applied before the answer is given.
    pub change: Option<Change>,
}

/// Why a request is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refusal {
    #[error("HTTP 404 Not Found")]
    NoSuchPath,
    #[error("HTTP 405 Method Not Allowed")]
    Method,
    #[error("Subject '{0}' not found.")]
    NoSubject(String),
    #[error("Version {0} not found.")]
    NoVersion(String),
    #[error("Schema {0} not found")]
    NoSchemaId(String),
    #[error("Schema not found")]
    NoSchema,
    #[error("Subject '{0}' was soft deleted.Set permanent=true to delete permanently")]
    SubjectSoftDeleted(String),
    #[error("Subject '{0}' was not deleted first before being permanently deleted")]
    SubjectNotSoftDeleted(String),
    #[error("Subject '{0}' Version {1} was soft deleted.Set permanent=true to delete permanently")]
    VersionSoftDeleted(String, u32),
    #[error("Subject '{0}' Version {1} was not deleted first before being permanently deleted")]
    VersionNotSoftDeleted(String, u32),
    #[error("Subject '{0}' does not have subject-level compatibility configured")]
    NoLevel(String),
    #[error("Subject '{0}' does not have subject-level mode configured")]
    NoMode(String),
    #[error("{0}")]
    Incompatible(String),
    #[error("Unprocessable request: {0}")]
    Body(String),
    #[error("Invalid schema: {0}")]
    InvalidSchema(String),
    #[error(
        "The specified version '{0}' is not a valid version id. Allowed values are between [1, 2^31-1] \
         and the string \"latest\""
    )]
    InvalidVersion(String),
    #[error(
        "Invalid compatibility level. Valid values are none, backward, forward, full, backward_transitive, \
         forward_transitive, and full_transitive"
    )]
    InvalidLevel,
    #[error("Invalid mode. The only valid value is READWRITE")]
    InvalidMode,
    #[error("{0}")]
    NotPermitted(String),
    #[error("The specified subject '{0}' is not a valid.")]
    InvalidSubject(String),
}

impl Refusal {
    /// The registry's number for it. The first three digits are the status.
    fn code(&self) -> u32 {
        match self {
            Refusal::NoSuchPath => 404,
            Refusal::Method => 405,
            Refusal::Incompatible(_) => 409,
            Refusal::Body(_) => 422,
            Refusal::NoSubject(_) => 40401,
            Refusal::NoVersion(_) => 40402,
            Refusal::NoSchemaId(_) | Refusal::NoSchema => 40403,
            Refusal::SubjectSoftDeleted(_) => 40404,
            Refusal::SubjectNotSoftDeleted(_) => 40405,
            Refusal::VersionSoftDeleted(..) => 40406,
            Refusal::VersionNotSoftDeleted(..) => 40407,
            Refusal::NoLevel(_) => 40408,
            Refusal::NoMode(_) => 40409,
            Refusal::InvalidSchema(_) => 42201,
            Refusal::InvalidVersion(_) => 42202,
            Refusal::InvalidLevel => 42203,
            Refusal::InvalidMode => 42204,
            Refusal::NotPermitted(_) => 42205,
            Refusal::InvalidSubject(_) => 42208,
        }
    }
}

/// What a request leads to.
pub(super) type Outcome = Result<(Json, Option<Change>), Refusal>;

/// An answer that changes nothing.
pub(super) fn only(body: Json) -> Outcome {
    Ok((body, None))
}

impl From<Outcome> for Answer {
    fn from(outcome: Outcome) -> Answer {
        match outcome {
            Ok((body, change)) => Answer { status: 200, body: body.to_string(), change },
            Err(refusal) => {
                let code = refusal.code();
                let status = if code > 999 { code / 100 } else { code } as u16;
                let body = json!({ "error_code": code, "message": refusal.to_string() });
                Answer { status, body: body.to_string(), change: None }
            }
        }
    }
}
