//! What happens to a registry, as bytes to be kept: JSON, one object a change.

use super::level::Level;

/// One thing that happens.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum Change {
    /// A subject has a new version. The schema may be one that another subject has under the same number.
    Register { subject: String, version: u32, id: u32, schema: String },
    /// A version is not shown any more, or is gone for good.
    DeleteVersion { subject: String, version: u32, permanent: bool },
    /// The same of all versions of a subject.
    DeleteSubject { subject: String, permanent: bool },
    /// Of one subject, or of all that have none of their own. `None`: as it was at first.
    SetLevel { subject: Option<String>, level: Option<Level> },
}

/// Why bytes are no change, or a change cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChangeError {
    #[error("change: {0}")]
    Malformed(String),
    #[error("subject {subject}: schema {id}: {reason}")]
    Schema { subject: String, id: u32, reason: String },
    #[error("subject {subject}: version {version}: {reason}")]
    Version { subject: String, version: u32, reason: &'static str },
}

impl Change {
    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a change has text, numbers and names only")
    }

    pub fn of_bytes(bytes: &[u8]) -> Result<Change, ChangeError> {
        serde_json::from_slice(bytes).map_err(|error| ChangeError::Malformed(error.to_string()))
    }
}
