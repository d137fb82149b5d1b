//! The commands that need a server, one after another against one; and those that need none.

use super::{Outcome, run};
use crate::support::Server;
use serde_json::json;
use std::fs;
use tempfile::TempDir;

#[test]
fn without_a_server() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();

    let help = run(directory, &["--help"]);
    assert_eq!((help.code, help.err.as_str()), (0, ""));
    for command in ["demo", "init", "serve", "load", "call", "status", "stream", "simulate", "replay", "log"]
    {
        assert!(help.out.contains(&format!("\n  {command}")), "{command} in {}", help.out);
        let help = run(directory, &[command, "--help"]);
        assert!(help.code == 0 && help.out.contains("Usage: tollgate"), "{help:?}");
    }
    assert_eq!(run(directory, &["fly"]).code, 2);
    assert_eq!(run(directory, &["load", "STATIONS"]).code, 2);

    let made = run(directory, &["init", "--dir", "conf"]);
    assert_eq!(made.code, 0, "{made:?}");
    assert!(directory.join("conf/tollgate.toml").exists());
    let again = run(directory, &["init", "--dir", "conf"]);
    assert!(again.code == 1 && again.err.contains("left as it is"), "{again:?}");

    fs::write(directory.join("wrong.toml"), "partitons = 4\n").unwrap();
    let wrong = run(directory, &["serve", "--config", "wrong.toml"]);
    assert!(
        wrong.code == 1 && wrong.err.contains("wrong.toml") && wrong.err.contains("partitons"),
        "{wrong:?}"
    );

    // Port 1 is nobody's.
    for arguments in [
        &["call", "CARDS.select", "1"][..],
        &["status"],
        &["load", "STATIONS", "conf/tollgate.toml"],
        &["simulate", "trains"],
    ] {
        let outcome = run(directory, &[arguments, &["--server", "127.0.0.1:1"]].concat());
        assert_eq!(outcome.code, 1, "{outcome:?}");
        assert!(outcome.err.contains("nothing listens on 127.0.0.1:1"), "{outcome:?}");
        assert!(outcome.err.contains("tollgate serve"), "{outcome:?}");
    }
    let outcome = run(directory, &["log", "verify", "nowhere"]);
    assert!(outcome.code == 1 && outcome.err.contains("nowhere"), "{outcome:?}");
}

/// A server, and a directory to run commands in.
struct Site {
    server: Server,
    directory: TempDir,
}

impl Site {
    /// Runs a command against the server.
    fn at(&self, arguments: &[&str]) -> Outcome {
        let (volt, http) = (self.server.volt.to_string(), self.server.http.to_string());
        let mut all = arguments.to_vec();
        all.extend(["--server", &volt]);
        if let ["status" | "stream", ..] = arguments {
            all.extend(["--http", &http]);
        }
        run(self.directory.path(), &all)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.directory.path().join(name), text).unwrap();
    }
}

#[test]
fn with_a_server() {
    let mut site = Site { server: Server::start(), directory: tempfile::tempdir().unwrap() };
    load(&site);
    call(&site);
    simulate_and_tail(&site);
    replay(&site);
    status(&site);
    assert!(site.server.stop().success());
    log(&site);
}

fn load(site: &Site) {
    site.write("stations.csv", "name,station_id\nAlewife,1\nDavis,2\nNowhere,x\nAgain,1\n");
    let loaded = site.at(&["load", "stations", "stations.csv"]);
    assert_eq!(loaded.code, 0, "{loaded:?}");
    assert!(loaded.out.contains("STATIONS: 2 rows loaded") && loaded.out.contains("2 failed"), "{loaded:?}");
    let rejects = fs::read_to_string(site.directory.path().join("stations.csv.rejects.csv")).unwrap();
    let mut rejects: Vec<&str> = rejects.lines().collect();
    rejects.sort_unstable();
    assert!(rejects[0].starts_with("4,STATION_ID: "), "{rejects:?}");
    assert!(rejects[1].starts_with("5,GRACEFUL_FAILURE: "), "{rejects:?}");
    let loaded = site.at(&["load", "STATIONS", "stations.csv", "--max-errors", "1", "--rejects", "r.csv"]);
    assert_eq!(loaded.code, 1, "{loaded:?}");
    let loaded = site.at(&["load", "moon", "stations.csv"]);
    assert!(loaded.code == 1 && loaded.err.contains("STATIONS"), "{loaded:?}");
}

fn call(site: &Site) {
    let called = site.at(&["call", "STATIONS.select", "2"]);
    assert_eq!(called.code, 0, "{called:?}");
    let [heading, row, count] = called.out.lines().collect::<Vec<_>>()[..] else { panic!("{called:?}") };
    assert!(heading.contains("STATION_ID") && row.contains("Davis") && row.contains("250"), "{called:?}");
    assert_eq!(count, "(1 row)");
    let called = site.at(&["call", "--json", "ValidateEntry", "9", "1700000000000", "1", "1", "0"]).json();
    assert_eq!(called["status"], json!(1));
    assert_eq!(called["tables"][0]["rows"][0]["message"], json!("Card Invalid"), "{called}");
    let refused = site.at(&["call", "ValidateEntry", "9", "1700000000000", "77", "1", "0"]);
    assert!(refused.code == 1 && refused.err.contains("77"), "{refused:?}");
    let refused = site.at(&["call", "ValidateEntry", "9"]);
    let reason = "takes 5 parameters and 1 were given";
    assert!(refused.code == 1 && refused.err.contains(reason), "{refused:?}");
}

fn simulate_and_tail(site: &Site) {
    let created = site.at(&["simulate", "cards", "--cards", "50", "--create-only"]);
    assert_eq!(created.code, 0, "{created:?}");
    let riders = ["simulate", "riders", "--cards", "50", "--rate", "500", "--seconds", "1", "--json"];
    let ridden = site.at(&riders);
    let line = ridden.json();
    assert!(ridden.code == 0 && line["decisions"].as_u64() > Some(100), "{ridden:?}");
    assert!(line["fraud"].as_u64() > Some(0), "fifty cards at this rate are double tapped: {line}");
    let trains = site.at(&["simulate", "trains", "--rate", "20", "--seconds", "0.5", "--json"]);
    assert!(trains.code == 0 && trains.json()["train_events"].as_u64() > Some(8), "{trains:?}");

    let frauds = site.at(&["stream", "tail", "fraud", "--json"]);
    assert_eq!(frauds.code, 0, "{frauds:?}");
    assert_eq!(frauds.out.lines().count() as u64, line["fraud"].as_u64().unwrap());
    let none = site.at(&["stream", "tail", "moon"]);
    assert!(none.code == 1 && none.err.contains("moon"), "{none:?}");
}

fn replay(site: &Site) {
    let taps = "Sun,05:23,BEGINTRIP,500,HEX,Osterley\nSun,05:54,ENDTRIP,500,HEX,Bank,-,PPY,N,1,1,P\nSun,05:5";
    site.write("taps.csv", taps);
    let replayed = site.at(&["replay", "tfl", "taps.csv", "--json"]);
    let line = replayed.json();
    let counts = ["lines", "lines_cut", "accepted", "exits", "errors"].map(|key| line[key].as_u64());
    assert_eq!((replayed.code, counts), (0, [Some(3), Some(1), Some(1), Some(1), Some(0)]));
}

fn status(site: &Site) {
    let status = site.at(&["status"]);
    assert_eq!(status.code, 0, "{status:?}");
    assert!(status.out.contains("  ok,") && status.out.contains("partitions 4"), "{status:?}");
    assert!(status.out.contains("CARD_EVENTS") && status.out.contains("ValidateEntry"), "{status:?}");
    let status = site.at(&["status", "--json"]).json();
    assert_eq!(status["health"]["status"], json!("ok"));
}

/// Of the server that has stopped.
fn log(site: &Site) {
    let data = site.server.data_directory();
    let data = data.to_str().unwrap();
    let verified = run(site.directory.path(), &["log", "verify", data]);
    assert!(verified.code == 0 && verified.out.starts_with("sound: "), "{verified:?}");
    let inspected = run(site.directory.path(), &["log", "inspect", data, "--records"]);
    assert!(inspected.code == 0 && inspected.out.contains("block, "), "{inspected:?}");
}
