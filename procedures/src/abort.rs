//! How a procedure refuses: its transaction is rolled back and the caller is told why.

use crate::parameter::ParameterError;
use tollgate_schema::{dynamic::DynamicError, store::WriteError};

/// Why a transaction was rolled back.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Abort {
    /// The procedure's own decision; the text is for the caller.
    #[error("{0}")]
    User(String),
    /// The caller's parameters do not fit.
    #[error(transparent)]
    Parameter(#[from] ParameterError),
    /// A write that the tables' rules forbid.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// A row whose values do not fit its table.
    #[error("{0}")]
    Row(String),
    /// The procedure's code failed (a panic, an overflow): a bug, not the caller's fault.
    #[error("internal error: {0}")]
    Internal(String),
}

impl Abort {
    /// A refusal in the procedure's own words.
    pub fn user(text: impl Into<String>) -> Abort {
        Abort::User(text.into())
    }
}

impl From<DynamicError> for Abort {
    fn from(error: DynamicError) -> Abort {
        match error {
            DynamicError::Write(error) => Abort::Write(error),
            other => Abort::Row(other.to_string()),
        }
    }
}
