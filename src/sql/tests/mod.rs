//! Whole statements over a small table, through one `check`.

use expect_test::{Expect, expect};
use tollgate_schema::{
    catalog::Catalog,
    ddl,
    record::encode_row,
    row::RowRef,
    value::{Decimal, Value},
};

use super::*;

mod bounds;
mod queries;
mod refusals;

const DDL: &str = "CREATE TABLE cards (
        card_id INTEGER NOT NULL,
        name VARCHAR(20),
        balance INTEGER DEFAULT 0 NOT NULL,
        rate FLOAT,
        worth DECIMAL,
        expires TIMESTAMP DEFAULT NOW,
        tag VARBINARY(4),
        secret INTEGER DEFAULT 3 NOT NULL HIDDEN,
        PRIMARY KEY (card_id)
    );
    PARTITION TABLE cards ON COLUMN card_id;
    CREATE VIEW names (name, n) AS SELECT name, COUNT(*) FROM cards GROUP BY name;";

fn catalog() -> Catalog {
    ddl::parse(DDL).expect("the schema is valid")
}

fn rows() -> Vec<Vec<Value>> {
    let text = |t: &str| Value::Varchar(t.into());
    let row = |id: i32, name, balance, rate, worth: Option<i64>, day: i64, tag| {
        vec![
            Value::Integer(id),
            name,
            Value::Integer(balance),
            rate,
            worth.map_or(Value::Null, |w| Value::Decimal(Decimal::from_integer(w))),
            Value::Timestamp(day * 86_400_000_000),
            tag,
        ]
    };
    vec![
        row(1, text("Ann"), 500, Value::Float(0.5), Some(10), 0, Value::Varbinary(vec![1])),
        row(2, text("Bob"), 1000, Value::Null, Some(3), 1, Value::Null),
        row(3, text("Ann"), 2000, Value::Float(1.5), None, 2, Value::Null),
        row(4, Value::Null, 0, Value::Float(-2.0), Some(-1), 19_723, Value::Null),
        row(5, text("Zoë_%"), -7, Value::Null, Some(0), 4, Value::Null),
    ]
}

fn run(text: &str, params: &[Value]) -> Result<String, SqlError> {
    let catalog = catalog();
    let mut out = String::new();
    for plan in plan(text, params, &catalog)? {
        match plan {
            Plan::Ddl(text) => out += &format!("DDL: {text}\n"),
            Plan::Insert(insert) => {
                out += if insert.is_upsert { "upsert\n" } else { "insert\n" };
                for row in insert.values(77) {
                    out += &line(&row);
                }
            }
            Plan::Select(select) => {
                let mut execution = select.execute();
                let def = catalog.table(select.table());
                for values in rows() {
                    let (mut fixed, mut tail) = (Vec::new(), Vec::new());
                    encode_row(def, &values, 0, &mut fixed, &mut tail).expect("the rows fit their table");
                    let row = StoredRow { table: def, row: RowRef { fixed: &fixed, tail: &tail } };
                    if execution.feed(&row)? == Progress::Enough {
                        break;
                    }
                }
                let result = execution.finish()?;
                let columns: Vec<_> = result.columns.iter().map(|(n, t)| format!("{n} {t}")).collect();
                out += &format!("{}\n", columns.join(" | "));
                for row in result.rows {
                    for (value, (_, column_type)) in row.iter().zip(&result.columns) {
                        let converted = tollgate_schema::value::convert(value, *column_type);
                        assert_eq!(converted.as_ref(), Ok(value), "a cell is of its column's type");
                    }
                    out += &line(&row);
                }
            }
        }
    }
    Ok(out)
}

fn line(row: &[Value]) -> String {
    format!("  {}\n", row.iter().map(ToString::to_string).collect::<Vec<_>>().join(" | "))
}

#[expect(clippy::needless_pass_by_value, reason = "an expectation is written in place")]
fn check_with(text: &str, params: &[Value], expected: Expect) {
    let outcome = run(text, params).unwrap_or_else(|error| format!("error: {error}\n"));
    expected.assert_eq(&outcome);
}

fn check(text: &str, expected: Expect) {
    check_with(text, &[], expected);
}
