//! The default procedures of a table, as VoltDB names and shapes them:
//! - `T.insert(column…)`, `T.upsert(column…)`: all columns in order;
//! - `T.update(column…, key…)`: the new values of all columns, then the key of the row to change;
//! - `T.delete(key…)`, `T.select(key…)`: the primary key.
//!
//! Update, upsert, delete and select need a primary key. Each runs in the partition of its row; on a
//! replicated table each write runs everywhere. A write answers `modified_tuples`.

use crate::{
    abort::Abort,
    parameter::{Parameter, ParameterError},
    procedure::{Code, Kind, Procedure},
    results::Results,
    transaction::{MultiTx, Tx},
};
use std::sync::Arc;
use tollgate_schema::{
    catalog::{Catalog, TableDef, TableId, TableKind},
    codec::{params::ParamReader, table::TableHeader},
    dynamic,
    store::Store,
    typed::Access,
    value::{Value, convert},
};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Action {
    Insert,
    Upsert,
    Update,
    Delete,
    Select,
}

/// The default procedures of one table; none for a view.
pub fn of_table(catalog: &Arc<Catalog>, table: TableId) -> Vec<Procedure> {
    let def = catalog.table(table);
    let actions: &[Action] = match (&def.kind, &def.primary_key) {
        (TableKind::View(_), _) => &[],
        (TableKind::Stream { .. }, _) | (TableKind::Table(_), None) => &[Action::Insert],
        (TableKind::Table(_), Some(_)) => {
            &[Action::Insert, Action::Upsert, Action::Update, Action::Delete, Action::Select]
        }
    };
    actions.iter().map(|&action| procedure(catalog, table, action)).collect()
}

fn procedure(catalog: &Arc<Catalog>, table: TableId, action: Action) -> Procedure {
    let def = catalog.table(table);
    let columns: Vec<usize> = (0..def.visible().len()).collect();
    let key = def.primary_key.as_ref().map(|k| k.columns.clone()).unwrap_or_default();
    let (suffix, parameters) = match action {
        Action::Insert => ("insert", columns),
        Action::Upsert => ("upsert", columns),
        Action::Update => ("update", [columns, key.clone()].concat()),
        Action::Delete => ("delete", key.clone()),
        Action::Select => ("select", key.clone()),
    };
    // An update runs where the row is: its partition comes from the key at the end.
    let own_columns = if action == Action::Update { parameters.len() - key.len() } else { 0 };
    let partition = def.partition_column.map(|column| {
        let from_key = parameters[own_columns..].iter().position(|&c| c == column);
        own_columns + from_key.expect("a primary key contains the partitioning column")
    });
    let task = Task { catalog: catalog.clone(), table, action };
    let replicated_write = partition.is_none() && !def.is_stream() && action != Action::Select;
    let code = if replicated_write {
        Code::Multi(Box::new(move |tx, bytes, results| task.run_everywhere(tx, bytes, results)))
    } else {
        Code::Single(Box::new(move |tx, bytes, results| task.run(tx, bytes, results)))
    };
    let kind = match partition {
        Some(parameter) => Kind::Single { parameter },
        None if replicated_write => Kind::Multi,
        // A replicated table reads the same everywhere; a stream without a partition column takes rows
        // anywhere.
        None => Kind::Anywhere,
    };
    let parameters = parameters.iter().map(|&c| parameter(def, c)).collect();
    let procedure = Procedure::new(&format!("{}.{suffix}", def.name), parameters, kind, code);
    if action == Action::Select { procedure.read_only() } else { procedure }
}

fn parameter(def: &TableDef, column: usize) -> Parameter {
    let column = &def.columns[column];
    Parameter {
        name: column.name.to_ascii_lowercase(),
        column_type: column.column_type,
        nullable: column.nullable,
    }
}

struct Task {
    catalog: Arc<Catalog>,
    table: TableId,
    action: Action,
}

impl Task {
    fn run(&self, tx: &mut Tx<'_>, bytes: &[u8], results: &mut Results<'_>) -> Result<(), Abort> {
        let values = self.values(bytes)?;
        let now_us = Access::now_us(tx);
        if self.action == Action::Select {
            return self.select(tx.store(), &values, results);
        }
        let modified = self.write(tx.store_mut(), &values, now_us)?;
        results.scalar("modified_tuples", modified);
        Ok(())
    }

    fn run_everywhere(
        &self,
        tx: &mut MultiTx<'_>,
        bytes: &[u8],
        results: &mut Results<'_>,
    ) -> Result<(), Abort> {
        let values = self.values(bytes)?;
        let now_us = tx.now_us();
        let mut modified = 0;
        for partition in 0..tx.partitions() {
            modified = self.write(tx.partition(partition).store_mut(), &values, now_us)?;
        }
        results.scalar("modified_tuples", modified);
        Ok(())
    }

    /// The columns that the parameters stand for, in order.
    fn parameter_columns(&self) -> Vec<usize> {
        let def = self.catalog.table(self.table);
        let key = || def.primary_key.as_ref().map(|k| k.columns.clone()).unwrap_or_default();
        match self.action {
            Action::Insert | Action::Upsert => (0..def.visible().len()).collect(),
            Action::Update => (0..def.visible().len()).chain(key()).collect(),
            Action::Delete | Action::Select => key(),
        }
    }

    fn values(&self, bytes: &[u8]) -> Result<Vec<Value>, Abort> {
        let def = self.catalog.table(self.table);
        let columns = self.parameter_columns();
        let mut reader = ParamReader::new(bytes).map_err(ParameterError::from)?;
        if reader.total() != columns.len() {
            return Err(ParameterError::count(&def.name, columns.len(), reader.total()).into());
        }
        let mut values = Vec::with_capacity(columns.len());
        for (position, &column) in columns.iter().enumerate() {
            let column = &def.columns[column];
            let raw = reader.next_param().map_err(ParameterError::from)?.expect("counted above");
            let refused = |reason| ParameterError::value(&column.name.to_ascii_lowercase(), position, reason);
            let value = raw
                .to_value()
                .ok_or_else(|| refused(format!("{} is not {}", raw.type_name(), column.column_type)))?;
            values.push(convert(&value, column.column_type).map_err(|e| refused(e.to_string()))?);
        }
        reader.finish().map_err(ParameterError::from)?;
        Ok(values)
    }

    fn write(&self, store: &mut Store, values: &[Value], now_us: i64) -> Result<i64, Abort> {
        let def = self.catalog.table(self.table);
        let columns = def.visible().len();
        match self.action {
            Action::Insert => {
                dynamic::insert(store, self.table, values, now_us)?;
                Ok(1)
            }
            Action::Upsert => {
                dynamic::upsert(store, self.table, values, now_us)?;
                Ok(1)
            }
            Action::Update => {
                Ok(dynamic::update(store, self.table, &values[columns..], &values[..columns], now_us)?.into())
            }
            Action::Delete => Ok(dynamic::delete(store, self.table, values)?.into()),
            Action::Select => unreachable!("a select writes nothing"),
        }
    }

    fn select(&self, store: &Store, key: &[Value], results: &mut Results<'_>) -> Result<(), Abort> {
        let def = self.catalog.table(self.table);
        let header = TableHeader::new(def.visible().iter().map(|c| (c.name.as_str(), c.column_type)));
        let found = dynamic::find(store, self.table, key)?;
        results.table(&header, |table| {
            if let Some(values) = found {
                table.row(|row| {
                    values.iter().take(header.columns()).for_each(|value| {
                        row.put_value(value);
                    });
                });
            }
        });
        Ok(())
    }
}
