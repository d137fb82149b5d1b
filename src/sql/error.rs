//! What is wrong with a statement, and where.

use sqlparser::tokenizer::{Location, Span};
use tollgate_schema::ddl::Position;

/// A statement that can't be planned, or a computation that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SqlError {
    /// Where in the text, if that is known.
    pub position: Option<Position>,
    pub message: String,
}

impl std::fmt::Display for SqlError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.position {
            Some(position) => write!(f, "{position}: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

impl std::error::Error for SqlError {}

impl SqlError {
    pub(super) fn anywhere(message: impl Into<String>) -> SqlError {
        SqlError { position: None, message: message.into() }
    }

    pub(super) fn at(position: Option<Position>, message: impl Into<String>) -> SqlError {
        SqlError { position, message: message.into() }
    }

    pub(super) fn at_span(span: Span, message: impl Into<String>) -> SqlError {
        SqlError::at(position_of(span.start), message)
    }

    /// Takes ` at Line: n, Column: n` off the end of a message of sqlparser's.
    pub(super) fn from_parser(message: &str) -> SqlError {
        let place = message.rsplit_once(" at Line: ").and_then(|(text, place)| {
            let (line, column) = place.split_once(", Column: ")?;
            let position = Position { line: line.parse().ok()?, column: column.parse().ok()? };
            Some((text, position))
        });
        match place {
            Some((text, position)) => SqlError::at(Some(position), lower_first(text)),
            None => SqlError::anywhere(lower_first(message)),
        }
    }
}

fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or(String::new(), |first| first.to_lowercase().chain(chars).collect())
}

/// The parser gives line 0 to what it has no place for.
pub(super) fn position_of(location: Location) -> Option<Position> {
    let line = u32::try_from(location.line).ok().filter(|line| *line > 0)?;
    Some(Position { line, column: u32::try_from(location.column).ok()? })
}
