//! `tollgate status`: how a server is, from its statistics and its health over HTTP.

use super::{
    options::{Http, Server},
    output::{Grid, bytes_text, grouped, print_line, table_json},
};
use crate::client::{ClientError, Connection, ResultTable, ServerAddress, http};
use anyhow::{Result, ensure};
use clap::Args;
use serde_json::{Map, Value as Json, json};
use std::{collections::BTreeMap, process::ExitCode};
use tollgate_schema::value::Value;

/// Show health, tables with their memory, procedures, latency and the log of a server
#[derive(Args)]
pub(super) struct Status {
    #[command(flatten)]
    server: Server,
    #[command(flatten)]
    http: Http,
    /// Print one line of JSON
    #[arg(long)]
    json: bool,
}

/// What is asked of `@Statistics`.
const SELECTORS: [&str; 8] =
    ["PARTITIONCOUNT", "TABLE", "INDEX", "PROCEDURE", "LATENCY", "MEMORY", "COMMANDLOG", "LIVECLIENTS"];

impl Status {
    pub(super) fn run(self) -> Result<ExitCode> {
        let mut connection = Connection::open(&self.server.server)?;
        let health = health(&self.http.http);
        let mut statistics = BTreeMap::new();
        for selector in SELECTORS {
            let parameters = [Value::Varchar(selector.to_string()), Value::Integer(0)];
            let answer = connection.call("@Statistics", &parameters)?;
            ensure!(answer.is_success(), "@Statistics {selector}: {}", answer.status_text);
            statistics.insert(selector, answer.into_first_table());
        }
        let answer = connection.call("@SystemCatalog", &[Value::Varchar("TABLES".to_string())])?;
        ensure!(answer.is_success(), "@SystemCatalog TABLES: {}", answer.status_text);
        let catalog = answer.into_first_table();
        let text = if self.json {
            let mut line: Map<String, Json> = statistics
                .iter()
                .map(|(selector, table)| (selector.to_lowercase(), table_json(table)["rows"].clone()))
                .collect();
            line.insert("health".to_string(), health.unwrap_or_else(|reason| json!({ "error": reason })));
            Json::Object(line).to_string()
        } else {
            let health =
                health.map_or_else(|reason| format!("unknown: {reason}"), |health| health_text(&health));
            format!("{}  {health}\n\n{}", connection.server(), text(&statistics, &catalog))
        };
        print_line(text.trim_end())?;
        Ok(ExitCode::SUCCESS)
    }
}

/// What the server says of its health; the error is why that is not known.
fn health(server: &ServerAddress) -> Result<Json, String> {
    let answer = http::get(server, "/api/v1/health").map_err(|error| match error {
        ClientError::NothingListens(server) => format!("no HTTP at {server}, name it with --http"),
        other => other.to_string(),
    })?;
    serde_json::from_slice(&answer.body).map_err(|_| format!("HTTP status {} without JSON", answer.status))
}

fn health_text(health: &Json) -> String {
    let status = health["status"].as_str().unwrap_or("unknown");
    let rest = health
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(key, _)| !["status", "timestamp_us"].contains(&key.as_str()));
    let details = rest.filter(|(_, value)| !value.is_object() && !value.is_array()).map(|(key, value)| {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_string);
        format!("{key} {text}")
    });
    std::iter::once(status.to_string()).chain(details).collect::<Vec<_>>().join(", ")
}

fn text(statistics: &BTreeMap<&'static str, ResultTable>, catalog: &ResultTable) -> String {
    let parts = [
        general(statistics),
        tables(&statistics["TABLE"], &statistics["INDEX"], catalog),
        procedures(&statistics["PROCEDURE"]),
        latency(&statistics["LATENCY"]),
    ];
    parts.join("\n")
}

/// A number of the first row.
fn number(table: &ResultTable, column: &str) -> u64 {
    table.rows.first().map_or(0, |row| unsigned(table, row, column))
}

fn unsigned(table: &ResultTable, row: &[Value], column: &str) -> u64 {
    table.integer(row, column).and_then(|number| u64::try_from(number).ok()).unwrap_or(0)
}

fn general(statistics: &BTreeMap<&'static str, ResultTable>) -> String {
    let memory = &statistics["MEMORY"];
    let log = &statistics["COMMANDLOG"];
    format!(
        "partitions {}, connections {}, resident {}, log segments {} ({} in use), waiting for the disk {}\n",
        number(&statistics["PARTITIONCOUNT"], "PARTITION_COUNT"),
        statistics["LIVECLIENTS"].rows.len(),
        bytes_text(number(memory, "RSS") << 10),
        number(log, "SEGMENT_COUNT"),
        number(log, "IN_USE_SEGMENT_COUNT"),
        bytes_text(number(log, "OUTSTANDING_BYTES")),
    )
}

/// Rows and bytes, added over the partitions. A table that is the same in all of them has its rows counted
/// once.
fn tables(tables: &ResultTable, indexes: &ResultTable, catalog: &ResultTable) -> String {
    let is_replicated = |name: &str| {
        let is_it = |row: &&Vec<Value>| catalog.text(row, "TABLE_NAME") == Some(name);
        catalog.rows.iter().find(is_it).is_some_and(|row| {
            let kind = catalog.text(row, "TABLE_TYPE");
            let partitioned = catalog.text(row, "REMARKS").is_some_and(|r| r.contains("partitionColumn"));
            kind == Some("TABLE") && !partitioned
        })
    };
    let mut sums: BTreeMap<&str, (u64, u64, u64)> = BTreeMap::new();
    for row in &tables.rows {
        let Some(name) = tables.text(row, "TABLE_NAME") else { continue };
        let sum = sums.entry(name).or_default();
        let rows = unsigned(tables, row, "TUPLE_COUNT");
        sum.0 = if is_replicated(name) { sum.0.max(rows) } else { sum.0 + rows };
        sum.1 += unsigned(tables, row, "TUPLE_ALLOCATED_MEMORY") << 10;
    }
    for row in &indexes.rows {
        let Some(name) = indexes.text(row, "TABLE_NAME") else { continue };
        sums.entry(name).or_default().2 += unsigned(indexes, row, "MEMORY_ESTIMATE") << 10;
    }
    let mut grid = Grid::new(&["table", ">rows", ">memory", ">indexes"]);
    for (name, (rows, bytes, index_bytes)) in sums {
        grid.row(vec![name.to_string(), grouped(rows), bytes_text(bytes), bytes_text(index_bytes)]);
    }
    grid.render()
}

fn procedures(procedures: &ResultTable) -> String {
    #[derive(Default)]
    struct Sum {
        calls: u64,
        timed: u64,
        total_ns: u64,
        aborts: u64,
        failures: u64,
    }
    let mut sums: BTreeMap<&str, Sum> = BTreeMap::new();
    for row in &procedures.rows {
        let Some(name) = procedures.text(row, "PROCEDURE") else { continue };
        let of = |column| unsigned(procedures, row, column);
        let sum = sums.entry(name).or_default();
        sum.calls += of("INVOCATIONS");
        sum.timed += of("TIMED_INVOCATIONS");
        sum.total_ns += of("AVG_EXECUTION_TIME") * of("TIMED_INVOCATIONS");
        sum.aborts += of("ABORTS");
        sum.failures += of("FAILURES");
    }
    let mut grid = Grid::new(&["procedure", ">calls", ">mean us", ">aborts", ">failures"]);
    for (name, sum) in sums.into_iter().filter(|(_, sum)| sum.calls > 0) {
        let mean = sum.total_ns.checked_div(sum.timed).map(|ns| format!("{:.1}", ns as f64 / 1e3));
        grid.row(vec![
            name.to_string(),
            grouped(sum.calls),
            mean.unwrap_or_default(),
            grouped(sum.aborts),
            grouped(sum.failures),
        ]);
    }
    grid.render()
}

/// The last interval that the server tells of.
fn latency(latency: &ResultTable) -> String {
    let Some(row) = latency.rows.last() else { return String::new() };
    let ms = |column| unsigned(latency, row, column) as f64 / 1e3;
    format!(
        "last interval: {} calls a second, p50 {:.3} ms, p99 {:.3} ms, p99.9 {:.3} ms, longest {:.3} ms\n",
        grouped(unsigned(latency, row, "TPS")),
        ms("P50"),
        ms("P99"),
        ms("P99.9"),
        ms("MAX")
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        client::Answer,
        wire::volt::{
            response::Response,
            system::{catalog, facts::*, statistics},
        },
    };
    use expect_test::expect;
    use tollgate_schema::{catalog::Catalog, codec::ParamWriter, ddl, ring::Ring};

    /// What the server would answer.
    fn ask(selector: &str, stats: &NodeStats) -> ResultTable {
        let mut params = Vec::new();
        let mut writer = ParamWriter::new(&mut params);
        writer.put_str(selector);
        writer.finish();
        let request = statistics::Request::read(&params).unwrap();
        let answer = statistics::answer(request, &ClusterFacts::default(), &Ring::new(2), stats);
        Answer::of(&Response::success(1, answer.tables())).unwrap().into_first_table()
    }

    #[test]
    fn partitions_are_added_up() {
        let table = |name: &str, partition, rows| TableStats {
            partition,
            name: name.to_string(),
            rows,
            allocated_bytes: 1 << 20,
            ..TableStats::default()
        };
        let call = |partition, calls| ProcedureStats {
            partition,
            name: "ValidateEntry".to_string(),
            calls,
            timed_calls: 10,
            total_ns: 20_000,
            aborts: 1,
            ..ProcedureStats::default()
        };
        let index = IndexStats { table: "CARDS".to_string(), bytes: 2048, ..IndexStats::default() };
        let stats = NodeStats {
            tables: vec![
                table("CARDS", 0, 1_000),
                table("CARDS", 1, 234),
                table("STATIONS", 0, 17),
                table("STATIONS", 1, 17),
            ],
            indexes: vec![index],
            procedures: vec![call(0, 5_000), call(1, 7_000)],
            memory: MemoryStats { resident_bytes: 3 << 20, ..MemoryStats::default() },
            latency: vec![LatencyStats {
                interval_ms: 5_000,
                calls: 10_000,
                p50_us: 1_500,
                ..LatencyStats::default()
            }],
            ..NodeStats::default()
        };
        let statistics = SELECTORS.map(|selector| (selector, ask(selector, &stats))).into_iter().collect();
        let mut catalog = Catalog::default();
        let ddl = "CREATE TABLE stations (id INTEGER NOT NULL); CREATE TABLE cards (id INTEGER NOT NULL);
                   PARTITION TABLE cards ON COLUMN id;";
        ddl::extend(&mut catalog, ddl).unwrap();
        let catalog = catalog::answer(catalog::Selector::Tables, &catalog, &[], &[]);
        let catalog = Answer::of(&Response::success(1, catalog.tables())).unwrap().into_first_table();
        expect![[r#"
            partitions 0, connections 0, resident 3.0 MiB, log segments 0 (0 in use), waiting for the disk 0 bytes

            table      rows   memory  indexes
            CARDS     1,234  2.0 MiB  2.0 KiB
            STATIONS     17  2.0 MiB  0 bytes

            procedure       calls  mean us  aborts  failures
            ValidateEntry  12,000      2.0       2         0

            last interval: 2,000 calls a second, p50 1.500 ms, p99 0.000 ms, p99.9 0.000 ms, longest 0.000 ms
        "#]]
        .assert_eq(&text(&statistics, &catalog));
    }

    #[test]
    fn health_in_a_line() {
        let health =
            json!({ "status": "ok", "timestamp_us": 1, "partitions": [1, 2], "uptime_s": 3, "version": "1" });
        assert_eq!(health_text(&health), "ok, uptime_s 3, version 1");
        assert_eq!(health_text(&json!([])), "unknown");
    }
}
