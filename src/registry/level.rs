//! What the next schema of a subject must be able to do for the earlier ones, or they for it.

use crate::format::avro::{Incompatibility, Schema, incompatibilities};

/// A level of compatibility.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Level {
    None,
    /// The new schema reads what the last one wrote.
    #[default]
    Backward,
    /// What the new schema writes is read by the last one.
    Forward,
    Full,
    /// As those before, for all earlier versions.
    BackwardTransitive,
    ForwardTransitive,
    FullTransitive,
}

const NAMES: [(&str, Level); 7] = [
    ("NONE", Level::None),
    ("BACKWARD", Level::Backward),
    ("FORWARD", Level::Forward),
    ("FULL", Level::Full),
    ("BACKWARD_TRANSITIVE", Level::BackwardTransitive),
    ("FORWARD_TRANSITIVE", Level::ForwardTransitive),
    ("FULL_TRANSITIVE", Level::FullTransitive),
];

impl Level {
    pub fn name(self) -> &'static str {
        NAMES[self as usize].0
    }

    /// In any case.
    pub(super) fn of_name(name: &str) -> Option<Level> {
        NAMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, level)| *level)
    }

    /// Whether all earlier versions matter, not only the last.
    pub(super) fn is_transitive(self) -> bool {
        matches!(self, Level::BackwardTransitive | Level::ForwardTransitive | Level::FullTransitive)
    }

    /// What stands between a new schema and an earlier one.
    pub(super) fn compare(self, new: &Schema, earlier: &Schema) -> Vec<Incompatibility> {
        let (backward, forward) = match self {
            Level::None => (false, false),
            Level::Backward | Level::BackwardTransitive => (true, false),
            Level::Forward | Level::ForwardTransitive => (false, true),
            Level::Full | Level::FullTransitive => (true, true),
        };
        let mut found = if backward { incompatibilities(new, earlier) } else { Vec::new() };
        if forward {
            found.extend(incompatibilities(earlier, new));
        }
        found
    }
}
