//! Tables, their keys, partitioning and indexes.

use super::{
    super::{
        DdlError, Position,
        statement::{CreateIndex, CreateTable, Key, KeyKind, Name, TtlClause},
    },
    Builder, columns, find_column, find_columns, kind_word,
};
use crate::{
    catalog::{IndexDef, KeyDef, Organisation, TableDef, TableKind, Ttl},
    row::Layout,
    types::Type,
};

impl Builder {
    /// The table by itself, not partitioned yet; and the names of its keys that are only assumed to be
    /// unique.
    pub(in super::super) fn table(&self, create: &CreateTable) -> Result<(TableDef, Vec<String>), DdlError> {
        let columns = columns::columns(&create.name, &create.columns)?;
        let mut table = TableDef {
            name: create.name.text.clone(),
            layout: Layout::new(columns.iter().map(|column| column.column_type)),
            columns,
            kind: TableKind::Table(Organisation::Heap),
            partition_column: None,
            primary_key: None,
            uniques: Vec::new(),
            indexes: Vec::new(),
            ttl: None,
        };
        let mut assumed_unique = Vec::new();
        for key in &create.keys {
            let name = self.add_key(&mut table, key)?;
            if key.kind == KeyKind::AssumeUnique {
                assumed_unique.push(name);
            }
        }
        table.ttl = create.ttl.as_ref().map(|clause| ttl(&table, clause)).transpose()?;
        Ok((table, assumed_unique))
    }

    fn add_key(&self, table: &mut TableDef, key: &Key) -> Result<String, DdlError> {
        let columns = find_columns(table, &key.columns)?;
        let is_primary = key.kind == KeyKind::Primary;
        let name = match &key.name {
            Some(name) => name.text.clone(),
            None => columns::generated_key_name(table, is_primary, &columns),
        };
        if is_primary && table.primary_key.is_some() {
            return Err(DdlError::at(key.at, format!("{} has a primary key already", table.name)));
        }
        self.refuse_known_index(Some(table), &name, key.at)?;
        if !is_primary {
            table.uniques.push(KeyDef { name: name.clone(), columns });
            return Ok(name);
        }
        for column in &columns {
            table.columns[*column].nullable = false;
        }
        table.primary_key = Some(KeyDef { name: name.clone(), columns });
        Ok(name)
    }

    pub(super) fn partition_table(&mut self, name: &Name, column: &Name) -> Result<(), DdlError> {
        let id = self.find_own(name, "table")?;
        let mut table = self.catalog.table(id).clone();
        if !matches!(table.kind, TableKind::Table(_)) {
            let message = format!("{} is a {}: only a table is partitioned so", name.text, kind_word(&table));
            return Err(DdlError::at(name.at, message));
        }
        if table.partition_column.is_some() {
            return Err(DdlError::at(name.at, format!("{} is partitioned already", name.text)));
        }
        table.partition_column = Some(partition_column(&table, column)?);
        if let Some(key) = &table.primary_key {
            columns::check_unique(&table, "the primary key", &key.columns, column.at)?;
        }
        for key in table.uniques.iter().filter(|key| !self.assumed_unique.contains(&key.name)) {
            columns::check_unique(&table, &columns::name_of(key), &key.columns, column.at)?;
        }
        for index in
            table.indexes.iter().filter(|index| index.unique && !self.assumed_unique.contains(&index.name))
        {
            let what = format!("the unique index {}", index.name);
            columns::check_unique(&table, &what, &index.columns, column.at)?;
        }
        self.catalog.tables[usize::from(id)] = table;
        Ok(())
    }

    pub(super) fn create_index(&mut self, create: &CreateIndex) -> Result<(), DdlError> {
        let id = self.find_own(&create.table, "table or view")?;
        let table = self.catalog.table(id);
        let index = self.index(create, table)?;
        self.refuse_known_index(None, &index.name, create.name.at)?;
        if create.unique == Some(KeyKind::Unique) {
            let what = format!("the unique index {}", index.name);
            columns::check_unique(table, &what, &index.columns, create.name.at)?;
        }
        if create.unique == Some(KeyKind::AssumeUnique) {
            self.assumed_unique.push(index.name.clone());
        }
        self.catalog.tables[usize::from(id)].indexes.push(index);
        Ok(())
    }

    pub(in super::super) fn index(
        &self,
        create: &CreateIndex,
        table: &TableDef,
    ) -> Result<IndexDef, DdlError> {
        let name = create.name.text.clone();
        if table.is_stream() {
            let message = format!("{} is a stream: it keeps no rows to index", table.name);
            return Err(DdlError::at(create.table.at, message));
        }
        if table.is_view() && create.unique.is_some() {
            return Err(DdlError::at(
                create.name.at,
                "a view's rows are unique by their groups: a plain index will do",
            ));
        }
        let columns = find_columns(table, &create.columns)?;
        Ok(IndexDef { name, columns, unique: create.unique.is_some() })
    }

    /// Names of indexes, keys among them, are the whole catalogue's.
    fn refuse_known_index(&self, table: Option<&TableDef>, name: &str, at: Position) -> Result<(), DdlError> {
        let known = self.catalog.tables.iter().chain(table).any(|table| {
            let keys = table.primary_key.iter().chain(&table.uniques).map(|key| &key.name);
            keys.chain(table.indexes.iter().map(|index| &index.name)).any(|known| known == name)
        });
        if known {
            Err(DdlError::at(at, format!("there is an index or a key {name} already")))
        } else {
            Ok(())
        }
    }
}

/// A column that rows can be partitioned by.
pub(super) fn partition_column(table: &TableDef, name: &Name) -> Result<usize, DdlError> {
    let position = find_column(table, name)?;
    let column = &table.columns[position];
    if column.nullable {
        let message = format!("the partitioning column {} must be NOT NULL", column.name);
        return Err(DdlError::at(name.at, message));
    }
    let is_text = matches!(column.column_type, Type::Varchar { .. } | Type::Varbinary { .. });
    if !is_text && !column.column_type.is_integer() {
        let message = format!(
            "the partitioning column {} is {}; expected an integer type, VARCHAR or VARBINARY",
            column.name, column.column_type
        );
        return Err(DdlError::at(name.at, message));
    }
    Ok(position)
}

fn ttl(table: &TableDef, clause: &TtlClause) -> Result<Ttl, DdlError> {
    let column = find_column(table, &clause.column)?;
    let column_type = table.columns[column].column_type;
    if column_type != Type::Timestamp && !column_type.is_integer() {
        let message = format!(
            "the TTL column {} is {column_type}; expected TIMESTAMP or an integer type",
            clause.column.text
        );
        return Err(DdlError::at(clause.column.at, message));
    }
    let period_us = i64::try_from(clause.period).ok().and_then(|period| period.checked_mul(clause.unit_us));
    let period_us = period_us
        .filter(|period_us| *period_us > 0)
        .ok_or_else(|| DdlError::at(clause.at, "expected a time from 1 second to 292,000 years"))?;
    let unit_us = if column_type == Type::Timestamp { 1 } else { clause.unit_us };
    let (batch_size, max_frequency) = (clause.batch_size, clause.max_frequency);
    Ok(Ttl { period_us, column, unit_us, batch_size, max_frequency })
}

/// How the rows of a table are kept, by its keys and indexes.
pub(super) fn organisation(table: &TableDef) -> Organisation {
    if table.primary_key.is_some() {
        return Organisation::Keyed;
    }
    let Some(key) = table.partition_column else {
        return Organisation::Heap;
    };
    let mut times = table.indexes.iter().filter_map(|index| match index.columns[..] {
        [first, second, ..] if first == key && table.columns[second].column_type == Type::Timestamp => {
            Some(second)
        }
        _ => None,
    });
    times.next().map_or(Organisation::Heap, |time| Organisation::History { key, time })
}
