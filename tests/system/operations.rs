//! `@Pause`, `@Quiesce`, `@SnapshotSave`, the loaders, and what is refused.

use super::{Server, render};
use expect_test::expect;
use tollgate_schema::{
    codec::{TableHeader, TableWriter},
    types::Type,
    value::Value,
};

#[test]
fn a_paused_server_reads_and_does_not_write() {
    let mut server = Server::start();
    server.sql("INSERT INTO stations VALUES (1, 'Davis')");
    assert!(server.call("@Pause", &[]).is_success());
    expect![[r#"
        SERVER_UNAVAILABLE: Server is paused and is available in read-only mode - please try again later. (an operator paused it)
    "#]]
    .assert_eq(&server.sql("INSERT INTO stations VALUES (2, 'Porter')"));
    assert!(!server.call("STATIONS.delete", &[Value::Integer(1)]).is_success());
    assert!(server.call("STATIONS.select", &[Value::Integer(1)]).is_success());
    assert_eq!(server.sql("SELECT COUNT(*) FROM stations"), "C1\n  1\n");
    let overview = render(&server.call("@SystemInformation", &[]));
    assert!(overview.contains("CLUSTERSTATE | PAUSED"), "{overview}");
    assert!(server.call("@Resume", &[]).is_success());
    assert_eq!(server.sql("INSERT INTO stations VALUES (2, 'Porter')"), "modified_tuples\n  1\n");
}

#[test]
fn a_snapshot_can_be_asked_for() {
    let mut server = Server::start();
    server.sql("INSERT INTO stations VALUES (1, 'Davis')");
    assert_eq!(render(&server.call("@Quiesce", &[])), "STATUS\n  0\n");
    let saved = server.call_texts("@SnapshotSave", &["/tmp", "nonce", "1"]).into_first_table();
    assert_eq!(saved.text(&saved.rows[0], "RESULT"), Some("SUCCESS"));
    let status = server.call_texts("@Statistics", &["SNAPSHOTSTATUS"]).into_first_table();
    assert_eq!(status.text(&status.rows[0], "RESULT"), Some("SUCCESS"));
}

#[test]
fn what_is_not_here_is_refused_with_the_reason() {
    let mut server = Server::start();
    let check = |server: &mut Server, procedure: &str, status: &str, text: &str| {
        let answer = render(&server.call(procedure, &[]));
        assert!(answer.starts_with(status) && answer.contains(text), "{answer}");
    };
    check(&mut server, "@UpdateClasses", "GRACEFUL_FAILURE", "compiled into the server");
    check(&mut server, "@UpdateApplicationCatalog", "GRACEFUL_FAILURE", "compiled into the server");
    check(&mut server, "@Explain", "GRACEFUL_FAILURE", "no plans");
    check(&mut server, "@Shutdown", "GRACEFUL_FAILURE", "SIGTERM");
    check(&mut server, "@Moon", "UNEXPECTED_FAILURE", "Procedure @Moon was not found");
    assert!(render(&server.call("@ping", &[])).is_empty(), "in any case");
}

/// A table of card numbers with all columns of CARDS.
fn cards(ids: &[i32]) -> Vec<u8> {
    let header = TableHeader::new([
        ("CARD_ID", Type::Integer),
        ("NAME", tollgate_schema::types::VARCHAR_DEFAULT),
        ("CENTS", Type::Integer),
        ("SINCE", Type::Timestamp),
    ]);
    let mut bytes = Vec::new();
    let mut writer = TableWriter::new(&mut bytes, &header);
    for &id in ids {
        writer.row(|row| {
            row.put_i32(id).put_null().put_i32(0).put_null();
        });
    }
    writer.finish();
    bytes
}

#[test]
fn rows_are_loaded_only_where_they_belong() {
    let mut server = Server::start();
    let ring = tollgate_schema::ring::Ring::new(4);
    let home = ring.partition_of_int(1);
    let away = (2..).find(|&id| ring.partition_of_int(i64::from(id)) != home).expect("there is one");
    let mut load = |ids: &[i32], upsert: i8, table: &str| {
        let rows = cards(ids);
        let answer = server.connection.call_with("@LoadSinglepartitionTable", |params| {
            params.put_bytes(&1i64.to_le_bytes()).put_str(table).put_i8(upsert).put_table(&rows);
        });
        render(&answer.expect("the server answers"))
    };
    assert_eq!(load(&[1], 0, "cards"), "modified_tuples\n  1\n");
    assert_eq!(load(&[1], 1, "CARDS"), "modified_tuples\n  1\n");
    assert!(load(&[1], 0, "CARDS").contains("CONSTRAINT VIOLATION"));
    let refused = load(&[1, away], 1, "CARDS");
    assert!(refused.contains("row 2") && refused.contains("another partition"), "{refused}");
    assert!(load(&[1], 0, "moon").contains("there is no table moon"));
    assert_eq!(server.sql("SELECT COUNT(*) FROM cards"), "C1\n  1\n");
}
