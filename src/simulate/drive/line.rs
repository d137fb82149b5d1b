//! The line's stations and trains, put into their tables.

use crate::{
    client::{Connection, ServerAddress},
    simulate::line::{FARE_CENTS, STATIONS, TRAINS},
};
use anyhow::{Result, ensure};
use tollgate_schema::value::Value;

/// Puts stations and trains in unless they are there.
pub fn create(server: &ServerAddress) -> Result<()> {
    let mut connection = Connection::open(server)?;
    // The last train goes in last.
    let last = Value::SmallInt(TRAINS.len() as i16);
    let answer = connection.call("TRAINS.select", &[last])?;
    ensure!(answer.is_success(), "TRAINS.select: {}", answer.status_text);
    if !answer.into_first_table().rows.is_empty() {
        return Ok(());
    }
    for station in &STATIONS {
        let row = [
            Value::SmallInt(station.id),
            Value::Varchar(station.name.to_string()),
            Value::SmallInt(FARE_CENTS),
            Value::Integer(station.weight),
        ];
        upsert(&mut connection, "STATIONS.upsert", &row)?;
    }
    for (id, name) in (1..).zip(TRAINS) {
        upsert(&mut connection, "TRAINS.upsert", &[Value::SmallInt(id), Value::Varchar(name.to_string())])?;
    }
    Ok(())
}

fn upsert(connection: &mut Connection, procedure: &str, row: &[Value]) -> Result<()> {
    let answer = connection.call(procedure, row)?;
    ensure!(answer.is_success(), "{procedure}: {}", answer.status_text);
    Ok(())
}
