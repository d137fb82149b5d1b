//! What all cards have together, by SQL over the node's JSON interface.

use super::http;
use anyhow::Context as _;
use serde_json::Value;
use std::{net::SocketAddr, time::Duration};

const LIMIT: Duration = Duration::from_secs(60);

/// The sum of all balances. It is read from a frozen view: of everything that was acknowledged before.
pub(crate) fn sum_cents(http_address: SocketAddr) -> anyhow::Result<i64> {
    let path = "/api/1.0/?Procedure=@AdHoc&Parameters=%5B%22SELECT%20SUM(balance)%20FROM%20cards%22%5D";
    let answer = http::request(http_address, "GET", path, LIMIT).context("asking for the sum of balances")?;
    let json: Value = serde_json::from_str(&answer).context("the sum of balances is no JSON")?;
    let sum = json.pointer("/results/0/data/0/0").and_then(Value::as_i64);
    sum.with_context(|| format!("no sum of balances in {answer}"))
}
