//! `POST /api/v1/procedures/{name}`: what is answered to calls of every kind.

use super::Server;

#[test]
fn a_call_runs_and_its_tables_come_back() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(directory.path());
    assert_eq!(server.call("ACCOUNTS.insert", r#"[1, "Ada", 9007199254740993]"#).scalar(), 1);
    assert_eq!(server.call("accounts.INSERT", r#"{"ID": 2, "name": "Bob", "balance": 5}"#).scalar(), 1);
    assert_eq!(server.call("Pay", r#"{"account": 1, "amount": 2}"#).scalar(), 9_007_199_254_740_995);
    let answer = server.call("ACCOUNTS.select", "[1]");
    let expected = r#"{"status":"ok","results":[{"columns":[{"name":"ID","type":"INTEGER"},
        {"name":"NAME","type":"VARCHAR"},{"name":"BALANCE","type":"BIGINT"}],
        "rows":[[1,"Ada",9007199254740995]]}]}"#;
    assert_eq!(answer.body, expected.replace("\n        ", ""));
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(server.call("SetRate", "[7]").scalar(), 2);
    assert_eq!(server.call("RATES.select", "[7]").json()["results"][0]["rows"].to_string(), r#"[[7,null]]"#);
}

#[test]
fn a_large_result_comes_whole() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(directory.path());
    let answer = server.call("Many", "[1, 50000]").json();
    let rows = answer["results"][0]["rows"].as_array().unwrap();
    assert_eq!((rows.len(), rows[49_999][0].as_i64()), (50_000, Some(49_999)));
    let objects = server.get("/api/2.0/?Procedure=Many&Parameters=[1,50000]").json();
    assert_eq!(objects["results"]["0"][49_999]["N"], 49_999);
}

#[test]
fn every_refusal_has_its_status() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(directory.path());
    server.call("ACCOUNTS.insert", r#"[1, "Ada", 10]"#);
    let check = |procedure: &str, parameters: &str, status: u16, code: &str, parameter: Option<&str>| {
        let expected = (status, code.to_string(), parameter.map(str::to_string));
        assert_eq!(server.call(procedure, parameters).error(), expected, "{procedure} {parameters}");
    };
    check("Pay", "[1", 400, "malformed_request", None);
    check("Pay", "[1]", 422, "invalid_parameter", Some("amount"));
    check("Pay", r#"["x", 1]"#, 422, "invalid_parameter", Some("account"));
    check(
        "ACCOUNTS.insert",
        r#"[3, "a name of more than twenty letters", 0]"#,
        422,
        "invalid_parameter",
        Some("name"),
    );
    check("Nothing", "[1]", 404, "unknown_procedure", None);
    check("Pay", "[1, -11]", 409, "aborted", None);
    check("Pay", "[9, 1]", 409, "aborted", None);
    check("ACCOUNTS.insert", r#"[1, "again", 0]"#, 409, "constraint_violation", None);
    check("Fail", "[1]", 500, "internal_error", None);
    assert_eq!(server.call("Pay", "[9, 1]").json()["error"]["message"], "there is no account 9");
    assert_eq!(server.get("/api/v1/procedures/Pay").error().0, 405);
    assert_eq!(server.get("/api/v1/nothing").error().0, 404);
    assert_eq!(server.post("/api/v1/procedures/Pay?partition=x", "{}").error().0, 400);
    assert_eq!(server.call("Pay", "[1, 0]").scalar(), 10);
}

#[test]
fn refused_writes_are_told_to_come_back() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(directory.path());
    server.call("ACCOUNTS.insert", r#"[1, "Ada", 10]"#);
    let gate = &server.node().shared.gate;
    gate.refuse_writes(Some("disk: full".to_string()));
    let answer = server.call("Pay", "[1, 1]");
    assert_eq!((answer.error().0, answer.error().1.as_str()), (503, "writes_refused"));
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert_eq!(server.call("ACCOUNTS.select", "[1]").status, 200);
    let health = server.get("/api/v1/health");
    assert_eq!((health.status, health.json()["status"].as_str()), (200, Some("degraded")));
    assert_eq!(health.json()["writes_refused"], "disk: full");
    gate.refuse_writes(None);
    assert_eq!(server.call("Pay", "[1, 1]").scalar(), 11);
}

#[test]
fn calls_survive_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(directory.path());
    server.call("ACCOUNTS.insert", r#"[1, "Ada", 10]"#);
    assert_eq!(server.call("Pay", "[1, 5]").scalar(), 15);
    drop(server);
    let server = Server::start(directory.path());
    assert_eq!(server.call("Pay", "[1, 5]").scalar(), 20);
    let health = server.get("/api/v1/health").json();
    assert_eq!(
        (health["status"].as_str(), health["partitions"].as_array().map(Vec::len)),
        (Some("ok"), Some(2))
    );
}
