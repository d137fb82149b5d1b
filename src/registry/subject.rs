//! The state of a registry, and how a change changes it.

use super::{
    change::{Change, ChangeError},
    level::Level,
};
use crate::format::avro::Schema;
use serde_json::Value as Json;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// Tells schemas apart: the digest of their text, without what makes no difference.
pub(super) type Identity = [u8; 32];

/// All that was registered.
#[derive(Clone, Debug, Default)]
pub struct Registry {
    pub(super) subjects: BTreeMap<String, Subject>,
    pub(super) schemas: BTreeMap<u32, Stored>,
    pub(super) ids: BTreeMap<Identity, u32>,
    pub(super) level: Option<Level>,
    pub(super) levels: BTreeMap<String, Level>,
    /// Numbers are given once, even if their schemas are deleted.
    pub(super) last_id: u32,
    changes: u64,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Subject {
    pub(super) versions: BTreeMap<u32, Version>,
    /// Versions are given once, until the subject is gone for good.
    pub(super) last_version: u32,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Version {
    pub(super) id: u32,
    pub(super) is_deleted: bool,
}

/// A schema under its number.
#[derive(Clone, Debug)]
pub(super) struct Stored {
    pub(super) text: String,
    pub(super) schema: Schema,
    identity: Identity,
}

/// A text as a schema, and what tells it apart.
pub(super) fn parse(text: &str) -> Result<(Schema, Identity), String> {
    let json: Json = serde_json::from_str(text).map_err(|error| format!("it is no JSON: {error}"))?;
    let schema = Schema::of_json(&json).map_err(|error| error.to_string())?;
    let simple = serde_json::to_vec(&simplified(json)).expect("it was JSON before");
    Ok((schema, Sha256::digest(simple).into()))
}

/// `{"type":"int"}` is `"int"`; the order of members is lost in any case.
fn simplified(json: Json) -> Json {
    match json {
        Json::Object(mut object) => match object.get("type") {
            Some(Json::String(_)) if object.len() == 1 => object.remove("type").expect("it is there"),
            _ => Json::Object(object.into_iter().map(|(name, json)| (name, simplified(json))).collect()),
        },
        Json::Array(list) => Json::Array(list.into_iter().map(simplified).collect()),
        other => other,
    }
}

impl Subject {
    /// The versions that are shown.
    pub(super) fn live(&self) -> impl DoubleEndedIterator<Item = (u32, Version)> {
        self.shown(false)
    }

    pub(super) fn shown(&self, with_deleted: bool) -> impl DoubleEndedIterator<Item = (u32, Version)> {
        let all = self.versions.iter().map(|(number, version)| (*number, *version));
        all.filter(move |(_, version)| with_deleted || !version.is_deleted)
    }
}

impl Registry {
    /// From all changes since the first, in order.
    pub fn restore(changes: impl IntoIterator<Item = Change>) -> Result<Registry, ChangeError> {
        let mut registry = Registry::default();
        for change in changes {
            registry.apply(&change)?;
        }
        Ok(registry)
    }

    /// How many changes were made: the number of the next one.
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// The text of a schema, for whoever decodes messages.
    pub fn schema(&self, id: u32) -> Option<&str> {
        self.schemas.get(&id).map(|stored| stored.text.as_str())
    }

    /// The number of a schema in a subject, if it was registered there, for whoever encodes messages.
    pub fn id_of(&self, subject: &str, text: &str) -> Option<u32> {
        let id = *self.ids.get(&parse(text).ok()?.1)?;
        self.subjects.get(subject)?.live().find(|(_, version)| version.id == id).map(|_| id)
    }

    /// Makes a change; on an error nothing is changed.
    pub fn apply(&mut self, change: &Change) -> Result<(), ChangeError> {
        match change {
            Change::Register { subject, version, id, schema } => {
                self.register(subject, *version, *id, schema)?
            }
            Change::DeleteVersion { subject, version, permanent } => {
                self.delete_version(subject, *version, *permanent)?;
            }
            Change::DeleteSubject { subject, permanent: true } => {
                self.subjects.remove(subject);
                self.levels.remove(subject);
                self.forget_unused();
            }
            Change::DeleteSubject { subject, permanent: false } => {
                let versions =
                    self.subjects.get_mut(subject).into_iter().flat_map(|s| s.versions.values_mut());
                versions.for_each(|version| version.is_deleted = true);
                self.levels.remove(subject);
            }
            Change::SetLevel { subject: None, level } => self.level = *level,
            Change::SetLevel { subject: Some(subject), level: Some(level) } => {
                self.levels.insert(subject.clone(), *level);
            }
            Change::SetLevel { subject: Some(subject), level: None } => drop(self.levels.remove(subject)),
        }
        self.changes += 1;
        Ok(())
    }

    fn register(&mut self, subject: &str, version: u32, id: u32, text: &str) -> Result<(), ChangeError> {
        let wrong = |reason| ChangeError::Schema { subject: subject.to_owned(), id, reason };
        let (schema, identity) = parse(text).map_err(wrong)?;
        match self.schemas.get(&id) {
            Some(stored) if stored.identity != identity => {
                return Err(wrong("the number is another schema's".to_owned()));
            }
            _ => {}
        }
        if self.subjects.get(subject).is_some_and(|known| known.last_version >= version) {
            let (subject, reason) = (subject.to_owned(), "it was given before");
            return Err(ChangeError::Version { subject, version, reason });
        }
        self.schemas.entry(id).or_insert_with(|| Stored { text: text.to_owned(), schema, identity });
        self.ids.insert(identity, id);
        self.last_id = self.last_id.max(id);
        let subject = self.subjects.entry(subject.to_owned()).or_default();
        subject.last_version = version;
        subject.versions.insert(version, Version { id, is_deleted: false });
        Ok(())
    }

    fn delete_version(&mut self, name: &str, version: u32, permanent: bool) -> Result<(), ChangeError> {
        let missing =
            || ChangeError::Version { subject: name.to_owned(), version, reason: "there is no such version" };
        let subject = self.subjects.get_mut(name).ok_or_else(missing)?;
        let found = subject.versions.get_mut(&version).ok_or_else(missing)?;
        if !permanent {
            found.is_deleted = true;
            return Ok(());
        }
        subject.versions.remove(&version);
        if subject.versions.is_empty() {
            self.subjects.remove(name);
            self.levels.remove(name);
        }
        self.forget_unused();
        Ok(())
    }

    /// Drops schemas that no version has any more.
    fn forget_unused(&mut self) {
        let versions = self.subjects.values().flat_map(|subject| subject.versions.values());
        let used: std::collections::BTreeSet<u32> = versions.map(|version| version.id).collect();
        self.schemas.retain(|id, _| used.contains(id));
        self.ids.retain(|_, id| used.contains(id));
    }

    /// The level that holds for a subject.
    pub(super) fn level_of(&self, subject: &str) -> Level {
        self.levels.get(subject).copied().unwrap_or(self.global_level())
    }

    pub(super) fn global_level(&self) -> Level {
        self.level.unwrap_or_default()
    }
}
