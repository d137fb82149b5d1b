//! What the store works out once from a table's definition. Knows nothing of rows' contents.

use super::key::KeyColumn;
use crate::{
    catalog::{Catalog, Organisation, TableDef, TableId, TableKind},
    row::{Layout, Slot},
    types::Type,
};

/// One table, stream or view, as the store sees it.
#[derive(Clone, Debug)]
pub(crate) struct Shape {
    pub(crate) layout: Layout,
    pub(crate) kind: ShapeKind,
    /// The primary key's columns; the group columns of a view; else empty.
    pub(crate) key: Vec<KeyColumn>,
    /// Whether every column of the key is in the fixed part.
    pub(crate) key_is_fixed: bool,
    /// For each tail column, whether it must be UTF-8.
    pub(crate) tail_is_text: Vec<bool>,
    pub(crate) belonging: Belonging,
}

/// What decides where a row belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Belonging {
    /// An integer column of the fixed part.
    Integer { offset: usize, width: usize },
    /// A VARCHAR or VARBINARY: that value of the tail.
    Bytes { ordinal: usize },
    /// Every partition has it: a row of a replicated table.
    Everywhere,
    /// Nothing does: views, streams without a partitioning column, the server's own tables.
    Anywhere,
}

impl Belonging {
    fn of(table: &TableDef) -> Belonging {
        let Some(column) = table.partition_column.filter(|_| !table.is_view()) else {
            let is_replicated = matches!(table.kind, TableKind::Table(_)) && !table.is_internal();
            return if is_replicated { Belonging::Everywhere } else { Belonging::Anywhere };
        };
        match (table.layout.slots[column], table.columns[column].column_type.fixed_width()) {
            (Slot::Fixed { offset }, Some(width)) => Belonging::Integer { offset: offset as usize, width },
            (Slot::Tail { ordinal }, _) => Belonging::Bytes { ordinal: ordinal as usize },
            (Slot::Fixed { .. }, None) => unreachable!("a value of the fixed part has a width"),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ShapeKind {
    Keyed,
    History,
    Heap,
    Stream,
    View,
}

impl Shape {
    pub(crate) fn new(table: &TableDef) -> Shape {
        let kind = match &table.kind {
            TableKind::Table(Organisation::Keyed) => ShapeKind::Keyed,
            TableKind::Table(Organisation::History { .. }) => ShapeKind::History,
            TableKind::Table(Organisation::Heap) => ShapeKind::Heap,
            TableKind::Stream { .. } => ShapeKind::Stream,
            TableKind::View(_) => ShapeKind::View,
        };
        let key: Vec<KeyColumn> = match &table.kind {
            TableKind::View(view) => (0..view.groups.len()).map(|c| key_column(table, c)).collect(),
            _ => table.primary_key.iter().flat_map(|k| &k.columns).map(|&c| key_column(table, c)).collect(),
        };
        let tail_is_text = table
            .columns
            .iter()
            .filter(|c| c.column_type.fixed_width().is_none())
            .map(|c| matches!(c.column_type, Type::Varchar { .. }))
            .collect();
        let key_is_fixed = key.iter().all(|column| column.width().is_some());
        let belonging = Belonging::of(table);
        Shape { layout: table.layout.clone(), kind, key, key_is_fixed, tail_is_text, belonging }
    }
}

pub(crate) fn key_column(table: &TableDef, column: usize) -> KeyColumn {
    KeyColumn { slot: table.layout.slots[column], column_type: table.columns[column].column_type }
}

pub(crate) fn key_columns(table: &TableDef, columns: &[usize]) -> Vec<KeyColumn> {
    columns.iter().map(|&column| key_column(table, column)).collect()
}

/// One shape for each of the catalogue's tables.
pub(crate) fn shapes(catalog: &Catalog) -> Vec<Shape> {
    assert!(catalog.tables.len() <= usize::from(TableId::MAX), "{} tables", catalog.tables.len());
    catalog.tables.iter().map(Shape::new).collect()
}
