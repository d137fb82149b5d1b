//! INSERT and UPSERT: one row by the table's default procedure, several as one transaction of the loading
//! procedures. Either way through the gate, so that they are durable before the reply.

use super::super::{front::Front, one_call};
use crate::{
    clock,
    sql::InsertPlan,
    wire::volt::system::{ResultTables, SystemError},
};
use std::sync::Arc;
use tollgate_schema::{
    catalog::{Catalog, TableDef},
    codec::{ParamWriter, TableHeader, TableWriter},
    ring::{KeyKind, Ring},
    value::Value,
};

/// A call that writes the rows.
struct Write {
    procedure: String,
    parameters: Vec<u8>,
}

/// Writes the rows of all statements in one transaction; answers a table for each statement.
pub(super) async fn run(front: &Arc<Front>, plans: &[InsertPlan]) -> Result<ResultTables, SystemError> {
    let gate = &front.shared.gate;
    // The rows carry their values, a time that a column asks for too: close to the transaction's own.
    let write = write(plans, gate.registry().catalog(), gate.ring(), clock::wall_us());
    one_call::call(&front.shared, &write.procedure, write.parameters).await
}

fn write(plans: &[InsertPlan], catalog: &Catalog, ring: &Ring, now_us: i64) -> Write {
    let mut parameters = Vec::new();
    let mut writer = ParamWriter::new(&mut parameters);
    if let [plan] = plans
        && plan.rows.len() == 1
    {
        let table = catalog.table(plan.table);
        for value in plan.values(now_us).flatten() {
            writer.put_value(&value);
        }
        writer.finish();
        let action = if plan.is_upsert { "upsert" } else { "insert" };
        return Write { procedure: format!("{}.{action}", table.name), parameters };
    }
    let home = home(plans, catalog, ring);
    if let Some(partition) = home {
        let key = ring.keys(KeyKind::Varbinary)[usize::from(partition)];
        writer.put_bytes(&key.to_be_bytes());
    }
    for plan in plans {
        let table = catalog.table(plan.table);
        writer.put_str(&table.name).put_i8(i8::from(plan.is_upsert)).put_table(&rows(plan, table, now_us));
    }
    writer.finish();
    let procedure = if home.is_some() { "@LoadSinglepartitionTable" } else { "@LoadMultipartitionTable" };
    Write { procedure: procedure.to_string(), parameters }
}

/// The rows as a table.
fn rows(plan: &InsertPlan, table: &TableDef, now_us: i64) -> Vec<u8> {
    let header = TableHeader::new(table.visible().iter().map(|c| (c.name.as_str(), c.column_type)));
    let mut bytes = Vec::new();
    let mut writer = TableWriter::new(&mut bytes, &header);
    for values in plan.values(now_us) {
        writer.row(|row| {
            for value in &values {
                row.put_value(value);
            }
        });
    }
    writer.finish();
    bytes
}

/// The one partition that all rows belong to, if there is one.
fn home(plans: &[InsertPlan], catalog: &Catalog, ring: &Ring) -> Option<u16> {
    let mut homes = plans.iter().flat_map(|plan| {
        let table = catalog.table(plan.table);
        plan.values(0).map(move |values| home_of(table, &values, ring))
    });
    let first = homes.next()??;
    homes.all(|home| home == Some(first)).then_some(first)
}

fn home_of(table: &TableDef, values: &[Value], ring: &Ring) -> Option<u16> {
    // A value that decides nothing is refused where the row is written.
    table.partition_column.and_then(|column| ring.partition_of_value(&values[column]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::{self, Plan};
    use tollgate_schema::{codec::ParamReader, ddl};

    const DDL: &str =
        "CREATE TABLE cards (card INTEGER NOT NULL, since TIMESTAMP DEFAULT NOW, PRIMARY KEY (card));
        PARTITION TABLE cards ON COLUMN card;
        CREATE TABLE lines (line INTEGER NOT NULL, PRIMARY KEY (line));";

    /// The procedure, and how many parameters it gets.
    fn check(text: &str, expected: (&str, usize)) {
        let catalog = ddl::parse(DDL).unwrap();
        let insert = |plan| if let Plan::Insert(plan) = plan { plan } else { panic!("{plan:?}") };
        let plans: Vec<_> = sql::plan(text, &[], &catalog).unwrap().into_iter().map(insert).collect();
        let write = write(&plans, &catalog, &Ring::new(8), 77);
        let count = ParamReader::new(&write.parameters).unwrap().count();
        assert_eq!((write.procedure.as_str(), count), expected, "{text}");
    }

    #[test]
    fn the_quickest_procedure_that_writes_all_rows_at_once() {
        check("INSERT INTO cards (card) VALUES (1)", ("CARDS.insert", 2));
        check("UPSERT INTO lines VALUES (1)", ("LINES.upsert", 1));
        check("INSERT INTO cards (card) VALUES (1), (1)", ("@LoadSinglepartitionTable", 4));
        check(
            "INSERT INTO cards (card) VALUES (1); UPSERT INTO cards (card) VALUES (1)",
            ("@LoadSinglepartitionTable", 7),
        );
        check("INSERT INTO cards (card) VALUES (1), (2), (3), (4)", ("@LoadMultipartitionTable", 3));
        check(
            "INSERT INTO cards (card) VALUES (1); INSERT INTO lines VALUES (1)",
            ("@LoadMultipartitionTable", 6),
        );
    }
}
