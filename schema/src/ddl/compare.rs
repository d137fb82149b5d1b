//! Whether a DDL statement says what a catalogue has already: what ad hoc DDL is answered by.

use super::{
    DdlError,
    check::{self, Builder},
    read,
    statement::Statement,
};
use crate::catalog::{Catalog, TableDef, TableKind};

/// Whether every statement of the text is satisfied: what it creates is there, word for word but for
/// spelling, and what it drops is not. An error when the text is no DDL, or names what there is not.
pub fn statement_is_in(catalog: &Catalog, text: &str) -> Result<bool, DdlError> {
    let builder = Builder::new(catalog.clone());
    for statement in &read::statements(text)? {
        if !is_in(catalog, &builder, statement)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn is_in(catalog: &Catalog, builder: &Builder, statement: &Statement) -> Result<bool, DdlError> {
    Ok(match statement {
        Statement::CreateTable(create) => match catalog.find(&create.name.text) {
            // The catalogue's own entry would forbid its keys' names.
            Some(id) => {
                let (table, _) = Builder::new(Catalog::default()).table(create)?;
                is_same_table(catalog.table(id), table)
            }
            None => false,
        },
        Statement::PartitionTable { table, column } => {
            let table = catalog.table(builder.find(table, "table")?);
            let column = check::find_column(table, column)?;
            matches!(table.kind, TableKind::Table(_)) && table.partition_column == Some(column)
        }
        Statement::CreateIndex(create) => {
            let table = catalog.table(builder.find(&create.table, "table or view")?);
            table.indexes.contains(&builder.index(create, table)?)
        }
        Statement::CreateStream(create) => match catalog.find(&create.name.text) {
            Some(id) => {
                let (stream, topic) = builder.stream(create)?;
                topic.is_none_or(|topic| catalog.topics.contains(&topic))
                    && is_same_stream(catalog.table(id), stream, create.topic.is_some())
            }
            None => false,
        },
        Statement::CreateView(create) => match catalog.find(&create.name.text) {
            Some(id) => {
                let view = builder.view(create)?;
                let known = catalog.table(id);
                *known == TableDef { indexes: known.indexes.clone(), ..view }
            }
            None => false,
        },
        Statement::CreateTopic(create) => catalog.topics.contains(&builder.topic(create)?),
        Statement::CreateProcedure(create) => catalog.procedures.contains(&builder.procedure(create)?),
        Statement::Drop(drop) => {
            let exists = check::exists(catalog, drop)?;
            if !exists && !drop.if_exists {
                let message = format!("there is no {} {}", drop.kind.word(), drop.name.text);
                return Err(DdlError::at(drop.name.at, message));
            }
            !exists
        }
    })
}

/// CREATE TABLE says nothing of partitioning and indexes.
fn is_same_table(known: &TableDef, table: TableDef) -> bool {
    matches!(known.kind, TableKind::Table(_))
        && *known
            == TableDef {
                kind: known.kind.clone(),
                partition_column: known.partition_column,
                indexes: known.indexes.clone(),
                ..table
            }
}

/// CREATE STREAM may leave its topic to CREATE TOPIC.
fn is_same_stream(known: &TableDef, stream: TableDef, says_topic: bool) -> bool {
    if says_topic || !known.is_stream() {
        return *known == stream;
    }
    *known == TableDef { kind: known.kind.clone(), ..stream }
}
