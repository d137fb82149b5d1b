//! Requests about levels of compatibility and modes. There is one mode, in which all is allowed.

use super::{
    answer::{Outcome, Refusal, only},
    change::Change,
    level::Level,
    request::{Query, body, check_subject},
    subject::Registry,
};
use serde::Deserialize;
use serde_json::json;

const MODE: &str = "READWRITE";

/// Subjects with a level of their own, at most.
const LEVELS_MAX: usize = 10_000;

#[derive(Deserialize)]
struct GivenLevel {
    compatibility: Option<String>,
}

#[derive(Deserialize)]
struct GivenMode {
    mode: Option<String>,
}

impl Registry {
    pub(super) fn level_for(&self, subject: &str, query: Query<'_>) -> Outcome {
        let level = match self.levels.get(subject) {
            Some(level) => *level,
            None if query.flag("defaultToGlobal") => self.global_level(),
            None => return Err(Refusal::NoLevel(subject.to_owned())),
        };
        only(json!({ "compatibilityLevel": level.name() }))
    }

    pub(super) fn set_level(&self, subject: Option<&str>, bytes: &[u8]) -> Outcome {
        subject.map_or(Ok(()), check_subject)?;
        if let Some(name) = subject
            && !self.levels.contains_key(name)
            && self.levels.len() >= LEVELS_MAX
        {
            return Err(Refusal::NotPermitted(format!("{LEVELS_MAX} subjects have levels of their own")));
        }
        let given: GivenLevel = body(bytes)?;
        let level = given.compatibility.as_deref().and_then(Level::of_name).ok_or(Refusal::InvalidLevel)?;
        let change = Change::SetLevel { subject: subject.map(str::to_owned), level: Some(level) };
        Ok((json!({ "compatibility": level.name() }), Some(change)))
    }

    /// Answers what it was.
    pub(super) fn clear_level(&self, subject: &str) -> Outcome {
        let level = self.levels.get(subject).ok_or_else(|| Refusal::NoSubject(subject.to_owned()))?;
        let change = Change::SetLevel { subject: Some(subject.to_owned()), level: None };
        Ok((json!({ "compatibilityLevel": level.name() }), Some(change)))
    }

    /// Answers what it was.
    pub(super) fn clear_global_level(&self) -> Outcome {
        let change = self.level.map(|_| Change::SetLevel { subject: None, level: None });
        Ok((json!({ "compatibilityLevel": self.global_level().name() }), change))
    }

    pub(super) fn mode(
        &self,
        method: &str,
        subject: Option<&str>,
        query: Query<'_>,
        bytes: &[u8],
    ) -> Outcome {
        match (method, subject) {
            ("GET", Some(subject)) if !query.flag("defaultToGlobal") => {
                Err(Refusal::NoMode(subject.to_owned()))
            }
            ("GET", _) => only(json!({ "mode": MODE })),
            ("PUT", _) => {
                let given: GivenMode = body(bytes)?;
                match given.mode {
                    Some(mode) if mode.eq_ignore_ascii_case(MODE) => only(json!({ "mode": MODE })),
                    _ => Err(Refusal::InvalidMode),
                }
            }
            _ => Err(Refusal::Method),
        }
    }
}
