//! The naive model: rows in a list in the order they came, everything else computed from scratch.

use std::{cmp::Ordering, collections::BTreeMap, sync::Arc};

use tollgate_schema::{
    catalog::{
        Aggregate, Catalog, CompareOp, Comparison, GroupExpr, Organisation, TableDef, TableId, TableKind,
        ViewDef,
    },
    record,
    row::{RowBuf, Slot},
    store::{
        UniqueKey, WriteError,
        key::{self, KeyColumn},
        time_window::{time_window, truncate},
    },
    value::{Decimal, Value, compare},
};

#[derive(Clone, Debug)]
pub(crate) struct Model {
    pub catalog: Arc<Catalog>,
    pub tables: Vec<Rows>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Rows {
    pub rows: Vec<RowBuf>,
    /// Of a stream: everything ever appended, with timestamps.
    pub appended: Vec<(i64, RowBuf)>,
    pub first_offset: u64,
}

pub(crate) fn columns(table: &TableDef, columns: &[usize]) -> Vec<KeyColumn> {
    let column =
        |&c: &usize| KeyColumn { slot: table.layout.slots[c], column_type: table.columns[c].column_type };
    columns.iter().map(column).collect()
}

pub(crate) fn key(table: &TableDef, of: &[usize], row: &RowBuf) -> Vec<u8> {
    key::of_row(row.as_ref(), &columns(table, of))
}

impl Model {
    pub(crate) fn new(catalog: Arc<Catalog>) -> Model {
        let tables = vec![Rows::default(); catalog.tables.len()];
        Model { catalog, tables }
    }

    pub(crate) fn def(&self, table: TableId) -> &TableDef {
        self.catalog.table(table)
    }

    pub(crate) fn rows(&self, table: TableId) -> &Vec<RowBuf> {
        &self.tables[usize::from(table)].rows
    }

    fn unique_keys(&self, table: TableId) -> Vec<(UniqueKey, Vec<usize>)> {
        let def = self.def(table);
        let primary = def.primary_key.iter().map(|k| (UniqueKey::Primary, k.columns.clone()));
        let indexes = def.indexes.iter().enumerate().filter(|(_, i)| i.unique);
        let indexes = indexes.map(|(n, i)| (UniqueKey::Index(n), i.columns.clone()));
        let uniques = def.uniques.iter().enumerate().map(|(n, k)| (UniqueKey::Unique(n), k.columns.clone()));
        primary.chain(indexes).chain(uniques).collect()
    }

    /// Replaces one row by another (or none by one, or one by none): what the store must answer, and then
    /// must hold.
    pub(crate) fn change(
        &mut self,
        table: TableId,
        old: Option<usize>,
        new: Option<RowBuf>,
    ) -> Result<(), WriteError> {
        if let Some(new) = &new {
            for (unique, of) in self.unique_keys(table) {
                let wanted = key(self.def(table), &of, new);
                let others = self.rows(table).iter().enumerate().filter(|(at, _)| Some(*at) != old);
                if others.into_iter().any(|(_, other)| key(self.def(table), &of, other) == wanted) {
                    return Err(WriteError::Duplicate { table, key: unique });
                }
            }
        }
        let before = self.tables[usize::from(table)].clone();
        let rows = &mut self.tables[usize::from(table)].rows;
        match (old, new) {
            (Some(old), Some(new)) => rows[old] = new,
            (Some(old), None) => drop(rows.remove(old)),
            (None, Some(new)) => rows.push(new),
            (None, None) => {}
        }
        self.check_sums(table).inspect_err(|_| self.tables[usize::from(table)] = before)
    }

    pub(crate) fn append(
        &mut self,
        stream: TableId,
        timestamp_us: i64,
        row: RowBuf,
    ) -> Result<(), WriteError> {
        self.tables[usize::from(stream)].appended.push((timestamp_us, row));
        self.check_sums(stream).inspect_err(|_| drop(self.tables[usize::from(stream)].appended.pop()))
    }

    fn check_sums(&self, source: TableId) -> Result<(), WriteError> {
        let views = 0..self.catalog.tables.len() as TableId;
        for view in views {
            if let TableKind::View(definition) = &self.def(view).kind
                && definition.source == source
                && self.view_rows(view).is_none()
            {
                return Err(WriteError::SumOverflow { view });
            }
        }
        Ok(())
    }

    /// A history's key and time columns.
    pub(crate) fn history(&self, table: TableId) -> Option<(usize, usize)> {
        match self.def(table).kind {
            TableKind::Table(Organisation::History { key, time }) => Some((key, time)),
            _ => None,
        }
    }

    /// The rows of each key of a history, oldest first.
    pub(crate) fn histories(&self, table: TableId) -> BTreeMap<Vec<u8>, Vec<RowBuf>> {
        let (key_column, time) = self.history(table).expect("a history");
        let mut keys: BTreeMap<Vec<u8>, Vec<RowBuf>> = BTreeMap::new();
        for row in self.rows(table) {
            keys.entry(key(self.def(table), &[key_column], row)).or_default().push(row.clone());
        }
        for rows in keys.values_mut() {
            rows.sort_by_key(|row| key(self.def(table), &[time], row));
        }
        keys
    }

    /// Where the last row equal to that one is.
    pub(crate) fn last_equal(&self, table: TableId, row: &RowBuf) -> Option<usize> {
        self.rows(table).iter().rposition(|other| other == row)
    }

    /// The rows of a view, in the order of their groups; `None` when a sum overflows.
    pub(crate) fn view_rows(&self, view: TableId) -> Option<Vec<Vec<Value>>> {
        let TableKind::View(definition) = &self.def(view).kind else { panic!("not a view") };
        let source = self.def(definition.source);
        let rows = match source.is_stream() {
            true => self.tables[usize::from(definition.source)].appended.iter().map(|(_, row)| row).collect(),
            false => self.rows(definition.source).iter().collect::<Vec<_>>(),
        };
        let mut groups: BTreeMap<Vec<u8>, Group> = BTreeMap::new();
        if definition.groups.is_empty() {
            groups.insert(sort_key(&[]), Default::default());
        }
        for row in rows {
            let values = record::decode_row(source, row.as_ref());
            if !definition.filter.iter().all(|comparison| holds(comparison, &values)) {
                continue;
            }
            let group: Vec<Value> =
                definition.groups.iter().map(|group| group_value(group, &values)).collect();
            let of_group = groups.entry(sort_key(&group)).or_default();
            of_group.0 = group;
            of_group.1.push(values);
        }
        groups.into_values().map(|(group, rows)| view_row(definition, group, &rows)).collect()
    }
}

/// The values of a group, and its rows.
type Group = (Vec<Value>, Vec<Vec<Value>>);

fn sort_key(group: &[Value]) -> Vec<u8> {
    format!("{group:?}").into_bytes()
}

fn holds(comparison: &Comparison, values: &[Value]) -> bool {
    let value = &values[comparison.column];
    match comparison.op {
        CompareOp::IsNull => return *value == Value::Null,
        CompareOp::IsNotNull => return *value != Value::Null,
        _ => {}
    }
    let order = compare(value, &comparison.value);
    *value != Value::Null
        && match comparison.op {
            CompareOp::Equal => order == Ordering::Equal,
            CompareOp::NotEqual => order != Ordering::Equal,
            CompareOp::Less => order == Ordering::Less,
            CompareOp::LessOrEqual => order != Ordering::Greater,
            CompareOp::Greater => order == Ordering::Greater,
            CompareOp::GreaterOrEqual => order != Ordering::Less,
            CompareOp::IsNull | CompareOp::IsNotNull => unreachable!("answered above"),
        }
}

fn group_value(group: &GroupExpr, values: &[Value]) -> Value {
    let time = |column: usize, of: &dyn Fn(i64) -> i64| match values[column] {
        Value::Timestamp(time_us) => Value::Timestamp(of(time_us)),
        _ => Value::Null,
    };
    match *group {
        GroupExpr::Column(column) => values[column].clone(),
        GroupExpr::Truncate { unit, column } => time(column, &|time_us| truncate(unit, time_us)),
        GroupExpr::TimeWindow { unit, count, column, end } => {
            time(column, &|time_us| time_window(unit, count, time_us, end))
        }
    }
}

fn view_row(view: &ViewDef, group: Vec<Value>, rows: &[Vec<Value>]) -> Option<Vec<Value>> {
    let mut row = group;
    for aggregate in &view.aggregates {
        let values_of = |column: usize| {
            let values = rows.iter().map(move |row| row[column].clone());
            values.filter(|value| *value != Value::Null)
        };
        row.push(match *aggregate {
            Aggregate::CountAll => Value::BigInt(rows.len() as i64),
            Aggregate::Count(column) => Value::BigInt(values_of(column).count() as i64),
            Aggregate::CountDistinct(column) => {
                let mut distinct: Vec<String> = values_of(column).map(|value| format!("{value:?}")).collect();
                distinct.sort();
                distinct.dedup();
                Value::BigInt(distinct.len() as i64)
            }
            Aggregate::Min(column) => values_of(column).min_by(compare).unwrap_or(Value::Null),
            Aggregate::Max(column) => values_of(column).max_by(compare).unwrap_or(Value::Null),
            Aggregate::Sum(column) => sum(values_of(column))?,
        });
    }
    Some(row)
}

fn sum(values: impl Iterator<Item = Value>) -> Option<Value> {
    let (mut integers, mut floats, mut decimals) = (None::<i128>, None::<f64>, None::<(i128, i128)>);
    const CUT: i128 = 10i128.pow(30);
    for value in values {
        match value {
            // The terms are such that neither loses a digit.
            Value::Float(value) => floats = Some(floats.unwrap_or(0.0) + value),
            Value::Decimal(Decimal(value)) => {
                let (high, low) = decimals.unwrap_or_default();
                decimals = Some((high + value / CUT, low + value % CUT));
            }
            value => {
                integers = Some(integers.unwrap_or(0) + i128::from(value.as_integer().expect("a number")));
            }
        }
    }
    Some(match (integers, floats, decimals) {
        (Some(sum), ..) => Value::BigInt(i64::try_from(sum).ok().filter(|sum| *sum != i64::MIN)?),
        (_, Some(sum), _) => Value::Float(sum),
        (.., Some((high, low))) => {
            let sum = high.checked_mul(CUT)?.checked_add(low)?;
            Value::Decimal(Decimal::from_unscaled(sum)?)
        }
        _ => Value::Null,
    })
}

/// Whether a column is in a row's fixed part.
pub(crate) fn is_fixed(table: &TableDef, column: usize) -> bool {
    matches!(table.layout.slots[column], Slot::Fixed { .. })
}
