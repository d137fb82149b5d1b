//! `tollgate export status`: how far each export has come, over HTTP.

use super::{
    options::Http,
    output::{Grid, grouped, print_line},
};
use crate::client::http;
use anyhow::{Context, Result, ensure};
use clap::{Args, Subcommand};
use serde::Deserialize;
use std::process::ExitCode;

/// See how streams leave for Kafka clusters
#[derive(Args)]
pub(super) struct Export {
    #[command(subcommand)]
    which: Which,
}

#[derive(Subcommand)]
enum Which {
    Status(Status),
}

/// Show how far each export has come in each partition, and what is wrong
#[derive(Args)]
struct Status {
    #[command(flatten)]
    http: Http,
    /// Print one line of JSON
    #[arg(long)]
    json: bool,
}

/// What the server answers.
#[derive(Debug, Deserialize)]
struct Answer {
    exports: Vec<Lane>,
}

#[derive(Debug, Deserialize)]
struct Lane {
    export: String,
    stream: String,
    partition: u16,
    topic: String,
    state: String,
    first_offset: u64,
    next_offset: u64,
    acknowledged: u64,
    lag_rows: u64,
    dead_letters: u64,
    lost_rows: u64,
    last_error: Option<String>,
}

impl Export {
    pub(super) fn run(self) -> Result<ExitCode> {
        let Which::Status(status) = self.which;
        status.run()
    }
}

impl Status {
    fn run(self) -> Result<ExitCode> {
        let answer = http::get(&self.http.http, "/api/v1/exports")?;
        ensure!(answer.status == 200, "the server answered {}", answer.status);
        if self.json {
            let json: serde_json::Value =
                serde_json::from_slice(&answer.body).context("the server's answer cannot be read")?;
            print_line(&json.to_string())?;
        } else {
            let answer: Answer =
                serde_json::from_slice(&answer.body).context("the server's answer cannot be read")?;
            print_line(text(&answer.exports).trim_end())?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn text(lanes: &[Lane]) -> String {
    if lanes.is_empty() {
        return "the configuration has no [[export]]".to_string();
    }
    let headings = [
        "export",
        "stream",
        ">partition",
        "topic",
        "state",
        ">first",
        ">next",
        ">acknowledged",
        ">lag",
        ">dead letters",
        ">lost",
    ];
    let mut grid = Grid::new(&headings);
    for lane in lanes {
        grid.row(vec![
            lane.export.clone(),
            lane.stream.clone(),
            lane.partition.to_string(),
            lane.topic.clone(),
            lane.state.clone(),
            grouped(lane.first_offset),
            grouped(lane.next_offset),
            grouped(lane.acknowledged),
            grouped(lane.lag_rows),
            grouped(lane.dead_letters),
            grouped(lane.lost_rows),
        ]);
    }
    let mut text = grid.render();
    for lane in lanes {
        if let Some(error) = lane.last_error.as_deref().filter(|_| lane.state != "running") {
            let Lane { export, stream, partition, .. } = lane;
            text.push_str(&format!("\n{export} {stream}:{partition}: {error}"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn a_line_for_each_partition_and_its_error() {
        let answer = r#"{"exports":[
            {"export":"e","mode":"at_least_once","stream":"S","partition":0,"topic":"s","state":"running",
             "first_offset":0,"next_offset":1200,"acknowledged":1200,"lag_rows":0,"rows":1200,"errors":1,
             "dead_letters":0,"lost_rows":0,"last_error":"gone by now"},
            {"export":"e","mode":"at_least_once","stream":"S","partition":1,"topic":"s","state":"waiting",
             "first_offset":5,"next_offset":3000,"acknowledged":7,"lag_rows":2993,"rows":2,"errors":4,
             "dead_letters":1,"lost_rows":5,"last_error":"1/1 brokers are down"}]}"#;
        let answer: Answer = serde_json::from_str(answer).unwrap();
        expect![[r#"
            export  stream  partition  topic  state    first   next  acknowledged    lag  dead letters  lost
            e       S               0  s      running      0  1,200         1,200      0             0     0
            e       S               1  s      waiting      5  3,000             7  2,993             1     5

            e S:1: 1/1 brokers are down"#]]
        .assert_eq(&text(&answer.exports));
        assert!(text(&[]).contains("[[export]]"));
    }
}
