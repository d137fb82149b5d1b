//! Declared procedures.

use super::{
    super::{
        DdlError,
        statement::{CreateProcedure, Name, PartitionOn},
    },
    Builder, find_column,
};
use crate::catalog::{PartitionClause, ProcedureDecl};

impl Builder {
    pub(super) fn refuse_known_procedure(&self, name: &Name) -> Result<(), DdlError> {
        let known = self.catalog.procedures.iter().any(|known| known.name.eq_ignore_ascii_case(&name.text));
        if known {
            Err(DdlError::at(name.at, format!("there is a procedure {} already", name.text)))
        } else {
            Ok(())
        }
    }

    pub(in super::super) fn procedure(&self, create: &CreateProcedure) -> Result<ProcedureDecl, DdlError> {
        Ok(ProcedureDecl {
            name: create.name.text.clone(),
            directed: create.directed,
            partition: create.partition.as_ref().map(|clause| self.partition_clause(clause)).transpose()?,
            allow: create.allow.clone(),
            class: create.class.clone(),
            sql: create.sql.clone(),
        })
    }

    fn partition_clause(&self, clause: &PartitionOn) -> Result<PartitionClause, DdlError> {
        let id = self.find(&clause.table, "table")?;
        let table = self.catalog.table(id);
        if table.is_view() {
            let message = format!("{} is a view; expected a table or a stream", table.name);
            return Err(DdlError::at(clause.table.at, message));
        }
        let column = find_column(table, &clause.column)?;
        if table.partition_column != Some(column) {
            let message = match table.partition_column {
                Some(other) => format!("{} is partitioned on {}", table.name, table.columns[other].name),
                None => format!("{} is not partitioned", table.name),
            };
            return Err(DdlError::at(clause.column.at, message));
        }
        Ok(PartitionClause { table: id, column, parameter: clause.parameter })
    }
}
