//! Views: what they group, count and call their columns.

use super::{
    super::{
        DdlError,
        statement::{ColumnRef, CreateView, ItemExpr, ItemKind, Name},
    },
    Builder, columns, find_column,
};
use crate::{
    catalog::{Aggregate, ColumnDef, Comparison, GroupExpr, TableDef, TableKind, ViewDef},
    row::Layout,
    types::Type,
    value::Value,
};

/// A SELECT item or a GROUP BY item, looked up.
#[derive(Clone, Debug, PartialEq)]
enum Resolved {
    Group(GroupExpr),
    Aggregate(Aggregate),
}

impl Builder {
    pub(in super::super) fn view(&self, create: &CreateView) -> Result<TableDef, DdlError> {
        let source_id = self.find(&create.source, "table or stream")?;
        let source = self.catalog.table(source_id);
        if source.is_view() {
            return Err(DdlError::at(create.source.at, "a view over a view is not supported"));
        }
        let scope = Scope { source, create };
        let groups = scope.groups()?;
        let aggregates = scope.aggregates(&groups)?;
        if source.is_stream() && source.partition_column.is_some_and(|column| !groups_by(&groups, column)) {
            let column = &source.columns[source.partition_column.unwrap_or_default()].name;
            let message = format!(
                "a view over the stream {} must group by its partitioning column {column}",
                source.name
            );
            return Err(DdlError::at(create.name.at, message));
        }
        let columns = scope.columns(&groups, &aggregates)?;
        let view = ViewDef { source: source_id, groups, aggregates, filter: scope.filter()? };
        Ok(TableDef {
            name: create.name.text.clone(),
            layout: Layout::new(columns.iter().map(|column| column.column_type)),
            columns,
            partition_column: partition_column(&view, source),
            kind: TableKind::View(view),
            primary_key: None,
            uniques: Vec::new(),
            indexes: Vec::new(),
            ttl: None,
        })
    }
}

fn groups_by(groups: &[GroupExpr], column: usize) -> bool {
    groups.contains(&GroupExpr::Column(column))
}

/// Which of the view's columns holds the source's partitioning column. `None` too when the view does not
/// group by it: then each partition has a part of each group.
pub(super) fn partition_column(view: &ViewDef, source: &TableDef) -> Option<usize> {
    let column = source.partition_column?;
    view.groups.iter().position(|group| *group == GroupExpr::Column(column))
}

struct Scope<'a> {
    source: &'a TableDef,
    create: &'a CreateView,
}

impl Scope<'_> {
    fn groups(&self) -> Result<Vec<GroupExpr>, DdlError> {
        let mut groups = Vec::with_capacity(self.create.groups.len());
        for item in &self.create.groups {
            match self.resolve_group(item)? {
                Resolved::Group(group) if groups.contains(&group) => {
                    return Err(DdlError::at(item.at, "the view groups by this already"));
                }
                Resolved::Group(group) => groups.push(group),
                Resolved::Aggregate(_) => {
                    return Err(DdlError::at(item.at, "a view can't group by an aggregate"));
                }
            }
        }
        Ok(groups)
    }

    /// A GROUP BY item: an expression, or the alias of one that is selected. Columns come before aliases.
    fn resolve_group(&self, item: &ItemExpr) -> Result<Resolved, DdlError> {
        if let ItemKind::Column(ColumnRef { table: None, column }) = &item.kind
            && self.source.column(&column.text).is_none()
            && let Some(aliased) = self.aliased(column)
        {
            return self.resolve(aliased);
        }
        self.resolve(item)
    }

    fn aliased(&self, alias: &Name) -> Option<&ItemExpr> {
        let has_alias = |name: &Option<Name>| name.as_ref().is_some_and(|name| name.text == alias.text);
        self.create.items.iter().find(|item| has_alias(&item.alias)).map(|item| &item.expr)
    }

    /// What follows the groups in SELECT.
    fn aggregates(&self, groups: &[GroupExpr]) -> Result<Vec<Aggregate>, DdlError> {
        const ORDER: &str =
            "a view selects all it groups by, in the order of GROUP BY, and then its aggregates";
        let mut aggregates = Vec::new();
        for (position, item) in self.create.items.iter().enumerate() {
            match self.resolve(&item.expr)? {
                Resolved::Group(group) if groups.get(position) == Some(&group) => {}
                Resolved::Aggregate(aggregate) if position >= groups.len() => aggregates.push(aggregate),
                _ => return Err(DdlError::at(item.expr.at, ORDER)),
            }
        }
        if self.create.items.len() < groups.len() {
            return Err(DdlError::at(self.create.groups[self.create.items.len()].at, ORDER));
        }
        Ok(aggregates)
    }

    fn resolve(&self, item: &ItemExpr) -> Result<Resolved, DdlError> {
        let resolved = match &item.kind {
            ItemKind::Column(column) => Resolved::Group(GroupExpr::Column(self.column(column)?)),
            ItemKind::Truncate { unit, column } => {
                Resolved::Group(GroupExpr::Truncate { unit: *unit, column: self.timestamp(column)? })
            }
            ItemKind::TimeWindow { unit, count, column, end } => {
                let column = self.timestamp(column)?;
                Resolved::Group(GroupExpr::TimeWindow { unit: *unit, count: *count, column, end: *end })
            }
            ItemKind::CountAll => Resolved::Aggregate(Aggregate::CountAll),
            ItemKind::Count(column) => Resolved::Aggregate(Aggregate::Count(self.column(column)?)),
            ItemKind::CountDistinct(column) => {
                Resolved::Aggregate(Aggregate::CountDistinct(self.column(column)?))
            }
            ItemKind::Sum(column) => Resolved::Aggregate(Aggregate::Sum(self.number(column)?)),
            ItemKind::Min(column) => Resolved::Aggregate(Aggregate::Min(self.column(column)?)),
            ItemKind::Max(column) => Resolved::Aggregate(Aggregate::Max(self.column(column)?)),
        };
        Ok(resolved)
    }

    fn column(&self, reference: &ColumnRef) -> Result<usize, DdlError> {
        if let Some(table) = &reference.table {
            let alias = self.create.source_alias.as_ref().unwrap_or(&self.create.source);
            if table.text != alias.text {
                return Err(DdlError::at(table.at, format!("expected {}, found {}", alias.text, table.text)));
            }
        }
        find_column(self.source, &reference.column)
    }

    fn typed(&self, reference: &ColumnRef, wanted: &str, fits: fn(Type) -> bool) -> Result<usize, DdlError> {
        let column = self.column(reference)?;
        let column_type = self.source.columns[column].column_type;
        if fits(column_type) {
            return Ok(column);
        }
        let message = format!("column {} is {column_type}; expected {wanted}", reference.column.text);
        Err(DdlError::at(reference.column.at, message))
    }

    fn timestamp(&self, reference: &ColumnRef) -> Result<usize, DdlError> {
        self.typed(reference, "TIMESTAMP", |column_type| column_type == Type::Timestamp)
    }

    fn number(&self, reference: &ColumnRef) -> Result<usize, DdlError> {
        let fits = |column_type: Type| {
            column_type.is_integer() || matches!(column_type, Type::Float | Type::Decimal)
        };
        self.typed(reference, "a number", fits)
    }

    fn filter(&self) -> Result<Vec<Comparison>, DdlError> {
        let comparison = |condition: &super::super::statement::Condition| {
            let column = self.column(&condition.column)?;
            let value = columns::value_of(&condition.literal, self.source.columns[column].column_type)?;
            Ok(Comparison { column, op: condition.op, value })
        };
        self.create.filter.iter().map(comparison).collect()
    }

    fn columns(&self, groups: &[GroupExpr], aggregates: &[Aggregate]) -> Result<Vec<ColumnDef>, DdlError> {
        let names = &self.create.column_names;
        if !names.is_empty() && names.len() != self.create.items.len() {
            let message = format!("{} names for {} columns", names.len(), self.create.items.len());
            return Err(DdlError::at(self.create.name.at, message));
        }
        let types = groups.iter().map(|group| self.group_type(group));
        let types = types.chain(aggregates.iter().map(|aggregate| self.aggregate_type(aggregate)));
        let mut columns: Vec<ColumnDef> = Vec::new();
        for (position, (column_type, nullable)) in types.enumerate() {
            let item = &self.create.items[position];
            let name = match (names.get(position), &item.alias, &item.expr.kind) {
                (Some(name), _, _) | (None, Some(name), _) => name.text.clone(),
                (None, None, ItemKind::Column(reference)) => reference.column.text.clone(),
                (None, None, _) => format!("C{}", position + 1),
            };
            if columns.iter().any(|known| known.name == name) {
                return Err(DdlError::at(item.expr.at, format!("the view has a column {name} already")));
            }
            columns.push(ColumnDef {
                name,
                column_type,
                nullable,
                default: Value::Null,
                default_now: false,
                hidden: false,
            });
        }
        Ok(columns)
    }

    fn group_type(&self, group: &GroupExpr) -> (Type, bool) {
        let (GroupExpr::Column(column)
        | GroupExpr::Truncate { column, .. }
        | GroupExpr::TimeWindow { column, .. }) = group;
        let column = &self.source.columns[*column];
        (column.column_type, column.nullable)
    }

    /// Sums are as wide as can be: VoltDB's BIGINT for integers.
    fn aggregate_type(&self, aggregate: &Aggregate) -> (Type, bool) {
        let of = |column: &usize| &self.source.columns[*column];
        match aggregate {
            Aggregate::CountAll | Aggregate::Count(_) | Aggregate::CountDistinct(_) => (Type::BigInt, false),
            Aggregate::Min(column) | Aggregate::Max(column) => (of(column).column_type, of(column).nullable),
            Aggregate::Sum(column) if of(column).column_type.is_integer() => {
                (Type::BigInt, of(column).nullable)
            }
            Aggregate::Sum(column) => (of(column).column_type, of(column).nullable),
        }
    }
}
