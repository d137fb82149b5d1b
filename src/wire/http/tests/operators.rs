//! Streams, metrics, snapshots and the description of it all.

use super::{super::metrics::tests::read, Server};
use serde_json::json;

/// The partition that an account is in, by where its stream rows are.
fn partition_with_rows(server: &Server) -> u16 {
    let streams = server.get("/api/v1/streams").json();
    let partitions = streams["streams"][0]["partitions"].as_array().unwrap();
    let full = partitions.iter().find(|p| p["next_offset"].as_i64() > Some(0)).expect("some row");
    full["partition"].as_u64().unwrap() as u16
}

#[test]
fn committed_rows_of_a_stream() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(directory.path());
    server.call("ACCOUNTS.insert", r#"[1, "Ada", 10]"#);
    (1..=5).for_each(|amount| assert_eq!(server.call("Pay", &format!("[1, {amount}]")).status, 200));
    let partition = partition_with_rows(&server);
    let read = |query: &str| server.get(&format!("/api/v1/streams/payments?partition={partition}{query}"));
    let page = read("&offset=1&limit=2").json();
    assert_eq!(
        (&page["first_offset"], &page["next_offset"], &page["end_offset"]),
        (&json!(0), &json!(3), &json!(5))
    );
    assert_eq!(page["rows"][0]["offset"], 1);
    assert!(page["rows"][0]["timestamp_us"].as_i64() > Some(1_600_000_000_000_000));
    let values = json!({ "ACCOUNT": 1, "AMOUNT": 2, "NOTE": "paid", "PART": null });
    assert_eq!((&page["rows"][0]["values"], page["rows"].as_array().map(Vec::len)), (&values, Some(2)));
    let beyond = read("&offset=9").json();
    assert_eq!((&beyond["rows"], &beyond["next_offset"]), (&json!([]), &json!(9)));
    let errors = [
        ("/api/v1/streams/moon?partition=0", 404, None),
        ("/api/v1/streams/accounts?partition=0", 404, None),
        ("/api/v1/streams/payments", 422, Some("partition")),
        ("/api/v1/streams/payments?partition=2", 422, Some("partition")),
        ("/api/v1/streams/payments?partition=0&limit=0", 422, Some("limit")),
        ("/api/v1/streams/payments?partition=0&offset=x", 422, Some("offset")),
    ];
    for (path, status, parameter) in errors {
        let (found, _, named) = server.get(path).error();
        assert_eq!((found, named.as_deref()), (status, parameter), "{path}");
    }
}

#[test]
fn streams_are_trimmed_to_their_bound() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::with(directory.path(), |config| config.limits.stream_rows = 3);
    server.call("ACCOUNTS.insert", r#"[1, "Ada", 10]"#);
    (1..=8).for_each(|_| assert_eq!(server.call("Pay", "[1, 1]").status, 200));
    let partition = partition_with_rows(&server);
    let path = format!("/api/v1/streams/payments?partition={partition}");
    let page = loop {
        let page = server.get(&path).json();
        if page["first_offset"] == 5 {
            break page;
        }
    };
    assert_eq!((&page["end_offset"], page["rows"].as_array().map(Vec::len)), (&json!(8), Some(3)));
    drop(server);
    let server = Server::start(directory.path());
    assert_eq!(server.get(&path).json()["first_offset"], 5);
}

#[test]
fn rows_with_a_time_to_live_go_by_themselves() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(directory.path());
    assert_eq!(server.call("PASSING.insert", r#"[1, "2001-01-01"]"#).scalar(), 1);
    assert_eq!(server.call("PASSING.insert", r#"[2, "2999-01-01"]"#).scalar(), 1);
    let rows = |server: &Server, id: u32| {
        let answer = server.call("PASSING.select", &format!("[{id}]")).json();
        answer["results"][0]["rows"].as_array().map(Vec::len)
    };
    while rows(&server, 1) != Some(0) {}
    let expired = "tollgate_ttl_expired_rows_total{table=\"PASSING\"}";
    while read(&server.get("/metrics").body).get(expired) != Some(&1.0) {}
    drop(server);
    let server = Server::start(directory.path());
    assert_eq!((rows(&server, 1), rows(&server, 2)), (Some(0), Some(1)));
}

#[test]
fn metrics_tell_what_happened() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(directory.path());
    server.call("ACCOUNTS.insert", r#"[1, "Ada", 10]"#);
    server.call("RATES.insert", "[1, null]");
    server.call("Pay", "[1, 5]");
    server.call("Pay", "[1, -100]");
    // Executors show their counters at the next tick, memory a second later.
    let samples = loop {
        let samples = read(&server.get("/metrics").body);
        if samples.get("tollgate_table_rows{table=\"RATES\"}").is_some_and(|rows| *rows > 0.0) {
            break samples;
        }
    };
    let check = |series: &str, value: f64| assert_eq!(samples.get(series), Some(&value), "{series}");
    check("tollgate_calls_total{procedure=\"Pay\",outcome=\"committed\"}", 1.0);
    check("tollgate_calls_total{procedure=\"Pay\",outcome=\"aborted\"}", 1.0);
    check("tollgate_decisions_total{outcome=\"accepted\"}", 1.0);
    check("tollgate_rule_hits_total{procedure=\"Pay\",rule=\"large\"}", 1.0);
    check("tollgate_rule_hits_total{procedure=\"Pay\",rule=\"never\"}", 0.0);
    check("tollgate_table_rows{table=\"ACCOUNTS\"}", 1.0);
    check("tollgate_table_rows{table=\"RATES\"}", 1.0);
    check("tollgate_call_duration_seconds_count", 4.0);
    check("tollgate_partition_leader{partition=\"1\"}", 1.0);
    check("tollgate_writes_refused", 0.0);
    check("tollgate_connections{protocol=\"http\"}", 1.0);
    let positive = [
        "process_resident_memory_bytes",
        "process_start_time_seconds",
        "process_cpu_seconds_total",
        "tollgate_disk_free_bytes",
        "tollgate_log_bytes",
        "tollgate_log_segments",
        "tollgate_log_syncs_total",
        "tollgate_table_bytes{table=\"ACCOUNTS\",kind=\"total\"}",
    ];
    for series in positive {
        assert!(samples.get(series).is_some_and(|value| *value > 0.0), "{series}");
    }
}

#[test]
fn a_snapshot_on_demand() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(directory.path());
    server.call("ACCOUNTS.insert", r#"[1, "Ada", 10]"#);
    let taken = server.post("/api/v1/admin/snapshot", "");
    assert_eq!(taken.status, 200, "{taken:?}");
    assert!(taken.json()["bytes"].as_u64() > Some(0) && taken.json()["ms"].is_u64());
    assert_eq!(read(&server.get("/metrics").body)["tollgate_snapshots_total"], 1.0);
    drop(server);
    let server = Server::start(directory.path());
    assert_eq!(server.call("Pay", "[1, 5]").scalar(), 15);
}

#[test]
fn everything_is_described() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(directory.path());
    let document = server.get("/openapi.json").json();
    assert_eq!(document["openapi"], "3.1.0");
    assert!(document["paths"]["/api/v1/procedures/Pay"]["post"].is_object());
    let page = server.get("/");
    assert!(page.header("content-type").is_some_and(|kind| kind.starts_with("text/html")), "{page:?}");
    for (method, path, _) in super::super::openapi::ENDPOINTS {
        let path = path.replace("{name}", "payments");
        let answer = server.connect().send(&method.to_uppercase(), &path, &[], b"");
        assert_ne!(answer.status, 405, "{method} {path}");
        assert!(answer.status != 404 || path.contains("procedures"), "{method} {path}");
    }
}
