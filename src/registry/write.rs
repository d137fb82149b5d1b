//! Requests about a schema that comes with them, and deletions.

use super::{
    answer::{Outcome, Refusal, only},
    change::Change,
    level::Level,
    request::{Query, body, check_subject},
    subject::{Identity, Registry, Version, parse},
};
use crate::format::avro::{Incompatibility, Schema};
use serde::Deserialize;
use serde_json::{Value as Json, json};

/// A schema's text is not longer. With each byte escaped it is still a value that a row can have.
const SCHEMA_BYTES_MAX: usize = 1 << 18;
const SUBJECTS_MAX: usize = 10_000;
/// Of one subject, counting deleted ones that are not gone for good.
const VERSIONS_MAX: usize = 1_000;
/// Reasons that an answer gives.
const REASONS_MAX: usize = 20;

/// What comes with a schema. Members of other names are passed over, for newer clients have more.
#[derive(Deserialize)]
struct Given {
    schema: Option<String>,
    #[serde(rename = "schemaType")]
    schema_type: Option<String>,
    references: Option<Vec<Json>>,
    id: Option<i64>,
}

/// A schema that came, checked.
struct NewSchema {
    text: String,
    schema: Schema,
    identity: Identity,
}

fn given(bytes: &[u8]) -> Result<NewSchema, Refusal> {
    let given: Given = body(bytes)?;
    let wrong = |reason: String| Refusal::InvalidSchema(reason);
    if let Some(other) = given.schema_type.filter(|name| !name.eq_ignore_ascii_case("AVRO")) {
        return Err(wrong(format!("schemas of type {} are not supported, only AVRO", short(&other))));
    }
    if given.references.is_some_and(|list| !list.is_empty()) {
        return Err(wrong("references to other schemas are not supported".to_owned()));
    }
    if given.id.is_some_and(|id| id > 0) {
        return Err(Refusal::NotPermitted(
            "a schema's number is given here, mode IMPORT is not supported".to_owned(),
        ));
    }
    let text = given.schema.filter(|text| !text.is_empty()).ok_or_else(|| wrong("it is empty".to_owned()))?;
    if text.len() > SCHEMA_BYTES_MAX {
        return Err(wrong(format!("it has {} bytes, {SCHEMA_BYTES_MAX} are allowed", text.len())));
    }
    let (schema, identity) = parse(&text).map_err(|reason| wrong(short(&reason)))?;
    Ok(NewSchema { text: compact(&text), schema, identity })
}

fn short(text: &str) -> String {
    text.chars().take(200).collect()
}

/// A JSON text without the blanks between its parts; the order of members stays.
fn compact(text: &str) -> String {
    let (mut in_string, mut is_escaped) = (false, false);
    text.chars()
        .filter(|c| {
            if in_string {
                in_string = is_escaped || *c != '"';
                is_escaped = !is_escaped && *c == '\\';
                return true;
            }
            in_string = *c == '"';
            !c.is_ascii_whitespace()
        })
        .collect()
}

impl Registry {
    pub(super) fn register_schema(&self, name: &str, bytes: &[u8]) -> Outcome {
        check_subject(name)?;
        let new = given(bytes)?;
        let known_id = self.ids.get(&new.identity).copied();
        let subject = self.subjects.get(name);
        let live: Vec<(u32, Version)> = subject.into_iter().flat_map(|subject| subject.live()).collect();
        if let Some(id) = known_id.filter(|id| live.iter().any(|(_, version)| version.id == *id)) {
            return only(json!({ "id": id }));
        }
        let kept = subject.map_or(0, |subject| subject.versions.len());
        if (subject.is_none() && self.subjects.len() >= SUBJECTS_MAX) || kept >= VERSIONS_MAX {
            return Err(Refusal::NotPermitted(format!(
                "there may be {SUBJECTS_MAX} subjects, and {VERSIONS_MAX} versions of each"
            )));
        }
        let level = self.level_of(name);
        if let Some((version, found)) = self.conflicts(level, &new.schema, &live).into_iter().next_back() {
            return Err(Refusal::Incompatible(self.explain(name, level, version, &found)));
        }
        let id = known_id.unwrap_or(self.last_id.saturating_add(1));
        let version = subject.map_or(0, |subject| subject.last_version).saturating_add(1);
        let change = Change::Register { subject: name.to_owned(), version, id, schema: new.text };
        Ok((json!({ "id": id }), Some(change)))
    }

    /// The earlier versions that a schema does not go with, and why.
    fn conflicts(
        &self,
        level: Level,
        new: &Schema,
        earlier: &[(u32, Version)],
    ) -> Vec<((u32, Version), Vec<Incompatibility>)> {
        if level == Level::None {
            return Vec::new();
        }
        let first = if level.is_transitive() { 0 } else { earlier.len().saturating_sub(1) };
        let compare = |entry: &(u32, Version)| {
            let found = self.schemas.get(&entry.1.id).map(|stored| level.compare(new, &stored.schema));
            found.filter(|found| !found.is_empty()).map(|found| (*entry, found))
        };
        earlier[first..].iter().filter_map(compare).collect()
    }

    fn explain(
        &self,
        subject: &str,
        level: Level,
        earlier: (u32, Version),
        found: &[Incompatibility],
    ) -> String {
        let mut details: Vec<String> = found.iter().take(REASONS_MAX).map(described).collect();
        details.push(format!("{{oldSchemaVersion: {}}}", earlier.0));
        details.push(format!("{{oldSchema: '{}'}}", self.schema(earlier.1.id).unwrap_or_default()));
        details.push(format!("{{compatibility: '{}'}}", level.name()));
        format!(
            "Schema being registered is incompatible with an earlier schema for subject \"{subject}\", \
             details: [{}]",
            details.join(", ")
        )
    }

    pub(super) fn look_up(&self, name: &str, query: Query<'_>, bytes: &[u8]) -> Outcome {
        let deleted = query.flag("deleted");
        let subject = self.find_subject(name, deleted)?;
        let new = given(bytes)?;
        let id = self.ids.get(&new.identity).ok_or(Refusal::NoSchema)?;
        let found = subject.shown(deleted).rfind(|(_, version)| version.id == *id);
        let (number, version) = found.ok_or(Refusal::NoSchema)?;
        only(self.entry(name, number, version))
    }

    /// Against one version.
    pub(super) fn check_one(&self, name: &str, version: &str, query: Query<'_>, bytes: &[u8]) -> Outcome {
        let new = given(bytes)?;
        let earlier = self.find_version(name, version, false)?;
        let found = self.conflicts(self.level_of(name), &new.schema, &[earlier]);
        verdict(&found, query)
    }

    /// Against those that the subject's level says. A subject that is not there has nothing against it.
    pub(super) fn check_all(&self, name: &str, query: Query<'_>, bytes: &[u8]) -> Outcome {
        let new = given(bytes)?;
        let subject = self.subjects.get(name);
        let live: Vec<(u32, Version)> = subject.into_iter().flat_map(|subject| subject.live()).collect();
        verdict(&self.conflicts(self.level_of(name), &new.schema, &live), query)
    }

    pub(super) fn delete_subject(&self, name: &str, query: Query<'_>) -> Outcome {
        let permanent = query.flag("permanent");
        let subject = self.find_subject(name, true)?;
        let is_live = subject.live().next().is_some();
        if permanent && is_live {
            return Err(Refusal::SubjectNotSoftDeleted(name.to_owned()));
        }
        if !permanent && !is_live {
            return Err(Refusal::SubjectSoftDeleted(name.to_owned()));
        }
        let numbers: Json = subject.shown(permanent).map(|(number, _)| json!(number)).collect();
        Ok((numbers, Some(Change::DeleteSubject { subject: name.to_owned(), permanent })))
    }

    pub(super) fn delete_one(&self, name: &str, version: &str, query: Query<'_>) -> Outcome {
        let permanent = query.flag("permanent");
        // What was deleted already is told apart from what was never there; the latest is one that is shown.
        let is_number = version.parse::<u32>().is_ok();
        let (number, found) = self.find_version(name, version, is_number || permanent)?;
        if permanent && !found.is_deleted {
            return Err(Refusal::VersionNotSoftDeleted(name.to_owned(), number));
        }
        if !permanent && found.is_deleted {
            return Err(Refusal::VersionSoftDeleted(name.to_owned(), number));
        }
        let change = Change::DeleteVersion { subject: name.to_owned(), version: number, permanent };
        Ok((json!(number), Some(change)))
    }
}

fn verdict(conflicts: &[((u32, Version), Vec<Incompatibility>)], query: Query<'_>) -> Outcome {
    let mut body = json!({ "is_compatible": conflicts.is_empty() });
    if query.flag("verbose") {
        let all = conflicts.iter().flat_map(|(_, found)| found).take(REASONS_MAX);
        body["messages"] = all.map(|found| json!(described(found))).collect();
    }
    only(body)
}

fn described(found: &Incompatibility) -> String {
    format!(
        "{{errorType:'{}', description:'{}', additionalInfo:'{}'}}",
        found.kind, found.description, found.path
    )
}
