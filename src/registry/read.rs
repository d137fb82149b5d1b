//! Requests that only look.

use super::{
    answer::{Outcome, Refusal, only},
    request::Query,
    subject::{Registry, Stored, Subject, Version},
};
use serde_json::{Value as Json, json};

impl Registry {
    pub(super) fn list_subjects(&self, query: Query<'_>) -> Outcome {
        let (deleted, prefix) = (query.flag("deleted"), query.text("subjectPrefix").unwrap_or_default());
        let shown = self
            .subjects
            .iter()
            .filter(|(name, subject)| name.starts_with(&prefix) && subject.shown(deleted).next().is_some());
        only(shown.map(|(name, _)| json!(name)).collect())
    }

    pub(super) fn list_versions(&self, name: &str, query: Query<'_>) -> Outcome {
        let subject = self.find_subject(name, query.flag("deleted"))?;
        only(subject.shown(query.flag("deleted")).map(|(number, _)| json!(number)).collect())
    }

    pub(super) fn version(&self, name: &str, version: &str, query: Query<'_>) -> Outcome {
        let (number, version) = self.find_version(name, version, query.flag("deleted"))?;
        only(self.entry(name, number, version))
    }

    pub(super) fn version_text(&self, name: &str, version: &str, query: Query<'_>) -> Outcome {
        let (_, version) = self.find_version(name, version, query.flag("deleted"))?;
        self.text_of(version.id, &version.id.to_string())
    }

    pub(super) fn list_schemas(&self, query: Query<'_>) -> Outcome {
        let (deleted, latest) = (query.flag("deleted"), query.flag("latestOnly"));
        let prefix = query.text("subjectPrefix").unwrap_or_default();
        let mut list = Vec::new();
        for (name, subject) in self.subjects.iter().filter(|(name, _)| name.starts_with(&prefix)) {
            let shown: Vec<(u32, Version)> = subject.shown(deleted).collect();
            let first = if latest { shown.len().saturating_sub(1) } else { 0 };
            list.extend(shown[first..].iter().map(|(number, version)| self.entry(name, *number, *version)));
        }
        only(Json::Array(list))
    }

    pub(super) fn schema_of_id(&self, id: &str) -> Outcome {
        only(json!({ "schema": self.stored(id)?.1.text }))
    }

    pub(super) fn text_of_id(&self, id: &str) -> Outcome {
        let (number, _) = self.stored(id)?;
        self.text_of(number, id)
    }

    /// The schema itself, not a text with it in it.
    fn text_of(&self, id: u32, shown: &str) -> Outcome {
        let stored = self.schemas.get(&id).ok_or_else(|| Refusal::NoSchemaId(shown.to_owned()))?;
        only(serde_json::from_str(&stored.text).expect("what is kept is JSON"))
    }

    pub(super) fn subjects_of_id(&self, id: &str, query: Query<'_>) -> Outcome {
        let (id, _) = self.stored(id)?;
        let mut names: Vec<&str> = self.uses(id, query.flag("deleted")).map(|(name, _)| name).collect();
        names.dedup();
        only(json!(names))
    }

    pub(super) fn versions_of_id(&self, id: &str, query: Query<'_>) -> Outcome {
        let (id, _) = self.stored(id)?;
        let uses = self.uses(id, query.flag("deleted"));
        only(uses.map(|(name, number)| json!({ "subject": name, "version": number })).collect())
    }

    /// Subjects and versions that have the schema, in order.
    fn uses(&self, id: u32, deleted: bool) -> impl Iterator<Item = (&str, u32)> {
        self.subjects.iter().flat_map(move |(name, subject)| {
            let of_id = subject.shown(deleted).filter(move |(_, version)| version.id == id);
            of_id.map(move |(number, _)| (name.as_str(), number))
        })
    }

    fn stored(&self, id: &str) -> Result<(u32, &Stored), Refusal> {
        let missing = || Refusal::NoSchemaId(id.chars().take(20).collect());
        let number = id.parse().map_err(|_| missing())?;
        self.schemas.get(&number).map(|stored| (number, stored)).ok_or_else(missing)
    }

    /// A version as it is told to clients.
    pub(super) fn entry(&self, subject: &str, number: u32, version: Version) -> Json {
        let text = self.schema(version.id).unwrap_or_default();
        json!({ "subject": subject, "version": number, "id": version.id, "schema": text })
    }

    pub(super) fn find_subject(&self, name: &str, deleted: bool) -> Result<&Subject, Refusal> {
        let subject = self.subjects.get(name).filter(|subject| subject.shown(deleted).next().is_some());
        subject.ok_or_else(|| Refusal::NoSubject(name.to_owned()))
    }

    /// By number, or `latest`, or -1.
    pub(super) fn find_version(
        &self,
        name: &str,
        version: &str,
        deleted: bool,
    ) -> Result<(u32, Version), Refusal> {
        let wanted = version_number(version)?;
        let subject = self.find_subject(name, deleted)?;
        let found = match wanted {
            None => subject.shown(deleted).next_back(),
            Some(number) => {
                let version = subject.versions.get(&number).filter(|version| deleted || !version.is_deleted);
                version.map(|version| (number, *version))
            }
        };
        found.ok_or_else(|| Refusal::NoVersion(version.to_owned()))
    }
}

/// `None`: the latest.
fn version_number(version: &str) -> Result<Option<u32>, Refusal> {
    if version == "latest" || version == "-1" {
        return Ok(None);
    }
    let number = version.parse::<i32>().ok().filter(|number| *number > 0);
    match number {
        Some(number) => Ok(Some(number.unsigned_abs())),
        None => Err(Refusal::InvalidVersion(version.chars().take(20).collect())),
    }
}
