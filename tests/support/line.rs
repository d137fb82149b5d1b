//! The metro's line and its cards, as tests need them.

use super::Server;
use tollgate::{
    client::Connection,
    simulate::line::{FARE_CENTS, STATIONS},
};
use tollgate_schema::value::Value;

/// An event time on a day when nothing else happens: 2023-11-14 22:13:20 UTC.
pub(crate) const MORNING_MS: i64 = 1_700_000_000_000;
/// Writes the stations.
pub(crate) fn load(server: &Server) {
    let mut connection = server.connect();
    for station in STATIONS {
        let name = Value::Varchar(station.name.to_string());
        let fare = Value::SmallInt(FARE_CENTS);
        let row = [Value::SmallInt(station.id), name, fare, Value::Integer(station.weight)];
        succeed(&mut connection, "STATIONS.upsert", &row);
    }
}

/// Writes a pay-per-ride card.
pub(crate) fn new_card(connection: &mut Connection, card: i32, balance_cents: i32) {
    let mut row =
        vec![Value::Integer(card), Value::TinyInt(1), Value::TinyInt(0), Value::Integer(balance_cents)];
    row.extend([Value::Null, Value::Null, Value::Null, Value::Null, Value::TinyInt(0)]);
    succeed(connection, "CARDS.insert", &row);
}

/// A call that has to succeed; the first cell of its first row, which most calls have nothing but.
pub(crate) fn succeed(connection: &mut Connection, procedure: &str, arguments: &[Value]) -> Option<Value> {
    let answer = connection.call(procedure, arguments).unwrap_or_else(|e| panic!("{procedure}: {e}"));
    assert!(answer.is_success(), "{procedure}: {}", answer.status_text);
    answer.into_first_table().rows.into_iter().next().and_then(|row| row.into_iter().next())
}
