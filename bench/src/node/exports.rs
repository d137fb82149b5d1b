//! How far the node's exports are, from `GET /api/v1/exports`.

use super::http;
use anyhow::Context as _;
use serde::Deserialize;
use std::{net::SocketAddr, time::Duration};

const LIMIT: Duration = Duration::from_secs(30);

#[derive(Deserialize)]
struct Answer {
    exports: Vec<Lane>,
}

/// One partition of a stream on its way.
#[derive(Deserialize)]
struct Lane {
    acknowledged: u64,
    lag_rows: u64,
    dead_letters: u64,
    lost_rows: u64,
    last_error: Option<String>,
}

/// Of all partitions together.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Progress {
    pub(crate) acknowledged: u64,
    pub(crate) lag_rows: u64,
    dead_letters: u64,
    lost_rows: u64,
    last_error: Option<String>,
}

impl Progress {
    /// Every row that was acknowledged is in the target.
    pub(crate) fn is_clean(&self) -> bool {
        self.dead_letters == 0 && self.lost_rows == 0
    }
}

pub(crate) fn progress(http_address: SocketAddr) -> anyhow::Result<Progress> {
    let text = http::request(http_address, "GET", "/api/v1/exports", LIMIT)?;
    sum(&text).with_context(|| format!("the answer of /api/v1/exports is {text}"))
}

fn sum(text: &str) -> anyhow::Result<Progress> {
    let answer: Answer = serde_json::from_str(text)?;
    Ok(answer.exports.into_iter().fold(Progress::default(), |sum, lane| Progress {
        acknowledged: sum.acknowledged + lane.acknowledged,
        lag_rows: sum.lag_rows + lane.lag_rows,
        dead_letters: sum.dead_letters + lane.dead_letters,
        lost_rows: sum.lost_rows + lane.lost_rows,
        last_error: sum.last_error.or(lane.last_error),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitions_are_added_up() {
        let lane =
            r#"{"acknowledged":3,"lag_rows":2,"dead_letters":0,"lost_rows":1,"last_error":null,"rows":9}"#;
        let progress = sum(&format!(r#"{{"exports":[{lane},{lane}]}}"#)).unwrap();
        assert_eq!((progress.acknowledged, progress.lag_rows, progress.lost_rows), (6, 4, 2));
        assert!(!progress.is_clean());
    }
}
