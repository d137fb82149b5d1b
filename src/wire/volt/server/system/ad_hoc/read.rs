//! Queries, over frozen views. A view is taken after the call came, so it has everything that was answered
//! before: a client sees what it wrote.

use super::{super::front::Front, refused};
use crate::{
    call::PartitionId,
    clock, limits,
    partition::FrozenAt,
    sql::{Progress, QueryResult, Row, SelectPlan, SqlError, StoredRow, ViewMerge},
    wire::volt::{
        status::Status,
        system::{ResultTables, SystemError},
    },
};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tollgate_schema::{
    catalog::{Catalog, TableKind},
    ring::Ring,
};

/// Which partitions have the rows that a query can see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    One(PartitionId),
    All,
}

/// Answers each query with a table; all see one moment.
pub(super) async fn run(
    front: &Arc<Front>,
    plans: Vec<SelectPlan>,
    longest: Duration,
) -> Result<ResultTables, SystemError> {
    let shared = front.shared.clone();
    let deadline = Deadline { at: clock::now() + longest, longest };
    let work = move || {
        let gate = &shared.gate;
        let reaches: Vec<_> =
            plans.iter().map(|plan| reach(plan, gate.registry().catalog(), gate.ring())).collect();
        let left = deadline.at.saturating_duration_since(clock::now());
        let frozen = match reaches[..] {
            [Reach::One(first), ref rest @ ..] if rest.iter().all(|reach| *reach == reaches[0]) => {
                shared.freeze_one(first, left).map(|view| vec![view])
            }
            _ => shared.freeze_all(left),
        };
        let frozen = frozen.map_err(|error| unavailable(&error))?;
        let mut answer = ResultTables::new();
        for (plan, reach) in plans.iter().zip(reaches) {
            let views =
                frozen.iter().filter(|view| reach == Reach::All || reach == Reach::One(view.partition));
            let result = execute(plan, views, deadline).map_err(|error| refused(&error))?;
            answer = answer.with_values(&result.columns, &result.rows);
        }
        Ok(answer)
    };
    front.slots.clone().run(work).await?
}

fn unavailable(error: &anyhow::Error) -> SystemError {
    SystemError { status: Status::ServerUnavailable, text: format!("{error:#}") }
}

fn reach(plan: &SelectPlan, catalog: &Catalog, ring: &Ring) -> Reach {
    let def = catalog.table(plan.table());
    if let Some(column) = def.partition_column {
        let key = plan.key_equality(column).and_then(|key| ring.partition_of_value(&key));
        return key.map_or(Reach::All, Reach::One);
    }
    let source = match &def.kind {
        TableKind::View(view) => catalog.table(view.source),
        _ => def,
    };
    // A replicated table is the same everywhere.
    if source.is_stream() || source.partition_column.is_some() { Reach::All } else { Reach::One(0) }
}

#[derive(Clone, Copy)]
struct Deadline {
    at: Instant,
    longest: Duration,
}

/// Rows read between two looks at the clock.
const ROWS_PER_LOOK: u32 = 256;

impl Deadline {
    /// `rows`: read so far.
    fn check(self, rows: u32) -> Result<(), SqlError> {
        if rows.is_multiple_of(ROWS_PER_LOOK) && clock::now() >= self.at {
            let seconds = self.longest.as_secs_f64();
            return Err(error(format!(
                "the query was ended after {seconds:.3} seconds because it exceeded the query timeout"
            )));
        }
        Ok(())
    }
}

fn error(message: String) -> SqlError {
    SqlError { position: None, message }
}

fn execute<'v>(
    plan: &SelectPlan,
    views: impl Iterator<Item = &'v FrozenAt>,
    deadline: Deadline,
) -> Result<QueryResult, SqlError> {
    let mut execution = plan.execute();
    let mut merged = None;
    let mut rows = 0u32;
    'views: for view in views {
        let catalog = view.rows.catalog();
        if merged.is_none() {
            merged = Some(ViewMerge::new(catalog, plan.table())?);
        }
        let table = catalog.table(plan.table());
        for row in view.rows.scan(plan.table()) {
            deadline.check(rows)?;
            rows = rows.wrapping_add(1);
            let row = StoredRow { table, row: row.row() };
            match &mut merged {
                Some(Some(merge)) => merge.add(&row)?,
                _ if execution.feed(&row)? == Progress::Enough => break 'views,
                _ => {}
            }
        }
    }
    for row in merged.flatten().into_iter().flat_map(ViewMerge::into_rows) {
        if execution.feed(&row as &dyn Row)? == Progress::Enough {
            break;
        }
    }
    let result = execution.finish()?;
    if result.rows.len() > limits::RESULT_ROWS_MAX {
        let most = limits::RESULT_ROWS_MAX;
        return Err(error(format!("the result has more than {most} rows: narrow it by WHERE or LIMIT")));
    }
    Ok(result)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::{self, Plan};
    use tollgate_schema::{ddl, value::Value};

    const DDL: &str = "CREATE TABLE cards (card INTEGER NOT NULL, name VARCHAR(9), PRIMARY KEY (card));
        PARTITION TABLE cards ON COLUMN card;
        CREATE TABLE lines (line INTEGER NOT NULL, PRIMARY KEY (line));
        CREATE STREAM news (text VARCHAR(9) NOT NULL);
        CREATE VIEW names (name, n) AS SELECT name, COUNT(*) FROM cards GROUP BY name;
        CREATE VIEW per_card (card, n) AS SELECT card, COUNT(*) FROM cards GROUP BY card;
        CREATE VIEW per_line (line, n) AS SELECT line, COUNT(*) FROM lines GROUP BY line;";

    #[test]
    fn only_partitions_that_can_have_rows_are_read() {
        let catalog = ddl::parse(DDL).unwrap();
        let ring = Ring::new(8);
        let check = |text: &str, params: &[Value], expected| {
            let Plan::Select(plan) = sql::plan(text, params, &catalog).unwrap().remove(0) else { panic!() };
            assert_eq!(reach(&plan, &catalog, &ring), expected, "{text}");
        };
        let home = Reach::One(ring.partition_of_int(17));
        check("SELECT * FROM cards WHERE card = 17", &[], home);
        check("SELECT * FROM cards WHERE name = 'Ann' AND 17 = card", &[], home);
        check("SELECT n FROM per_card WHERE card = ?", &[Value::BigInt(17)], home);
        check("SELECT * FROM cards WHERE card = 17 OR card = 18", &[], Reach::All);
        check("SELECT * FROM cards", &[], Reach::All);
        check("SELECT * FROM names WHERE name = 'Ann'", &[], Reach::All);
        check("SELECT * FROM news", &[], Reach::All);
        check("SELECT * FROM lines", &[], Reach::One(0));
        check("SELECT * FROM per_line WHERE line = 3", &[], Reach::One(0));
    }
}
