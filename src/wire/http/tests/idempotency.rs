//! Calls with an idempotency key.

use super::{Answer, Server};

fn keyed(server: &Server, procedure: &str, parameters: &str, key: &str) -> Answer {
    let path = format!("/api/v1/procedures/{procedure}");
    let body = format!(r#"{{"parameters":{parameters}}}"#);
    server.connect().send("POST", &path, &[("Idempotency-Key", key)], body.as_bytes())
}

#[test]
fn a_repetition_gets_the_stored_answer() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(directory.path());
    server.call("ACCOUNTS.insert", r#"[1, "Ada", 10]"#);
    let first = keyed(&server, "Pay", "[1, 5]", "till 7, receipt 1");
    assert_eq!((first.scalar(), first.header("idempotent-replayed")), (15, None));
    let again = keyed(&server, "pay", r#"{"amount": 5, "account": 1}"#, "till 7, receipt 1");
    assert_eq!((again.scalar(), again.header("idempotent-replayed")), (15, Some("true")));
    assert_eq!(again.body, first.body);
    assert_eq!(keyed(&server, "Pay", "[1, 5]", "till 7, receipt 2").scalar(), 20);
    let other = keyed(&server, "Pay", "[1, 6]", "till 7, receipt 1");
    let expected = (422, "idempotency_key_reused".to_string(), Some("Idempotency-Key".to_string()));
    assert_eq!(other.error(), expected);
    assert_eq!(server.post("/api/v1/admin/snapshot", "").status, 200);
    assert_eq!(keyed(&server, "Pay", "[1, 0]", "after the snapshot").scalar(), 20);
    drop(server);
    let server = Server::start(directory.path());
    let again = keyed(&server, "Pay", "[1, 5]", "till 7, receipt 1");
    assert_eq!((again.scalar(), again.header("idempotent-replayed")), (15, Some("true")));
    let after = keyed(&server, "Pay", "[1, 0]", "after the snapshot");
    assert_eq!(after.header("idempotent-replayed"), Some("true"));
    assert_eq!(server.call("Pay", "[1, 0]").scalar(), 20);
}

#[test]
fn the_oldest_makes_room() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::with(directory.path(), |config| config.sessions.rows = 2);
    server.call("ACCOUNTS.insert", r#"[1, "Ada", 0]"#);
    let pay = |key: &str| keyed(&server, "Pay", "[1, 1]", key).scalar();
    assert_eq!([pay("a"), pay("b"), pay("a"), pay("b")], [1, 2, 1, 2]);
    assert_eq!([pay("c"), pay("b"), pay("a")], [3, 2, 4], "a is forgotten, and done again");
}

#[test]
fn an_aborted_call_may_be_tried_again() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(directory.path());
    assert_eq!(keyed(&server, "Pay", "[1, 5]", "k").error().0, 409);
    server.call("ACCOUNTS.insert", r#"[1, "Ada", 10]"#);
    assert_eq!(keyed(&server, "Pay", "[1, 5]", "k").scalar(), 15);
    assert_eq!(keyed(&server, "Pay", "[1, 5]", "k").scalar(), 15);
}

#[test]
fn calls_over_all_partitions_too() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(directory.path());
    assert_eq!(keyed(&server, "SetRate", "[7]", "k").scalar(), 2);
    assert_eq!(keyed(&server, "SetRate", "[7]", "k").header("idempotent-replayed"), Some("true"));
    assert_eq!(keyed(&server, "SetRate", "[7]", "l").error().0, 409, "the key is taken");
    assert_eq!(keyed(&server, "SetRate", "[8]", "k").error().1, "idempotency_key_reused");
    drop(server);
    let server = Server::start(directory.path());
    assert_eq!(keyed(&server, "SetRate", "[7]", "k").scalar(), 2);
}

#[test]
fn keys_are_bounded_and_hidden() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(directory.path());
    assert_eq!(keyed(&server, "Pay", "[1, 5]", &"k".repeat(129)).error().0, 400);
    assert_eq!(keyed(&server, "Pay", "[1, 5]", "").error().0, 400);
    assert_eq!(server.call("TOLLGATE_SESSIONS.insert", "[]").error().0, 404);
    assert!(!server.get("/openapi.json").body.contains("TOLLGATE_SESSIONS"));
}
