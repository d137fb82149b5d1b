//! Real taps replayed: what becomes an entry or an exit, and what is counted as cut or unknown.

use super::*;
use crate::{
    client::testing,
    wire::volt::response::{self, Tables},
};
use parking_lot::Mutex;
use std::sync::Arc;
use tollgate_schema::{
    codec::{ParamReader, TableHeader},
    types::{Type, VARCHAR_DEFAULT},
};

type Calls = Arc<Mutex<Vec<(String, i64)>>>;

/// A server that lets everybody in; the names of the calls it got, and the first parameter of each.
fn server() -> (crate::client::ServerAddress, Calls) {
    let calls = Calls::default();
    let noted = calls.clone();
    let header = TableHeader::new([("card_accepted", Type::TinyInt), ("message", VARCHAR_DEFAULT)]);
    let address = testing::serve_many(3, move |call, out| {
        let first = ParamReader::new(call.params).unwrap().next_param().unwrap().unwrap();
        noted.lock().push((call.name.to_string(), first.as_integer().unwrap()));
        let mut table = Vec::new();
        header.one_row(&mut table, |row| {
            row.put_i8(1).put_str("");
        });
        response::write_success(out, call.handle, Tables { count: 1, bytes: &table });
        true
    });
    (address, calls)
}

fn replay(
    server: crate::client::ServerAddress,
    file: PathBuf,
    stations: Option<PathBuf>,
) -> Result<ExitCode> {
    let tfl = Tfl {
        file,
        stations,
        speed: Rate::Max,
        date: "2009-11-01".to_string(),
        window: 64,
        server: Server { server },
        json: true,
    };
    tfl.run(&Stop::default())
}

#[test]
fn taps_become_calls_in_the_order_of_the_file() {
    let temporary = tempfile::tempdir().unwrap();
    let file = temporary.path().join("taps.csv");
    let text = "Sun,04:31,BUSTRIP,9,LTB,TKT,N,0,0,N15,X\nSun,05:23,BEGINTRIP,5,HEX,Osterley\n\
                Sun,05:24,BEGINTRIP,6,HEX,Moon\nSun,05:54,ENDTRIP,5,HEX,Bank,-,PPY,N,110,110,PAYG\nSun,05:5";
    std::fs::write(&file, text).unwrap();
    let stations = temporary.path().join("stations.csv");
    std::fs::write(&stations, "Station\nBank\nOsterley\n").unwrap();
    let (address, calls) = server();
    assert_eq!(replay(address, file, Some(stations)).unwrap(), ExitCode::SUCCESS);
    let calls = calls.lock();
    let made: Vec<(&str, i64)> = calls.iter().map(|(name, first)| (name.as_str(), *first)).collect();
    assert_eq!(
        made,
        [
            ("STATIONS.upsert", 1001),
            ("STATIONS.upsert", 1002),
            ("STATIONS.upsert", 10_001),
            ("CARDS.insert", 5),
            ("CARDS.insert", 6),
            ("CARDS.insert", 9),
            ("ValidateEntry", 9),
            ("ValidateEntry", 5),
            ("ProcessExit", 5),
        ]
    );
}

#[test]
fn a_wrong_day_is_an_error() {
    let tfl = Tfl {
        file: "x".into(),
        stations: None,
        speed: Rate::Max,
        date: "Sunday".to_string(),
        window: 1,
        server: Server { server: "localhost".parse().unwrap() },
        json: false,
    };
    assert!(tfl.run(&Stop::default()).unwrap_err().to_string().contains("--date"));
}

#[test]
fn unknown_stations_are_told_most_frequent_first() {
    let by_name = [("Moon".to_string(), 2), ("Mars".to_string(), 1_500)].into();
    assert_eq!(unknown_text(&by_name), "left out: 1,502 taps at 2 unknown stations: Mars 1,500, Moon 2\n");
    assert_eq!(unknown_text(&BTreeMap::new()), "");
}

/// The real sample, which is not part of the project: read where it lies beside it.
#[test]
fn the_real_sample_is_understood() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/tfl-2009");
    if !data.is_dir() {
        eprintln!("skipped: {} is not here", data.display());
        return;
    }
    let (survey, cut) = survey(&data.join("events-1.csv.gz")).unwrap();
    assert_eq!((survey.lines, cut), (400_000, None));
    assert_eq!((survey.stations.len(), survey.bus_routes.len()), (428, 715));
    assert_eq!(survey.cards().len(), 312_908);
    let defects: u64 = survey.defects.values().map(|(count, _)| count).sum();
    assert!(defects <= 1, "{:?}", survey.defects);
    let known = file::station_names(&data.join("stations.csv")).unwrap();
    let places = Places::new(&survey.stations, &survey.bus_routes, Some(&known));
    let unknown =
        survey.stations.iter().filter(|name| places.id(crate::replay::tap::Place::Station(name)).is_none());
    let unknown: Vec<_> = unknown.collect();
    assert!(unknown.len() < 40, "most names are found: {unknown:?}");
}
