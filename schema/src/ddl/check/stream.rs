//! Streams.

use super::{
    super::{
        DdlError,
        statement::{CreateStream, Name},
    },
    Builder, columns, find_columns, table,
};
use crate::{
    catalog::{TableDef, TableKind, TopicDef, TopicSource},
    row::Layout,
};

impl Builder {
    pub(super) fn create_stream(&mut self, create: &CreateStream) -> Result<(), DdlError> {
        let (stream, topic) = self.stream(create)?;
        self.add_table(&create.name, stream)?;
        if let (Some(topic), Some(clause)) = (topic, &create.topic) {
            self.add_topic(topic, clause.name.at)?;
        }
        Ok(())
    }

    /// The stream, and the topic it is exported to.
    pub(in super::super) fn stream(
        &self,
        create: &CreateStream,
    ) -> Result<(TableDef, Option<TopicDef>), DdlError> {
        let columns = columns::columns(&create.name, &create.columns)?;
        let mut stream = TableDef {
            name: create.name.text.clone(),
            layout: Layout::new(columns.iter().map(|column| column.column_type)),
            columns,
            kind: TableKind::Stream { key: Vec::new(), topic: None },
            partition_column: None,
            primary_key: None,
            uniques: Vec::new(),
            indexes: Vec::new(),
            ttl: None,
        };
        if let Some(column) = &create.partition_column {
            stream.partition_column = Some(table::partition_column(&stream, column)?);
        }
        let Some(clause) = &create.topic else {
            return Ok((stream, None));
        };
        let key = find_columns(&stream, &clause.key)?;
        let value = find_columns(&stream, &clause.value)?;
        stream.kind = TableKind::Stream { key, topic: Some(clause.name.text.clone()) };
        Ok((stream, Some(exported_topic(&create.name, &clause.name, &clause.value, &value))))
    }
}

/// The topic behind `EXPORT TO TOPIC`. Which columns make the message is kept as the property of the other
/// dialect.
fn exported_topic(stream: &Name, topic: &Name, value: &[Name], found: &[usize]) -> TopicDef {
    debug_assert_eq!(value.len(), found.len());
    let names: Vec<&str> = value.iter().map(|name| name.text.as_str()).collect();
    let properties =
        if names.is_empty() { Vec::new() } else { vec![("consumer.value".to_owned(), names.join(","))] };
    TopicDef {
        name: topic.text.clone(),
        source: TopicSource::Stream(stream.text.clone()),
        profile: None,
        allow: Vec::new(),
        properties,
    }
}
