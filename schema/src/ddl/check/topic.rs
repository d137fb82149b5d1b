//! Topics.

use super::{
    super::{
        DdlError, Position,
        statement::{CreateTopic, Name},
    },
    Builder, find_columns,
};
use crate::catalog::{TableId, TableKind, TopicDef, TopicSource};

/// What a topic may carry out with each record by VoltDB's default procedures.
const DEFAULT_PROCEDURES: [&str; 4] = ["insert", "upsert", "update", "delete"];

impl Builder {
    pub(super) fn create_topic(&mut self, create: &CreateTopic) -> Result<(), DdlError> {
        let topic = self.topic(create)?;
        if create.using_stream {
            let id = self.find_own(&stream_name(create), "stream")?;
            self.publish(id, create)?;
        }
        self.add_topic(topic, create.name.at)
    }

    pub(super) fn add_topic(&mut self, topic: TopicDef, at: Position) -> Result<(), DdlError> {
        if self.catalog.topics.iter().any(|known| known.name.eq_ignore_ascii_case(&topic.name)) {
            return Err(DdlError::at(at, format!("there is a topic {} already", topic.name)));
        }
        self.catalog.topics.push(topic);
        Ok(())
    }

    pub(in super::super) fn topic(&self, create: &CreateTopic) -> Result<TopicDef, DdlError> {
        let error = |message: &str| Err(DdlError::at(create.name.at, message));
        let source = match (&create.procedure, create.using_stream, create.opaque) {
            (None, true, false) => {
                let id = self.find(&stream_name(create), "stream")?;
                let stream = self.catalog.table(id);
                if !stream.is_stream() {
                    return error(&format!("{} is no stream", stream.name));
                }
                TopicSource::Stream(stream.name.clone())
            }
            (Some(procedure), false, false) => {
                self.check_default_procedure(procedure)?;
                TopicSource::Procedure(procedure.text.clone())
            }
            (None, false, true) => TopicSource::Opaque { partitioned: create.partitioned },
            (None, false, false) => return error("expected USING STREAM, EXECUTE PROCEDURE or OPAQUE"),
            _ => return error("USING STREAM, EXECUTE PROCEDURE and OPAQUE exclude each other"),
        };
        if create.opaque && !create.properties.is_empty() {
            return error("an OPAQUE topic has no PROPERTIES");
        }
        if !create.keys.is_empty() && !create.using_stream {
            return error("KEYS are for a topic USING STREAM");
        }
        Ok(TopicDef {
            name: create.name.text.clone(),
            source,
            profile: create.profile.clone(),
            allow: create.allow.clone(),
            properties: create.properties.iter().map(|p| (p.name.clone(), p.value.clone())).collect(),
        })
    }

    /// `table.insert` and its like are known from the table; other procedures are known only to the registry.
    fn check_default_procedure(&self, procedure: &Name) -> Result<(), DdlError> {
        let Some((table, verb)) = procedure.text.split_once('.') else {
            return Ok(());
        };
        if !DEFAULT_PROCEDURES.iter().any(|known| known.eq_ignore_ascii_case(verb)) {
            let message =
                format!("expected {table}.insert, upsert, update or delete, found `{}`", procedure.text);
            return Err(DdlError::at(procedure.at, message));
        }
        self.find(&Name { text: table.to_ascii_uppercase(), at: procedure.at }, "table").map(drop)
    }

    /// Notes in the stream where it is published and by what key.
    fn publish(&mut self, stream: TableId, create: &CreateTopic) -> Result<(), DdlError> {
        let table = self.catalog.table(stream);
        let TableKind::Stream { topic: published, .. } = &table.kind else {
            return Err(DdlError::at(create.name.at, format!("{} is no stream", table.name)));
        };
        if let Some(known) = published {
            return Err(DdlError::at(
                create.name.at,
                format!("{} is published as topic {known} already", table.name),
            ));
        }
        let key = find_columns(table, &key_columns(create))?;
        let topic = Some(create.name.text.clone());
        self.catalog.tables[usize::from(stream)].kind = TableKind::Stream { key, topic };
        Ok(())
    }
}

fn stream_name(create: &CreateTopic) -> Name {
    Name { text: create.name.text.to_ascii_uppercase(), at: create.name.at }
}

/// Whether this property names the columns of the message key.
pub(in super::super) fn is_key_property(name: &str) -> bool {
    name.eq_ignore_ascii_case("consumer.keys") || name.eq_ignore_ascii_case("consumer.key")
}

/// The columns of the message key: of the clause KEYS, or of the property.
fn key_columns(create: &CreateTopic) -> Vec<Name> {
    if !create.keys.is_empty() {
        return create.keys.clone();
    }
    let property = create.properties.iter().find(|property| is_key_property(&property.name));
    let of_property = property.into_iter().flat_map(|property| {
        property.value.split(',').map(|name| Name { text: name.trim().to_ascii_uppercase(), at: property.at })
    });
    of_property.collect()
}
