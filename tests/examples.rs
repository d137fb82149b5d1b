//! What `examples/` shows is run here: the callers in three languages, and the store with a procedure of
//! one's own.

use crate::support::{
    Server, Settings, http, line,
    programs::{self, Java},
    stream,
};
use serde_json::json;
use std::{path::PathBuf, process::Command};
use tollgate::client::Connection;
use tollgate_schema::value::Value;

fn example(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("examples").join(name)
}

/// A server with the line and card 42, which pays per ride and has 10.00.
fn metro() -> Server {
    let server = Server::start();
    line::load(&server);
    line::new_card(&mut server.connect(), 42, 1000);
    server
}

/// Each caller taps at Harvard, prints what the gate says, recharges 5.00, and prints the balance.
fn told_the_story(printed: &str) {
    assert_eq!(printed, "accepted: Remaining Balance: 7.50\nbalance: 12.50\n");
}

#[test]
fn python() {
    let Some(mut python) = programs::python() else { return };
    let server = metro();
    told_the_story(&programs::run(python.arg(example("tap.py")).arg(server.volt.port().to_string())));
}

#[test]
fn java() {
    let version = programs::JAVA_CLIENT_VERSIONS[0];
    let Some(java) = Java::compile(version, &[example("Tap.java")]) else { return };
    let server = metro();
    told_the_story(&programs::run(java.start("Tap").arg(server.volt.port().to_string())));
}

#[test]
fn curl() {
    if Command::new("curl").arg("--version").output().is_err() {
        programs::skip("curl is not installed");
        return;
    }
    let server = metro();
    let mut bash = Command::new("bash");
    told_the_story(&programs::run(bash.arg(example("tap.sh")).arg(server.http.to_string())));
}

#[test]
fn own_procedure() {
    let mut server = Server::with(&Settings::example("own_procedure"));
    let text = |text: &str| Value::Varchar(text.to_string());
    let redeem = |connection: &mut Connection, code: &str, cents: i32| {
        let answer = connection.call("Redeem", &[text(code), Value::Integer(cents)]).unwrap();
        match answer.is_success() {
            true => answer.into_first_table().rows[0][0].to_string(),
            false => answer.status_text.split_whitespace().collect::<Vec<_>>().join(" "),
        }
    };
    let mut connection = server.connect();
    line::succeed(&mut connection, "VOUCHERS.insert", &[text("LATTE-7"), Value::Integer(500)]);
    assert_eq!(redeem(&mut connection, "LATTE-7", 350), "150");
    assert!(redeem(&mut connection, "LATTE-7", 200).ends_with("voucher LATTE-7 has 150 cents"));
    assert!(redeem(&mut connection, "MOCHA-1", 1).ends_with("there is no voucher MOCHA-1"));
    assert!(redeem(&mut connection, "LATTE-7", 0).ends_with("cents must be positive, not 0"));

    let body = json!({"parameters": {"code": "LATTE-7", "cents": 150}}).to_string();
    let reply = http::post(server.http, "/api/v1/procedures/Redeem", "application/json", &body).unwrap();
    assert_eq!(reply.status, 200, "{}", reply.body);
    assert_eq!(reply.json()["results"][0]["rows"], json!([[0]]));

    server.kill();
    server.restart();
    let mut connection = server.connect();
    let left = line::succeed(&mut connection, "VOUCHERS.select", &[text("LATTE-7")]);
    assert_eq!(left, Some(text("LATTE-7")));
    assert!(redeem(&mut connection, "LATTE-7", 1).ends_with("voucher LATTE-7 has 0 cents"));
    let redeemed: Vec<_> =
        stream::rows(&server, "redemptions").iter().map(|row| row["CENTS"].clone()).collect();
    assert_eq!(redeemed, [json!(350), json!(150)]);
}
