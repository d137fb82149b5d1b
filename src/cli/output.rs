//! What is printed: lines to stdout, tables with aligned columns, values as JSON.

use crate::client::ResultTable;
use anyhow::Result;
use serde_json::{Map, Value as Json, json};
use std::io::{self, Write};
use tollgate_schema::{codec::code, value::Value};

/// Standard output could not be written.
#[derive(Debug, thiserror::Error)]
#[error("standard output could not be written: {0}")]
pub(super) struct OutputError(pub(super) io::Error);

/// Writes a text and ends its line.
pub(super) fn print_line(text: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}").and_then(|()| out.flush()).map_err(OutputError)?;
    Ok(())
}

/// Columns side by side; those marked so are aligned to the right.
pub(super) struct Grid {
    headings: Vec<String>,
    right: Vec<bool>,
    rows: Vec<Vec<String>>,
}

impl Grid {
    /// A heading that begins with `>` aligns its column to the right.
    pub(super) fn new(headings: &[&str]) -> Grid {
        Grid {
            headings: headings.iter().map(|h| h.trim_start_matches('>').to_string()).collect(),
            right: headings.iter().map(|h| h.starts_with('>')).collect(),
            rows: Vec::new(),
        }
    }

    pub(super) fn row(&mut self, cells: Vec<String>) {
        assert_eq!(cells.len(), self.headings.len(), "a row has one cell for each column");
        self.rows.push(cells);
    }

    pub(super) fn render(&self) -> String {
        let lines = || std::iter::once(&self.headings).chain(&self.rows);
        let width = |column: usize| lines().map(|line| line[column].chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..self.headings.len()).map(width).collect();
        let mut out = String::new();
        for line in lines() {
            let mut text = String::new();
            for ((cell, width), right) in line.iter().zip(&widths).zip(&self.right) {
                let padding = " ".repeat(width - cell.chars().count());
                let parts = if *right { [&padding, cell.as_str()] } else { [cell.as_str(), &padding] };
                text.push_str(parts[0]);
                text.push_str(parts[1]);
                text.push_str("  ");
            }
            out.push_str(text.trim_end());
            out.push('\n');
        }
        out
    }
}

/// A result table in aligned columns.
pub(super) fn table_text(table: &ResultTable) -> String {
    let heading = |(name, type_code): &(String, i8)| {
        let right = !matches!(*type_code, code::STRING | code::TIMESTAMP | code::VARBINARY);
        format!("{}{name}", if right { ">" } else { "" })
    };
    let headings: Vec<String> = table.columns.iter().map(heading).collect();
    let mut grid = Grid::new(&headings.iter().map(String::as_str).collect::<Vec<_>>());
    for row in &table.rows {
        // A line is a row, whatever a text holds.
        grid.row(row.iter().map(|value| value.to_string().replace(['\n', '\r'], " ")).collect());
    }
    let rows = table.rows.len();
    format!("{}({rows} row{})\n", grid.render(), if rows == 1 { "" } else { "s" })
}

/// A result table as `{"columns": […], "rows": [{…}]}`.
pub(super) fn table_json(table: &ResultTable) -> Json {
    let columns =
        table.columns.iter().map(|(name, type_code)| json!({ "name": name, "type": code::name(*type_code) }));
    let rows = table.rows.iter().map(|row| {
        let cells = table.columns.iter().zip(row).map(|((name, _), value)| (name.clone(), value_json(value)));
        Json::Object(cells.collect::<Map<_, _>>())
    });
    json!({ "columns": columns.collect::<Vec<_>>(), "rows": rows.collect::<Vec<_>>() })
}

/// Numbers as numbers, decimals and timestamps as text, binary as hexadecimal.
fn value_json(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Float(number) => json!(number),
        Value::Varchar(text) => json!(text),
        Value::Decimal(_) | Value::Timestamp(_) | Value::Varbinary(_) => json!(value.to_string()),
        Value::TinyInt(_) | Value::SmallInt(_) | Value::Integer(_) | Value::BigInt(_) => {
            json!(value.as_integer())
        }
    }
}

/// Groups digits by thousands.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Bytes in the largest unit that leaves a number above one.
pub(super) fn bytes_text(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["bytes", "KiB", "MiB", "GiB", "TiB"];
    let mut number = bytes as f64;
    let mut unit = 0;
    while number >= 1024.0 && unit + 1 < UNITS.len() {
        number /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{bytes} bytes") } else { format!("{number:.1} {}", UNITS[unit]) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;
    use tollgate_schema::value::Decimal;

    fn some() -> ResultTable {
        let column = |name: &str, code| (name.to_string(), code);
        let columns = vec![
            column("NAME", code::STRING),
            column("FARE", code::SMALLINT),
            column("RATE", code::DECIMAL),
            column("TIME", code::TIMESTAMP),
        ];
        let rows = vec![
            vec![
                Value::Varchar("Davis\nSquare".to_string()),
                Value::SmallInt(250),
                Value::Decimal(Decimal(1_500_000_000_000)),
                Value::Timestamp(0),
            ],
            vec![Value::Null, Value::Null, Value::Null, Value::Null],
        ];
        ResultTable { columns, rows }
    }

    #[test]
    fn tables_are_aligned() {
        expect![[r#"
            NAME          FARE            RATE  TIME
            Davis Square   250  1.500000000000  1970-01-01 00:00:00.000000
            NULL          NULL            NULL  NULL
            (2 rows)
        "#]]
        .assert_eq(&table_text(&some()));
    }

    #[test]
    fn tables_as_json() {
        let json = table_json(&some());
        assert_eq!(json["columns"][1], json!({ "name": "FARE", "type": "SMALLINT" }));
        assert_eq!(json["rows"][0]["FARE"], json!(250));
        assert_eq!(json["rows"][0]["RATE"], json!("1.500000000000"));
        assert_eq!(json["rows"][0]["NAME"], json!("Davis\nSquare"));
        assert_eq!(json["rows"][1]["TIME"], Json::Null);
    }

    #[test]
    fn numbers_for_people() {
        for (number, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(number), text);
        }
        for (bytes, text) in [(0, "0 bytes"), (1023, "1023 bytes"), (1536, "1.5 KiB"), (3 << 40, "3.0 TiB")] {
            assert_eq!(bytes_text(bytes), text);
        }
    }
}
