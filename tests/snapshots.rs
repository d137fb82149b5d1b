//! Snapshots of a running server: the newest is found damaged when the server starts again, and nothing that
//! was acknowledged is missing; and they let the log go.

use crate::support::{Server, http, line};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};
use tollgate_schema::value::Value;

const CARDS: i32 = 40;

fn take_snapshot(server: &Server) {
    let reply = http::post(server.http, "/api/v1/admin/snapshot", "application/json", "").unwrap();
    assert_eq!(reply.status, 200, "{}", reply.body);
}

/// Recharges each card by a cent more than the last time.
fn recharge(server: &Server, round: i32) {
    let mut connection = server.connect();
    for card in 1..=CARDS {
        let arguments = [Value::Integer(card), Value::Integer(round), Value::SmallInt(1)];
        assert_eq!(line::succeed(&mut connection, "RechargeCard", &arguments), Some(Value::BigInt(0)));
    }
}

/// The money on all cards, and how often they were recharged.
fn sums(server: &Server) -> Vec<Option<Value>> {
    let mut connection = server.connect();
    let queries =
        ["SELECT SUM(balance) FROM cards", "SELECT SUM(rechargecount) FROM card_export_stats"].into_iter();
    queries.map(|sql| line::succeed(&mut connection, "@AdHoc", &[Value::Varchar(sql.to_string())])).collect()
}

fn files(directory: &Path, suffix: &str) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_str().is_some_and(|path| path.ends_with(suffix)))
        .collect();
    found.sort();
    found
}

/// The newest snapshot of each partition.
fn newest_snapshots(server: &Server) -> Vec<PathBuf> {
    let found = files(&server.data_directory().join("snapshots"), ".snapshot");
    let by_group: BTreeMap<String, PathBuf> = found
        .into_iter()
        .map(|path| (path.file_name().unwrap().to_str().unwrap()[..8].to_string(), path))
        .collect();
    by_group.into_values().collect()
}

#[test]
fn a_damaged_newest_snapshot_costs_nothing() {
    let mut server = Server::start();
    line::load(&server);
    let mut connection = server.connect();
    (1..=CARDS).for_each(|card| line::new_card(&mut connection, card, 1000));
    drop(connection);
    for round in 1..=3 {
        recharge(&server, round);
        take_snapshot(&server);
    }
    recharge(&server, 4);
    let before = sums(&server);
    assert_eq!(before[1], Some(Value::BigInt(i64::from(4 * CARDS))));
    server.kill();

    let newest = newest_snapshots(&server);
    let [flipped, truncated, emptied, missing] = &newest[..] else { panic!("four partitions: {newest:?}") };
    let mut bytes = fs::read(flipped).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(flipped, &bytes).unwrap();
    let length = fs::metadata(truncated).unwrap().len();
    fs::OpenOptions::new().write(true).open(truncated).unwrap().set_len(length - 1).unwrap();
    fs::write(emptied, b"").unwrap();
    fs::remove_file(missing).unwrap();

    server.restart();
    assert_eq!(sums(&server), before);
    let said = server.log();
    for path in [flipped, truncated, emptied] {
        let name = path.file_name().unwrap().to_str().unwrap();
        let line = said.lines().find(|line| line.contains("a snapshot is damaged") && line.contains(name));
        assert!(line.is_some_and(|line| line.contains("ERROR")), "{name} in {said}");
    }
    let metrics = http::get(server.http, "/metrics").unwrap().body;
    assert!(metrics.contains("\ntollgate_recovery_snapshots_refused 3\n"), "{metrics}");

    // The next one is whole, and what was damaged is gone.
    take_snapshot(&server);
    server.kill();
    server.restart();
    assert_eq!(sums(&server), before);
    let metrics = http::get(server.http, "/metrics").unwrap().body;
    assert!(metrics.contains("\ntollgate_recovery_snapshots_refused 0\n"), "{metrics}");
    assert_eq!(files(&server.data_directory().join("snapshots"), "").len(), 2 * newest.len());
}

/// The log is one for all partitions: one that never changes again must not keep it.
#[test]
fn snapshots_of_an_idle_server_let_the_log_go() {
    let mut server = Server::start();
    line::load(&server);
    assert!(server.stop().success());
    // Another segment, in which nothing happens.
    server.restart();
    let segments = |server: &Server| {
        let logs = files(&server.data_directory().join("log"), ".log");
        logs.into_iter().filter(|path| !path.to_str().unwrap().contains("spare")).count()
    };
    assert_eq!(segments(&server), 2);
    take_snapshot(&server);
    assert_eq!(segments(&server), 2, "beside a single snapshot all of the log stays");
    // The second lets go what the first holds; the log says so with what it writes next.
    take_snapshot(&server);
    take_snapshot(&server);
    assert_eq!(segments(&server), 1);
}
