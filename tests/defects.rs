//! Those of the published code's defects that a text script can't show; the others are in tests/scripts by
//! name.

use crate::support::{Server, http, line};
use std::{collections::BTreeMap, process::Command};
use tollgate_schema::value::Value;

/// The published simulator asks for station 0 when a train at the first station runs backwards.
#[test]
fn defect_08_trains_turn_at_the_terminus() {
    let server = Server::start();
    line::load(&server);
    let mut simulate = Command::new(env!("CARGO_BIN_EXE_tollgate"));
    simulate.args(["simulate", "trains", "--rate", "50", "--seconds", "2"]);
    simulate.args(["--server", &server.volt.to_string()]);
    let printed = crate::support::programs::run(&mut simulate);

    let sql = "SELECT train_id, station_id FROM train_events ORDER BY time";
    let answer = server.connect().call("@AdHoc", &[Value::Varchar(sql.to_string())]).unwrap();
    assert!(answer.is_success(), "{}", answer.status_text);
    let mut lines: BTreeMap<i32, Vec<i32>> = BTreeMap::new();
    for row in answer.into_first_table().rows {
        let [Value::Integer(train), Value::Integer(station)] = row[..] else { panic!("{row:?}") };
        lines.entry(train).or_default().push(station);
    }
    assert_eq!(lines.len(), 8, "eight trains run: {printed}");
    for (train, stations) in &lines {
        assert!(stations.iter().all(|station| (1..=17).contains(station)), "train {train}: {stations:?}");
        let steps = stations.windows(2).map(|pair| pair[1] - pair[0]);
        assert!(
            steps.into_iter().all(|step| step.abs() <= 1),
            "train {train} leaves no station out: {stations:?}"
        );
    }
    let turned = lines.values().any(|stations| {
        stations.windows(3).any(|w| (w[0] == 2 && w[2] == 1) || (w[0] == 16 && w[2] == 17))
            && stations.windows(3).any(|w| (w[0] == 1 && w[2] == 2) || (w[0] == 17 && w[2] == 16))
    });
    assert!(turned, "some train reached an end of the line and came back: {lines:?}");
}

/// The published procedures have no identity of a call, so that one sent twice charges twice.
#[test]
fn defect_10_a_call_with_an_identity_is_done_once() {
    let server = Server::start();
    line::load(&server);
    let mut connection = server.connect();
    line::new_card(&mut connection, 1, 1000);
    let recharge = |key: &str| {
        let body = "{\"parameters\": {\"card_id\": 1, \"amount\": 500, \"station_id\": 4}}";
        let headers = format!("Content-Type: application/json\r\nIdempotency-Key: {key}");
        let reply = http::post_with(server.http, "/api/v1/procedures/RechargeCard", &headers, body).unwrap();
        assert_eq!(reply.status, 200, "{}", reply.body);
        reply.json()["results"].clone()
    };
    let balance = || {
        let sql = Value::Varchar("SELECT balance FROM cards WHERE card_id = 1".to_string());
        line::succeed(&mut server.connect(), "@AdHoc", &[sql])
    };
    let first = recharge("till 7, receipt 1");
    assert_eq!(balance(), Some(Value::Integer(1500)));
    assert_eq!(recharge("till 7, receipt 1"), first, "the same answer");
    assert_eq!(balance(), Some(Value::Integer(1500)), "and no second recharge");
    recharge("till 7, receipt 2");
    assert_eq!(balance(), Some(Value::Integer(2000)));
}
