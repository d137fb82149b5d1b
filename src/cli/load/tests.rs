//! Loading CSV files: what is sent, what is rejected and why.

use super::*;
use crate::{
    client::{ServerAddress, testing},
    wire::volt::{
        response::{self, Tables},
        system::catalog,
    },
};
use std::{
    collections::{BTreeMap, btree_map::Entry},
    path::Path,
};
use tollgate_schema::{
    codec::{ParamReader, RawParam},
    ddl,
    value::Value,
};

/// A server with a table of stations.
struct Stations {
    rows: Arc<Mutex<BTreeMap<i64, Vec<Value>>>>,
    address: ServerAddress,
}

fn stations() -> Stations {
    let rows: Arc<Mutex<BTreeMap<i64, Vec<Value>>>> = Arc::default();
    let inserted = rows.clone();
    let mut schema = tollgate_schema::catalog::Catalog::default();
    let text = "CREATE TABLE stations (station_id SMALLINT NOT NULL PRIMARY KEY, name VARCHAR(9),
                fare SMALLINT DEFAULT 250 NOT NULL);";
    ddl::extend(&mut schema, text).unwrap();
    let address = testing::serve_many(2, move |call, out| {
        if call.name == "@SystemCatalog" {
            let selector = catalog::Selector::read(call.params).unwrap();
            let answer = catalog::answer(selector, &schema, &[], &[]);
            response::write_success(out, call.handle, answer.tables());
            return true;
        }
        assert_eq!(call.name, "STATIONS.insert");
        let params = ParamReader::new(call.params).unwrap();
        let row: Vec<Value> =
            params.map(|p: Result<RawParam<'_>, _>| p.unwrap().to_value().unwrap()).collect();
        let id = row[0].as_integer().unwrap();
        match inserted.lock().entry(id) {
            Entry::Vacant(place) => {
                place.insert(row);
                response::write_success(out, call.handle, Tables::default());
            }
            Entry::Occupied(_) => {
                response::write_failure(out, call.handle, Status::GracefulFailure, "there is such a station");
            }
        }
        true
    });
    Stations { rows, address }
}

/// Loads a text; whether that succeeded, and the rejects file.
fn load(stations: &Stations, text: &str, change: impl FnOnce(&mut Load)) -> (Result<bool>, Option<String>) {
    let temporary = tempfile::tempdir().unwrap();
    let file = temporary.path().join("some.csv");
    std::fs::write(&file, text).unwrap();
    let rejects = temporary.path().join("rejects.csv");
    let mut load = Load {
        table: "stations".to_string(),
        file,
        server: Server { server: stations.address.clone() },
        max_errors: 100,
        rejects: Some(rejects.clone()),
        skip: 0,
        header: Header::Auto,
        upsert: false,
        window: 8,
    };
    change(&mut load);
    let loaded = load.load(&Stop::default()).map(|code| code == ExitCode::SUCCESS);
    (loaded, read(&rejects))
}

fn read(path: &Path) -> Option<String> {
    std::fs::read_to_string(path).ok()
}

#[test]
fn rows_with_a_header() {
    let stations = stations();
    let (loaded, rejects) = load(&stations, "name,station_id\nAlewife,1\n\"Davis, Sq\",2\n", |_| ());
    assert_eq!((loaded.unwrap(), rejects), (true, None));
    let rows = stations.rows.lock();
    let davis = [Value::SmallInt(2), Value::Varchar("Davis, Sq".to_string()), Value::SmallInt(250)];
    assert_eq!((rows.len(), &rows[&2][..]), (2, &davis[..]));
}

#[test]
fn failed_rows_are_told_with_line_and_reason_and_the_others_are_loaded() {
    let stations = stations();
    let text = "# stations\n1,Alewife,250\nx,Davis,250\n1,Again,250\n3,\"two\nlines\",250\n4,Porter,250\n5\n6,Kendall,\n";
    let (loaded, rejects) = load(&stations, text, |load| load.skip = 1);
    assert!(loaded.unwrap());
    let rows = stations.rows.lock();
    assert_eq!(rows.keys().copied().collect::<Vec<_>>(), [1, 3, 4, 6]);
    let rejects = rejects.expect("a file of rejects");
    let mut lines: Vec<&str> = rejects.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines.len(), 3, "{rejects}");
    assert!(lines[0].starts_with("3,STATION_ID: ") && lines[0].ends_with(",x,Davis,250"), "{}", lines[0]);
    assert_eq!(lines[1], "4,GRACEFUL_FAILURE: there is such a station,1,Again,250");
    assert_eq!(lines[2], "8,\"1 fields, 3 expected\",5", "a text of two lines counts as two");
}

#[test]
fn too_many_errors_stop_it() {
    let stations = stations();
    let mut text = "x,y,z\n".repeat(600);
    text.push_str("1,Alewife,250\n");
    let (loaded, rejects) = load(&stations, &text, |load| load.max_errors = 2);
    assert!(!loaded.unwrap());
    let rejected = rejects.expect("a file of rejects").lines().count();
    assert!((3..600).contains(&rejected), "{rejected}");
    assert!(stations.rows.lock().is_empty());
}

#[test]
fn an_unknown_table_is_told_with_those_there_are() {
    let (loaded, _) = load(&stations(), "1\n", |load| load.table = "moon".to_string());
    assert_eq!(loaded.unwrap_err().to_string(), "there is no table moon; there are STATIONS");
}
