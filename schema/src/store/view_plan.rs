//! What a view computes, worked out once from its definition: the group a row belongs to, and what it adds to
//! it. Knows nothing of where a view's rows are.

use std::cmp::Ordering;

use super::{
    exact_sum::sum_bytes,
    key::{self, KeyColumn},
    shape::key_column,
    time_window::time_window,
};
use crate::{
    catalog::{
        Aggregate, Catalog, CompareOp, Comparison, GroupExpr, Organisation, TableDef, TableId, TableKind,
        TimeUnit, ViewDef,
    },
    row::{RowBuf, RowRef, Slot},
    types::Type,
    value::{NULL_BIGINT, NULL_FLOAT, Value, convert},
};

#[derive(Clone, Debug)]
pub(crate) struct ViewPlan {
    pub(crate) source: TableId,
    filter: Vec<Condition>,
    groups: Vec<Group>,
    pub(crate) aggregates: Vec<AggregatePlan>,
    /// Of the view's rows: what a reader sees.
    pub(crate) visible_width: usize,
    /// The same, then what the view keeps for itself: the count of rows, and for each sum the count of terms
    /// and the sum.
    pub(crate) stored_width: usize,
    pub(crate) has_tails: bool,
    /// Of the view's rows: the groups.
    pub(crate) key: Vec<KeyColumn>,
}

#[derive(Clone, Debug)]
struct Group {
    column: KeyColumn,
    window: Option<(TimeUnit, u32, bool)>,
}

#[derive(Clone, Debug)]
struct Condition {
    column: KeyColumn,
    op: CompareOp,
    /// The literal's encoding, `None` when no value compares with it.
    literal: Option<Vec<u8>>,
}

#[derive(Clone, Debug)]
pub(crate) struct AggregatePlan {
    pub(crate) kind: AggregateKind,
    /// The source's; `None` for COUNT(*).
    pub(crate) column: Option<KeyColumn>,
    /// Where the view's row has it.
    pub(crate) target: KeyColumn,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AggregateKind {
    Count,
    CountDistinct,
    /// Where the stored row has the count of terms, followed by the sum.
    Sum {
        state: usize,
    },
    Min,
    Max,
}

/// Bytes of each count a view keeps for itself.
pub(crate) const COUNT_BYTES: usize = 8;

impl ViewPlan {
    pub(crate) fn new(catalog: &Catalog, table: &TableDef, view: &ViewDef) -> ViewPlan {
        let source = catalog.table(view.source);
        let visible_width = table.layout.fixed_width;
        let mut stored_width = visible_width + COUNT_BYTES;
        let aggregates = view.aggregates.iter().enumerate().map(|(position, aggregate)| {
            let target = key_column(table, view.groups.len() + position);
            let (kind, column) = match *aggregate {
                Aggregate::CountAll => (AggregateKind::Count, None),
                Aggregate::Count(column) => (AggregateKind::Count, Some(column)),
                Aggregate::CountDistinct(column) => (AggregateKind::CountDistinct, Some(column)),
                Aggregate::Min(column) => (AggregateKind::Min, Some(column)),
                Aggregate::Max(column) => (AggregateKind::Max, Some(column)),
                Aggregate::Sum(column) => {
                    let state = stored_width;
                    stored_width += COUNT_BYTES + sum_bytes(source.columns[column].column_type);
                    (AggregateKind::Sum { state }, Some(column))
                }
            };
            AggregatePlan { kind, column: column.map(|c| key_column(source, c)), target }
        });
        ViewPlan {
            source: view.source,
            filter: view.filter.iter().map(|comparison| Condition::new(source, comparison)).collect(),
            groups: view.groups.iter().map(|group| Group::new(source, group)).collect(),
            aggregates: aggregates.collect(),
            visible_width,
            stored_width,
            has_tails: table.layout.tail_columns > 0,
            key: (0..view.groups.len()).map(|column| key_column(table, column)).collect(),
        }
    }

    /// Whether the source's row belongs to the view.
    pub(crate) fn admits(&self, row: RowRef<'_>) -> bool {
        self.filter.iter().all(|condition| condition.holds(row))
    }

    /// Makes a stored row of the view for the source row's group, without any row counted: `image` is emptied
    /// first.
    pub(crate) fn begin(&self, row: RowRef<'_>, image: &mut RowBuf) {
        image.fixed.clear();
        image.tail.clear();
        for group in &self.groups {
            group.push(row, image);
        }
        for aggregate in &self.aggregates {
            let counts = matches!(aggregate.kind, AggregateKind::Count | AggregateKind::CountDistinct);
            match aggregate.target.width() {
                Some(_) if counts => image.fixed.extend_from_slice(&[0; 8]),
                _ => push_null(aggregate.target.column_type, image),
            }
        }
        image.fixed.resize(self.stored_width, 0);
    }

    /// The latest time that the last group, a window, puts into the group with that value.
    pub(crate) fn latest_in_window(&self, value_us: i64) -> i64 {
        match self.groups.last().expect("a view of runs has a window").window {
            None => value_us,
            _ if value_us == NULL_BIGINT => value_us,
            Some((_, _, true)) if value_us == i64::MAX => value_us,
            Some((_, _, true)) => value_us - 1,
            Some((unit, count, false)) => match time_window(unit, count, value_us, true) {
                i64::MAX => i64::MAX,
                end_us => end_us - 1,
            },
        }
    }

    /// Whether the view can be read off the runs of its source's clustering: its groups are the clustering
    /// key and a window of the time, in this order, and its sums can't overflow.
    pub(crate) fn is_runs_of(catalog: &Catalog, view: &ViewDef) -> bool {
        let source = catalog.table(view.source);
        let TableKind::Table(Organisation::History { key, time }) = source.kind else { return false };
        let is_time = match view.groups[..] {
            [GroupExpr::Column(group), GroupExpr::Column(column)]
            | [GroupExpr::Column(group), GroupExpr::Truncate { column, .. }]
            | [GroupExpr::Column(group), GroupExpr::TimeWindow { column, .. }] => {
                group == key && column == time
            }
            _ => false,
        };
        let is_small = |aggregate: &Aggregate| match *aggregate {
            Aggregate::Sum(column) => {
                matches!(source.columns[column].column_type, Type::TinyInt | Type::SmallInt | Type::Integer)
            }
            _ => true,
        };
        is_time && view.aggregates.iter().all(is_small)
    }
}

impl Group {
    fn new(source: &TableDef, group: &GroupExpr) -> Group {
        let (column, window) = match *group {
            GroupExpr::Column(column) => (column, None),
            GroupExpr::Truncate { unit, column } => (column, Some((unit, 1, false))),
            GroupExpr::TimeWindow { unit, count, column, end } => (column, Some((unit, count, end))),
        };
        Group { column: key_column(source, column), window }
    }

    fn push(&self, row: RowRef<'_>, image: &mut RowBuf) {
        match (self.column.slot, self.window) {
            (Slot::Fixed { offset }, Some((unit, count, end))) => {
                let time_us = time_window(unit, count, row.integer(offset as usize, 8), end);
                image.fixed.extend_from_slice(&time_us.to_le_bytes());
            }
            (Slot::Fixed { offset }, None) => {
                let width = self.column.width().expect("a fixed slot has a fixed type");
                image.fixed.extend_from_slice(&row.fixed[offset as usize..][..width]);
            }
            (Slot::Tail { ordinal }, _) => image.push_tail(row.tail_value(ordinal as usize)),
        }
    }
}

/// A row of one NULL of that type.
pub(crate) fn null(column_type: Type) -> RowBuf {
    let mut row = RowBuf::default();
    push_null(column_type, &mut row);
    row
}

/// Appends a NULL of that type.
fn push_null(column_type: Type, image: &mut RowBuf) {
    match column_type.fixed_width() {
        None => image.push_tail(None),
        Some(_) if column_type == Type::Float => image.fixed.extend_from_slice(&NULL_FLOAT.to_le_bytes()),
        Some(width) => {
            image.fixed.extend(std::iter::repeat_n(0, width - 1));
            image.fixed.push(0x80);
        }
    }
}

/// Whether the row's value in that column is NULL.
pub(crate) fn is_null(row: RowRef<'_>, column: KeyColumn) -> bool {
    match column.slot {
        Slot::Tail { ordinal } => row.tail_value(ordinal as usize).is_none(),
        Slot::Fixed { offset } => {
            let value =
                &row.fixed[offset as usize..][..column.width().expect("a fixed slot has a fixed type")];
            match column.column_type {
                Type::Float => f64::from_le_bytes(value.try_into().expect("eight bytes")) <= NULL_FLOAT,
                _ => value
                    .split_last()
                    .is_some_and(|(last, rest)| *last == 0x80 && rest.iter().all(|b| *b == 0)),
            }
        }
    }
}

impl Condition {
    fn new(source: &TableDef, comparison: &Comparison) -> Condition {
        let column = key_column(source, comparison.column);
        let literal = match convert(&comparison.value, column.column_type) {
            Err(_) | Ok(Value::Null) => None,
            Ok(value) => Some(encode_literal(&value, column.column_type)),
        };
        Condition { column, op: comparison.op, literal }
    }

    fn holds(&self, row: RowRef<'_>) -> bool {
        let is_null = is_null(row, self.column);
        let holds: fn(Ordering) -> bool = match self.op {
            CompareOp::IsNull => return is_null,
            CompareOp::IsNotNull => return !is_null,
            CompareOp::Equal => Ordering::is_eq,
            CompareOp::NotEqual => Ordering::is_ne,
            CompareOp::Less => Ordering::is_lt,
            CompareOp::LessOrEqual => Ordering::is_le,
            CompareOp::Greater => Ordering::is_gt,
            CompareOp::GreaterOrEqual => Ordering::is_ge,
        };
        let Some(literal) = &self.literal else { return false };
        !is_null && holds(key::of_row(row, &[self.column]).as_slice().cmp(literal))
    }
}

/// The key encoding of a value of that type.
fn encode_literal(value: &Value, column_type: Type) -> Vec<u8> {
    let mut encoded = Vec::new();
    let mut fixed = |bytes: &[u8]| {
        encoded.resize(bytes.len(), 0);
        key::encode_fixed(bytes, column_type, &mut encoded);
    };
    match value {
        Value::Null => unreachable!("NULL has no comparison"),
        Value::TinyInt(value) => fixed(&value.to_le_bytes()),
        Value::SmallInt(value) => fixed(&value.to_le_bytes()),
        Value::Integer(value) => fixed(&value.to_le_bytes()),
        Value::BigInt(value) | Value::Timestamp(value) => fixed(&value.to_le_bytes()),
        Value::Float(value) => fixed(&value.to_le_bytes()),
        Value::Decimal(value) => fixed(&value.0.to_le_bytes()),
        Value::Varchar(value) => key::push_text(Some(value.as_bytes()), &mut encoded),
        Value::Varbinary(value) => key::push_text(Some(value), &mut encoded),
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ddl;

    #[test]
    fn a_window_ends_where_the_next_begins() {
        let text = "CREATE TABLE taps (card INTEGER NOT NULL, at TIMESTAMP);
            PARTITION TABLE taps ON COLUMN card; CREATE INDEX by_card ON taps (card, at);";
        for group in ["at", "TRUNCATE(MONTH, at)", "TIME_WINDOW(WEEK, 3, at)", "TIME_WINDOW(DAY, 2, at, END)"]
        {
            let view =
                format!("CREATE VIEW w (card, w) AS SELECT card, {group} FROM taps GROUP BY card, {group};");
            let catalog = ddl::parse(&format!("{text}{view}")).unwrap();
            let table = catalog.table(1);
            let TableKind::View(view) = &table.kind else { panic!("a view") };
            assert!(ViewPlan::is_runs_of(&catalog, view));
            let plan = ViewPlan::new(&catalog, table, view);
            let window_of = |time_us: i64| {
                let fixed = [&[0; 4][..], &time_us.to_le_bytes()].concat();
                let mut image = RowBuf::default();
                plan.begin(RowRef { fixed: &fixed, tail: &[] }, &mut image);
                image.as_ref().integer(4, 8)
            };
            for time_us in [i64::MIN, i64::MIN + 1, -86_400_000_001, -1, 0, 1_700_000_000_123_456, i64::MAX] {
                let latest = plan.latest_in_window(window_of(time_us));
                assert!(latest >= time_us, "{group} of {time_us}");
                assert_eq!(window_of(latest), window_of(time_us), "{group} of {time_us}");
                // The ends of time are one window with what is clamped to them.
                if latest < i64::MAX && time_us > i64::MIN + 1 {
                    assert!(window_of(latest + 1) > window_of(time_us), "{group} of {time_us}");
                }
            }
        }
    }
}
