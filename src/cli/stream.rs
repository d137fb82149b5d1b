//! `tollgate stream tail`: the rows of a stream, over HTTP.

use super::{
    options::{Http, Server},
    output::print_line,
};
use crate::{
    client::{Connection, http},
    clock,
    stop::Stop,
};
use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};
use std::{process::ExitCode, time::Duration};
use tollgate_schema::value::Value;

/// Read the streams that transactions append to
#[derive(Args)]
pub(super) struct Stream {
    #[command(subcommand)]
    which: Which,
}

#[derive(Subcommand)]
enum Which {
    Tail(Tail),
}

/// Print the rows of a stream, partition after partition
#[derive(Args)]
#[command(after_help = EXAMPLES)]
struct Tail {
    /// The stream's name
    name: String,
    /// Offset to begin at in each partition; rows trimmed since are left out
    #[arg(long, value_name = "OFFSET", default_value_t = 0)]
    from: u64,
    /// One partition only
    #[arg(long, value_name = "N")]
    partition: Option<u16>,
    /// Go on with new rows until Ctrl-C
    #[arg(long, short)]
    follow: bool,
    /// Print each row as a line of JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    http: Http,
    #[command(flatten)]
    server: Server,
}

const EXAMPLES: &str = "\
Examples:
  tollgate stream tail fraud
  tollgate stream tail trips --from 1000 --follow --json";

/// Rows asked for at once.
const ROWS_AT_ONCE: usize = 1_000;
/// How often a stream that is followed is asked for new rows.
const ASK_EVERY: Duration = Duration::from_millis(250);

/// What the server answers.
#[derive(Debug, Deserialize)]
struct Page {
    rows: Vec<Row>,
    next_offset: u64,
}

#[derive(Debug, Deserialize)]
struct Row {
    offset: u64,
    timestamp_us: i64,
    values: Map<String, Json>,
}

impl Stream {
    pub(super) fn run(self) -> Result<ExitCode> {
        let Which::Tail(tail) = self.which;
        tail.run()
    }
}

impl Tail {
    fn run(self) -> Result<ExitCode> {
        let stop = Stop::on_signals()?;
        let partitions: Vec<u16> = match self.partition {
            Some(partition) => vec![partition],
            None => (0..self.partition_count()?).collect(),
        };
        let mut next: Vec<(u16, u64)> =
            partitions.into_iter().map(|partition| (partition, self.from)).collect();
        loop {
            let mut rows = 0;
            for (partition, offset) in &mut next {
                rows += self.print_from(*partition, offset, &stop)?;
            }
            let done = !self.follow && rows == 0;
            if done || stop.is_stopped() || (rows == 0 && stop.wait_until(clock::now() + ASK_EVERY)) {
                return Ok(ExitCode::SUCCESS);
            }
        }
    }

    fn partition_count(&self) -> Result<u16> {
        let context = "the number of partitions is not known; name one with --partition, or the Volt port with --server";
        let mut connection = Connection::open(&self.server.server).context(context)?;
        let answer = connection.call("@Statistics", &[Value::Varchar("PARTITIONCOUNT".to_string())])?;
        let table = answer.into_first_table();
        let count = table.rows.first().and_then(|row| table.integer(row, "PARTITION_COUNT"));
        count.and_then(|count| u16::try_from(count).ok()).context(context)
    }

    /// Prints a partition's rows from `offset` to its end now, and moves `offset` there.
    fn print_from(&self, partition: u16, offset: &mut u64, stop: &Stop) -> Result<usize> {
        let mut printed = 0;
        while !stop.is_stopped() {
            let path = format!(
                "/api/v1/streams/{}?partition={partition}&offset={offset}&limit={ROWS_AT_ONCE}",
                http::escape(&self.name)
            );
            let answer = http::get(&self.http.http, &path)?;
            if answer.status != 200 {
                bail!("the server answered {}: {}", answer.status, error_text(&answer.body));
            }
            let page: Page =
                serde_json::from_slice(&answer.body).context("the server's answer cannot be read")?;
            for row in &page.rows {
                print_line(&self.row_text(partition, row))?;
            }
            printed += page.rows.len();
            if page.rows.is_empty() || page.next_offset <= *offset {
                break;
            }
            *offset = page.next_offset;
        }
        Ok(printed)
    }

    fn row_text(&self, partition: u16, row: &Row) -> String {
        if self.json {
            let line = json!({
                "partition": partition,
                "offset": row.offset,
                "timestamp_us": row.timestamp_us,
                "values": row.values,
            });
            return line.to_string();
        }
        let values = row.values.iter().map(|(name, value)| match value {
            Json::String(text) => format!("{name}={text:?}"),
            other => format!("{name}={other}"),
        });
        let values = values.collect::<Vec<_>>().join(" ");
        format!("{partition}:{} {} {values}", row.offset, Value::Timestamp(row.timestamp_us))
    }
}

/// The reason in an answer that is an error, in whichever shape it comes.
fn error_text(body: &[u8]) -> String {
    let json: Option<Json> = serde_json::from_slice(body).ok();
    let text = json.as_ref().and_then(|json| {
        let error = &json["error"];
        error.as_str().or(error["message"].as_str()).or(json["message"].as_str()).or(json["detail"].as_str())
    });
    text.map_or_else(|| String::from_utf8_lossy(body).trim().to_string(), str::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        tail: Tail,
    }

    fn page() -> Page {
        serde_json::from_str(
            r#"{"rows":[{"offset":7,"timestamp_us":1500000,"values":{"CARD_ID":3,"NAME":"A b","X":null}}],"next_offset":8}"#,
        )
        .unwrap()
    }

    #[test]
    fn rows_for_people_and_for_programs() {
        let tail = Command::parse_from(["tail", "trips"]).tail;
        let text = tail.row_text(2, &page().rows[0]);
        assert_eq!(text, "2:7 1970-01-01 00:00:01.500000 CARD_ID=3 NAME=\"A b\" X=null");
        let tail = Command::parse_from(["tail", "trips", "--json"]).tail;
        let line: Json = serde_json::from_str(&tail.row_text(2, &page().rows[0])).unwrap();
        assert_eq!((&line["partition"], &line["offset"]), (&json!(2), &json!(7)));
        assert_eq!(line["values"]["CARD_ID"], json!(3));
    }

    #[test]
    fn errors_are_found_in_the_body() {
        assert_eq!(error_text(br#"{"error":"no stream moon"}"#), "no stream moon");
        assert_eq!(error_text(br#"{"error":{"message":"no stream moon"}}"#), "no stream moon");
        assert_eq!(error_text(b"busy\n"), "busy");
    }
}
