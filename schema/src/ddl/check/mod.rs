//! Statements to catalogue entries: looks names up and holds the dialect's rules.

mod columns;
mod drop;
mod procedure;
mod stream;
mod table;
mod topic;
mod view;

pub(super) use columns::is_assumed_unique;
pub(super) use drop::exists;
pub(super) use topic::is_key_property;

use super::{
    DdlError,
    statement::{Name, Statement},
};
use crate::catalog::{Catalog, TableDef, TableId, TableKind};

/// Table ids are 16 bits wide; so many tables are more than any schema has.
const TABLES_MAX: usize = 4096;

/// A catalogue under way.
pub(super) struct Builder {
    catalog: Catalog,
    /// What was there before: it is neither changed nor dropped.
    base: Lengths,
    /// Names of keys and indexes that were declared ASSUMEUNIQUE.
    assumed_unique: Vec<String>,
}

#[derive(Clone, Copy)]
struct Lengths {
    tables: usize,
    topics: usize,
    procedures: usize,
}

impl Builder {
    pub(super) fn new(catalog: Catalog) -> Builder {
        let base = Lengths {
            tables: catalog.tables.len(),
            topics: catalog.topics.len(),
            procedures: catalog.procedures.len(),
        };
        Builder { catalog, base, assumed_unique: Vec::new() }
    }

    pub(super) fn apply(&mut self, statement: &Statement) -> Result<(), DdlError> {
        match statement {
            Statement::CreateTable(create) => {
                let (table, assumed_unique) = self.table(create)?;
                self.assumed_unique.extend(assumed_unique);
                self.add_table(&create.name, table)
            }
            Statement::PartitionTable { table, column } => self.partition_table(table, column),
            Statement::CreateIndex(create) => self.create_index(create),
            Statement::CreateStream(create) => self.create_stream(create),
            Statement::CreateView(create) => {
                let view = self.view(create)?;
                self.add_table(&create.name, view)
            }
            Statement::CreateTopic(create) => self.create_topic(create),
            Statement::CreateProcedure(create) => {
                self.refuse_known_procedure(&create.name)?;
                let procedure = self.procedure(create)?;
                self.catalog.procedures.push(procedure);
                Ok(())
            }
            Statement::Drop(drop) => self.drop(drop),
        }
    }

    /// Settles what depends on statements that may come later.
    pub(super) fn finish(mut self) -> Catalog {
        for id in self.base.tables..self.catalog.tables.len() {
            let table = &self.catalog.tables[id];
            match &table.kind {
                TableKind::Table(_) => {
                    let organisation = table::organisation(table);
                    self.catalog.tables[id].kind = TableKind::Table(organisation);
                }
                TableKind::View(view) => {
                    let source = self.catalog.table(view.source);
                    self.catalog.tables[id].partition_column = view::partition_column(view, source);
                }
                TableKind::Stream { .. } => {}
            }
        }
        self.catalog
    }

    fn add_table(&mut self, name: &Name, table: TableDef) -> Result<(), DdlError> {
        if let Some(known) = self.catalog.find(&name.text) {
            let what = kind_word(self.catalog.table(known));
            return Err(DdlError::at(name.at, format!("there is a {what} {} already", name.text)));
        }
        if self.catalog.tables.len() == TABLES_MAX {
            return Err(DdlError::at(name.at, format!("more than {TABLES_MAX} tables, streams and views")));
        }
        self.catalog.tables.push(table);
        Ok(())
    }

    /// A table, stream or view by name.
    pub(super) fn find(&self, name: &Name, of_what: &str) -> Result<TableId, DdlError> {
        let unknown = || DdlError::at(name.at, format!("there is no {of_what} {}", name.text));
        self.catalog.find(&name.text).ok_or_else(unknown)
    }

    /// The same, for a change: what was there before the text can't be changed by it.
    fn find_own(&self, name: &Name, of_what: &str) -> Result<TableId, DdlError> {
        let id = self.find(name, of_what)?;
        if usize::from(id) < self.base.tables {
            let message = format!("{} is in the catalogue already and can't be changed", name.text);
            return Err(DdlError::at(name.at, message));
        }
        Ok(id)
    }
}

pub(super) fn kind_word(table: &TableDef) -> &'static str {
    match table.kind {
        TableKind::Table(_) => "table",
        TableKind::Stream { .. } => "stream",
        TableKind::View(_) => "view",
    }
}

/// The position of a column.
pub(super) fn find_column(table: &TableDef, name: &Name) -> Result<usize, DdlError> {
    let unknown = || DdlError::at(name.at, format!("{} has no column {}", table.name, name.text));
    table.column(&name.text).ok_or_else(unknown)
}

/// The positions of columns, each named once.
fn find_columns(table: &TableDef, names: &[Name]) -> Result<Vec<usize>, DdlError> {
    let mut columns = Vec::with_capacity(names.len());
    for name in names {
        let column = find_column(table, name)?;
        if columns.contains(&column) {
            return Err(DdlError::at(name.at, format!("column {} is named twice", name.text)));
        }
        columns.push(column);
    }
    Ok(columns)
}
