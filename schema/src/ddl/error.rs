//! What is wrong with a DDL text, and where.

use std::fmt;

/// A place in a DDL text; both count from 1, the column in characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    pub line: u32,
    pub column: u32,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// The first fault of a DDL text. The message says what was expected, or which rule does not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {message}")]
pub struct DdlError {
    pub line: u32,
    pub column: u32,
    pub message: String,
}

impl DdlError {
    pub(super) fn at(position: Position, message: impl Into<String>) -> DdlError {
        DdlError { line: position.line, column: position.column, message: message.into() }
    }
}
