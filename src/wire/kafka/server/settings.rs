//! What can be set for a topic, under Kafka's names. Never knows who asks.

use std::collections::BTreeMap;
use tollgate_schema::catalog::TopicDef;

/// A topic's settings that are not the default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Settings {
    set: BTreeMap<String, String>,
}

/// A setting there is.
pub(super) struct Setting {
    pub(super) name: &'static str,
    pub(super) default: &'static str,
    pub(super) kind: SettingKind,
    pub(super) read_only: bool,
}

/// With Kafka's number for the type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SettingKind {
    Text = 2,
    Integer = 3,
    Long = 5,
    List = 7,
}

/// A batch may be as long as a value, and a dead letter has headers of its own.
pub(super) const BATCH_BYTES_MAX: usize = 1_000_000;
const WEEK_MS: &str = "604800000";

const fn setting(name: &'static str, default: &'static str, kind: SettingKind, read_only: bool) -> Setting {
    Setting { name, default, kind, read_only }
}

/// Those that change something, and some that tools look for.
pub(super) const TOPIC_SETTINGS: [Setting; 11] = [
    setting("cleanup.policy", "delete", SettingKind::List, false),
    setting("compression.type", "producer", SettingKind::Text, true),
    setting("delete.retention.ms", "86400000", SettingKind::Long, false),
    setting("max.message.bytes", "1000000", SettingKind::Integer, true),
    setting("message.timestamp.type", "CreateTime", SettingKind::Text, true),
    setting("min.compaction.lag.ms", "0", SettingKind::Long, false),
    setting("min.insync.replicas", "1", SettingKind::Integer, true),
    setting("retention.bytes", "-1", SettingKind::Long, false),
    setting("retention.ms", WEEK_MS, SettingKind::Long, false),
    setting("segment.bytes", "1073741824", SettingKind::Integer, true),
    setting("segment.ms", WEEK_MS, SettingKind::Long, true),
];

/// Taken when a topic is made, and without effect here: how a disk is used, who has copies.
const WITHOUT_EFFECT: [&str; 19] = [
    "compression.type",
    "file.delete.delay.ms",
    "flush.messages",
    "flush.ms",
    "follower.replication.throttled.replicas",
    "index.interval.bytes",
    "leader.replication.throttled.replicas",
    "max.compaction.lag.ms",
    "max.message.bytes",
    "message.format.version",
    "message.timestamp.difference.max.ms",
    "message.timestamp.type",
    "min.cleanable.dirty.ratio",
    "min.insync.replicas",
    "preallocate",
    "segment.bytes",
    "segment.index.bytes",
    "segment.jitter.ms",
    "segment.ms",
];

impl Settings {
    /// Of a JSON object, as [`Settings::to_json`] writes it.
    pub(super) fn of_json(json: &str) -> Settings {
        Settings { set: serde_json::from_str(json).unwrap_or_default() }
    }

    pub(super) fn to_json(&self) -> String {
        serde_json::to_string(&self.set).expect("texts are JSON")
    }

    /// A declared topic's: its profile, if that says how much is kept.
    pub(super) fn of_declared(def: &TopicDef) -> Settings {
        let mut settings = Settings::default();
        if def.profile.as_deref().is_some_and(|profile| profile.eq_ignore_ascii_case("retain_compact")) {
            settings.set.insert("cleanup.policy".to_string(), "compact".to_string());
        }
        settings
    }

    /// The value, and whether it is the topic's own.
    pub(super) fn get<'a>(&'a self, setting: &Setting) -> (&'a str, bool) {
        match self.set.get(setting.name) {
            Some(value) => (value, true),
            None => (setting.default, false),
        }
    }

    /// Sets one, or back to its default; the text says what is wrong.
    pub(super) fn set(&mut self, name: &str, value: Option<&str>) -> Result<(), String> {
        let Some(setting) = TOPIC_SETTINGS.iter().find(|setting| setting.name == name) else {
            return if WITHOUT_EFFECT.contains(&name) {
                Ok(())
            } else {
                Err(format!("Unknown topic config name: {name}"))
            };
        };
        let Some(value) = value else {
            self.set.remove(name);
            return Ok(());
        };
        let invalid =
            |expected: &str| Err(format!("Invalid value {value} for configuration {name}: {expected}"));
        match setting.kind {
            SettingKind::Integer | SettingKind::Long => match value.parse::<i64>() {
                Ok(number) if number >= -1 => {}
                _ => return invalid("a number from -1 on is expected"),
            },
            SettingKind::List
                if !value.split(',').all(|part| ["delete", "compact"].contains(&part.trim())) =>
            {
                return invalid("delete, compact or both are expected");
            }
            SettingKind::Text | SettingKind::List => {}
        }
        if !setting.read_only {
            self.set.insert(name.to_string(), value.to_string());
        }
        Ok(())
    }

    /// The value of a list with one more part, or without it.
    pub(super) fn with_part(&self, name: &str, part: &str, appends: bool) -> String {
        let setting = TOPIC_SETTINGS.iter().find(|setting| setting.name == name);
        let value = setting.map_or("", |setting| self.get(setting).0);
        let parts = value.split(',').map(str::trim).filter(|known| !known.is_empty() && *known != part);
        let mut parts: Vec<&str> = parts.collect();
        if appends {
            parts.push(part);
        }
        parts.join(",")
    }

    fn number(&self, name: &str) -> i64 {
        let setting = TOPIC_SETTINGS.iter().find(|setting| setting.name == name).expect("it is listed");
        self.get(setting).0.parse().expect("it was checked when it was set")
    }

    /// How long records are kept, milliseconds; `None`: for ever.
    pub(super) fn retention_ms(&self) -> Option<i64> {
        Some(self.number("retention.ms")).filter(|&ms| ms >= 0 && self.deletes())
    }

    /// How many bytes a partition keeps; `None`: any number.
    pub(super) fn retention_bytes(&self) -> Option<i64> {
        Some(self.number("retention.bytes")).filter(|&bytes| bytes >= 0 && self.deletes())
    }

    /// How long the deletion of a key is told, milliseconds.
    pub(super) fn delete_retention_ms(&self) -> i64 {
        self.number("delete.retention.ms").max(0)
    }

    /// How long a record stays although a later one has its key, milliseconds.
    pub(super) fn compaction_lag_ms(&self) -> i64 {
        self.number("min.compaction.lag.ms").max(0)
    }

    fn policy_has(&self, wanted: &str) -> bool {
        let policy = self.get(&TOPIC_SETTINGS[0]).0;
        policy.split(',').any(|part| part.trim() == wanted)
    }

    fn deletes(&self) -> bool {
        self.policy_has("delete")
    }

    pub(super) fn compacts(&self) -> bool {
        self.policy_has("compact")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_set_is_checked_and_kept() {
        let mut settings = Settings::default();
        assert!(settings.deletes() && !settings.compacts());
        assert_eq!(settings.retention_ms(), Some(604_800_000));
        assert_eq!(settings.retention_bytes(), None);
        settings.set("cleanup.policy", Some("compact")).unwrap();
        settings.set("retention.bytes", Some("5")).unwrap();
        assert!(
            settings.compacts() && settings.retention_bytes().is_none(),
            "nothing is deleted for its age"
        );
        assert_eq!(Settings::of_json(&settings.to_json()), settings);
        settings.set("cleanup.policy", Some("compact, delete")).unwrap();
        assert_eq!(settings.retention_bytes(), Some(5));
        settings.set("segment.bytes", Some("100")).unwrap();
        settings.set("flush.messages", Some("1")).unwrap();
        assert_eq!(settings.set.len(), 2, "what has no effect is not kept");
        let check = |settings: &mut Settings, name: &str, value: &str| {
            assert!(settings.set(name, Some(value)).unwrap_err().contains(name));
        };
        check(&mut settings, "retention.ms", "soon");
        check(&mut settings, "cleanup.policy", "keep");
        check(&mut settings, "colour", "red");
        settings.set("cleanup.policy", None).unwrap();
        assert!(settings.deletes() && !settings.compacts());
    }
}
