//! A query at work: rows go in, one at a time and from as many partitions as there are; the result comes out.

use std::{cmp::Ordering, collections::BTreeMap};

use tollgate_schema::{
    types::Type,
    value::{Value, compare},
};

use super::{
    RESULT_BYTES_MAX, SelectPlan, SqlError,
    aggregate::{Accumulator, Ordered, size_of_value},
    eval::{Input, Row},
    select::{Grouping, OrderKey},
};

/// Whether more rows can change the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    More,
    Enough,
}

/// The result of a query. Each value is of its column's type, or NULL.
#[derive(Clone, Debug, PartialEq)]
pub struct QueryResult {
    pub columns: Vec<(String, Type)>,
    pub rows: Vec<Vec<Value>>,
}

/// A query being fed.
#[derive(Debug)]
pub struct Execution<'p> {
    plan: &'p SelectPlan,
    state: State,
    /// About how much is kept.
    bytes: usize,
}

#[derive(Debug)]
enum State {
    Rows(Vec<Output>),
    Groups(BTreeMap<Vec<Ordered>, Vec<Accumulator>>),
}

/// A row of the result, with what it is ordered by.
#[derive(Debug)]
struct Output {
    order: Vec<Value>,
    cells: Vec<Value>,
}

/// With a limit, rows that can't be in the result any more are dropped whenever this many more have come in.
const PRUNE_ROWS: usize = 4_096;

impl SelectPlan {
    /// Starts it.
    pub fn execute(&self) -> Execution<'_> {
        let state = match &self.grouping {
            None => State::Rows(Vec::new()),
            Some(_) => State::Groups(BTreeMap::new()),
        };
        Execution { plan: self, state, bytes: 0 }
    }
}

impl Execution<'_> {
    /// Takes a row of the plan's table in.
    pub fn feed(&mut self, row: &dyn Row) -> Result<Progress, SqlError> {
        let input = Input::Row(row);
        if let Some(filter) = &self.plan.filter
            && filter.truth(&input)? != Some(true)
        {
            return Ok(Progress::More);
        }
        match (&mut self.state, &self.plan.grouping) {
            (State::Rows(rows), _) => {
                let output = output(self.plan, &input)?;
                self.bytes += size_of_output(&output);
                rows.push(output);
                if self.prune() == Progress::Enough {
                    return Ok(Progress::Enough);
                }
            }
            (State::Groups(groups), Some(grouping)) => self.bytes += add_to_group(groups, grouping, &input)?,
            (State::Groups(_), None) => unreachable!("only a plan with grouping starts with groups"),
        }
        if self.bytes > RESULT_BYTES_MAX {
            return Err(SqlError::anywhere(format!(
                "the result takes more than {RESULT_BYTES_MAX} bytes: narrow it by WHERE or LIMIT"
            )));
        }
        Ok(Progress::More)
    }

    /// Drops rows that the limit will cut off.
    fn prune(&mut self) -> Progress {
        let State::Rows(rows) = &mut self.state else { return Progress::More };
        let Some(limit) = self.plan.limit else { return Progress::More };
        let wanted = self.plan.offset.saturating_add(limit);
        if self.plan.order.is_empty() {
            return if rows.len() >= wanted { Progress::Enough } else { Progress::More };
        }
        if rows.len() >= wanted.saturating_add(PRUNE_ROWS) {
            sort(rows, &self.plan.order);
            rows.truncate(wanted);
            self.bytes = rows.iter().map(size_of_output).sum();
        }
        Progress::More
    }

    /// The result of all rows that were fed.
    pub fn finish(self) -> Result<QueryResult, SqlError> {
        let plan = self.plan;
        let mut rows = match (self.state, &plan.grouping) {
            (State::Rows(rows), _) => rows,
            (State::Groups(groups), Some(grouping)) => finish_groups(plan, grouping, groups)?,
            (State::Groups(_), None) => unreachable!("only a plan with grouping starts with groups"),
        };
        sort(&mut rows, &plan.order);
        let rows = rows.into_iter().map(|row| row.cells).skip(plan.offset);
        let rows = rows.take(plan.limit.unwrap_or(usize::MAX)).collect();
        Ok(QueryResult { columns: plan.columns.clone(), rows })
    }
}

fn output(plan: &SelectPlan, input: &Input<'_>) -> Result<Output, SqlError> {
    let order = plan.order.iter().map(|key| key.expr.value(input)).collect::<Result<_, _>>()?;
    let cells = plan.outputs.iter().map(|expr| expr.value(input)).collect::<Result<_, _>>()?;
    Ok(Output { order, cells })
}

fn size_of_output(output: &Output) -> usize {
    size_of::<Output>() + output.order.iter().chain(&output.cells).map(size_of_value).sum::<usize>()
}

/// How many bytes were added.
fn add_to_group(
    groups: &mut BTreeMap<Vec<Ordered>, Vec<Accumulator>>,
    grouping: &Grouping,
    input: &Input<'_>,
) -> Result<usize, SqlError> {
    let key = grouping.keys.iter().map(|k| k.value(input).map(Ordered)).collect::<Result<Vec<_>, _>>()?;
    let mut bytes = 0;
    let key_bytes: usize = key.iter().map(|k| size_of_value(&k.0)).sum();
    let accumulators = groups.entry(key).or_insert_with(|| {
        bytes = key_bytes + grouping.aggregates.len() * size_of::<Accumulator>();
        new_group(grouping)
    });
    for (accumulator, call) in accumulators.iter_mut().zip(&grouping.aggregates) {
        bytes += accumulator.add(call, input)?;
    }
    Ok(bytes)
}

fn new_group(grouping: &Grouping) -> Vec<Accumulator> {
    grouping.aggregates.iter().map(|call| Accumulator::new(call.function)).collect()
}

fn finish_groups(
    plan: &SelectPlan,
    grouping: &Grouping,
    mut groups: BTreeMap<Vec<Ordered>, Vec<Accumulator>>,
) -> Result<Vec<Output>, SqlError> {
    if grouping.keys.is_empty() && groups.is_empty() {
        groups.insert(Vec::new(), new_group(grouping));
    }
    let mut rows = Vec::new();
    for (keys, accumulators) in groups {
        let keys: Vec<Value> = keys.into_iter().map(|key| key.0).collect();
        let aggregates = accumulators.into_iter().map(Accumulator::finish).collect::<Result<Vec<_>, _>>()?;
        let input = Input::Group { keys: &keys, aggregates: &aggregates };
        if let Some(having) = &grouping.having
            && having.truth(&input)? != Some(true)
        {
            continue;
        }
        rows.push(output(plan, &input)?);
    }
    Ok(rows)
}

/// Stable: rows that the keys do not tell apart stay as they came.
fn sort(rows: &mut [Output], keys: &[OrderKey]) {
    if keys.is_empty() {
        return;
    }
    rows.sort_by(|a, b| {
        let by_key = keys.iter().zip(a.order.iter().zip(&b.order));
        by_key.map(|(key, (a, b))| order(key, a, b)).find(|o| o.is_ne()).unwrap_or(Ordering::Equal)
    });
}

fn order(key: &OrderKey, a: &Value, b: &Value) -> Ordering {
    match (*a == Value::Null, *b == Value::Null) {
        (true, true) => Ordering::Equal,
        (true, false) if key.nulls_first => Ordering::Less,
        (true, false) => Ordering::Greater,
        (false, true) if key.nulls_first => Ordering::Greater,
        (false, true) => Ordering::Less,
        (false, false) if key.descending => compare(b, a),
        (false, false) => compare(a, b),
    }
}
