//! What people write, and programs for them: values, DDL, ad hoc SQL, JSON, CSV, configuration.

use super::{ACCEPTED, Decoder, said, store, volt};
use csv::StringRecord;
use std::sync::{Arc, OnceLock};
use tollgate::{
    cli::rows_of_csv,
    client::declared::Declared,
    config::Config,
    replay::{places::Places, survey::Survey, tap},
    sql::{self, Plan, Progress, SelectPlan, StoredRow},
    wire::http,
};
use tollgate_schema::{
    catalog::Catalog,
    codec::ParamReader,
    ddl,
    store::Store,
    types::Type,
    value::{Value, convert},
};

/// Bytes as text: what is no UTF-8 was refused before it came so far.
fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

pub(super) const VALUE: Decoder = Decoder {
    name: "value_text",
    target: value,
    seeds: || {
        let texts = ["-128", "1.5e3", "12.000000000001", "2009-11-16 05:04:03.123456", "cafe01", " x "];
        texts.map(|text| text.as_bytes().to_vec()).to_vec()
    },
    words: &[
        b"-",
        b".",
        b"e",
        b"99999999999999999999999999",
        b"0000-00-00",
        b"9999-12-31 23:59:60",
        b"\xc3\xa9",
    ],
    held_fixed: 256 << 10,
    held_times: 64,
};

fn value(bytes: &[u8]) -> String {
    let given = Value::Varchar(text(bytes));
    let types = [
        Type::TinyInt,
        Type::SmallInt,
        Type::Integer,
        Type::BigInt,
        Type::Float,
        Type::Decimal,
        Type::Timestamp,
        Type::Varbinary { max: 100 },
        Type::Varchar { max: 100, in_bytes: false },
    ];
    let mut errors = String::new();
    let mut taken = 0;
    for wanted in types {
        match convert(&given, wanted) {
            // Bytes are text only if they are UTF-8.
            Ok(Value::Varbinary(_)) => taken += 1,
            Ok(value) => {
                taken += 1;
                let printed = convert(&value, Type::Varchar { max: 1 << 20, in_bytes: true });
                let printed = printed.expect("every value prints");
                assert_eq!(convert(&printed, wanted).as_ref(), Ok(&value), "{printed:?} reads back");
            }
            Err(error) => errors += &error.to_string(),
        }
    }
    if taken > 0 { ACCEPTED.to_string() } else { errors }
}

pub(super) const DDL: Decoder = Decoder {
    name: "ddl_text",
    target: |bytes| match ddl::parse(&text(bytes)) {
        Ok(catalog) => {
            let rendered = ddl::render(&catalog);
            said(ddl::parse(&rendered).map_err(|error| panic!("{error} in {rendered}")))
        }
        Err(error) => error.to_string(),
    },
    seeds: || {
        let mut seeds: Vec<Vec<u8>> = vec![store::METRO.as_bytes().to_vec()];
        // Statement by statement, for those that stand alone.
        let alone = store::METRO.split_inclusive(';').filter(|statement| ddl::parse(statement).is_ok());
        seeds.extend(alone.map(|statement| statement.as_bytes().to_vec()));
        seeds
    },
    words: &[
        b"CREATE ",
        b"TABLE ",
        b"VIEW ",
        b"AS SELECT ",
        b"GROUP BY ",
        b"COUNT(*)",
        b"SUM(",
        b"(",
        b")",
        b"((((",
        b"PRIMARY KEY ",
        b"DEFAULT ",
        b"VARCHAR(",
        b"'",
        b"--",
        b"/*",
        b"\"",
        b";",
        b",",
        b"USING TTL 1 HOURS ",
        b"TIME_WINDOW(",
        b"TRUNCATE(",
        b"99999999999999999999",
        b"-",
        b"BEGIN ",
        b"END ",
    ],
    held_fixed: 8 << 20,
    held_times: 2048,
};

pub(super) const SQL: Decoder = Decoder {
    name: "sql_text",
    target: sql_text,
    seeds: || {
        let texts = [
            "SELECT * FROM cards WHERE card_id = 1",
            "SELECT card_type, COUNT(*), SUM(balance), MIN(name), MAX(expires) FROM cards \
             WHERE (balance >= 2 * 100 + 1 OR NOT enabled = 0) AND name LIKE 'A%' GROUP BY card_type \
             ORDER BY 2 DESC LIMIT 10 OFFSET 0",
            "SELECT card_id AS c, balance / 100 FROM cards WHERE name IS NOT NULL AND card_id IN (1, 2) \
             AND balance BETWEEN -1 AND 2147483647 ORDER BY c, balance DESC LIMIT 1;",
            "INSERT INTO stations (station_id, name) VALUES (1, 'Alewife'), (2, NULL)",
            "UPSERT INTO stations VALUES (1, 'Alewife', 250, 1)",
            "CREATE TABLE t (a INTEGER);",
        ];
        texts.map(|text| text.as_bytes().to_vec()).to_vec()
    },
    words: &[
        b"SELECT ",
        b" FROM ",
        b" WHERE ",
        b" GROUP BY ",
        b" ORDER BY ",
        b" LIMIT ",
        b" AND ",
        b" OR ",
        b"NOT ",
        b"(",
        b")",
        b"((((",
        b"-",
        b"- -",
        b" + ",
        b" / 0",
        b"99999999999999999999",
        b"9223372036854775807",
        b"1e308",
        b"COUNT(",
        b"CASE WHEN ",
        b" IN (",
        b"'%_\\'",
        b"''",
        b"\"",
        b"--",
        b"/*",
        b"?",
        b";",
        b" LIKE ",
        b" ESCAPE ",
        b" BETWEEN ",
        b"card_id",
        b"balance",
        b"expires",
        b"'2009-01-01'",
        b"x'00'",
    ],
    held_fixed: 16 << 20,
    held_times: 4096,
};

fn metro() -> &'static (Arc<Catalog>, Store) {
    static METRO: OnceLock<(Arc<Catalog>, Store)> = OnceLock::new();
    METRO.get_or_init(|| {
        let catalog = Arc::new(ddl::parse(store::METRO).expect("metro's own schema"));
        let store = store::filled(&catalog);
        (catalog, store)
    })
}

fn sql_text(bytes: &[u8]) -> String {
    let (catalog, store) = metro();
    let plans = match sql::plan(&text(bytes), &[], catalog) {
        Ok(plans) => plans,
        Err(error) => return error.to_string(),
    };
    for plan in plans {
        let said = match plan {
            Plan::Select(select) => run(&select, catalog, store),
            Plan::Insert(insert) => {
                insert.values(0).for_each(drop);
                ACCEPTED.to_string()
            }
            Plan::Ddl(text) => {
                ddl::statement_is_in(catalog, &text).map_or_else(|e| e.to_string(), |_| ACCEPTED.into())
            }
        };
        if said != ACCEPTED {
            return said;
        }
    }
    ACCEPTED.to_string()
}

fn run(plan: &SelectPlan, catalog: &Catalog, store: &Store) -> String {
    let mut execution = plan.execute();
    for row in store.scan(plan.table()) {
        match execution.feed(&StoredRow { table: catalog.table(plan.table()), row: row.row() }) {
            Ok(Progress::More) => {}
            Ok(Progress::Enough) => break,
            Err(error) => return error.to_string(),
        }
    }
    said(execution.finish())
}

pub(super) const CONFIG: Decoder = Decoder {
    name: "config_text",
    target: |bytes| said(Config::parse(&text(bytes))),
    seeds: || {
        vec![
            tollgate::config::SAMPLE.as_bytes().to_vec(),
            b"partitions = 8\n[limits]\nconnections = 1".to_vec(),
        ]
    },
    words: &[b"=", b"[", b"]", b"{", b"[[", b"\"\"\"", b"partitions", b"0x", b"1e999", b"1979-05-27", b"inf"],
    held_fixed: 1 << 20,
    held_times: 1024,
};

/// A call over HTTP: the first byte says which procedure, the body follows.
pub(super) const HTTP_BODY: Decoder = Decoder {
    name: "http_body",
    target: |bytes| {
        let Some((which, body)) = bytes.split_first() else { return "no procedure".to_string() };
        let registry = volt::registry();
        let procedure = &volt::procedure(*which).procedure;
        let parameters = http::parameters_of_body(body, procedure, registry.catalog());
        if let Ok(parameters) = &parameters {
            let mut reader = ParamReader::new(parameters).expect("it was just written");
            assert_eq!(reader.total(), procedure.parameters.len());
            assert_eq!(reader.by_ref().filter_map(Result::ok).count(), procedure.parameters.len());
            assert_eq!(reader.finish(), Ok(()));
        }
        said(parameters)
    },
    seeds: || {
        let call = |name: &str, body: &str| [&[volt::number(name)], body.as_bytes()].concat();
        vec![
            call("ValidateEntry", r#"{"parameters": [1, 1700000000000, 5, 1, 250]}"#),
            call(
                "ValidateEntry",
                r#"{"parameters": {"card_id": 1, "date_time": "1700000000000", "station_id": 5,
                "activity_code": 1e0, "amount": 250.0}}"#,
            ),
            call("STATIONS.insert", r#"{"parameters": [1, "Alew\u0069fe", 250, null]}"#),
            call(
                "CARDS.upsert",
                r#"{"parameters": {"card_id": 7, "enabled": 1, "card_type": 0, "balance": 5,
                "expires": "2030-01-01T00:00:00Z", "notify": 0}}"#,
            ),
        ]
    },
    words: &[
        b"null",
        b"true",
        b"{",
        b"}",
        b"[",
        b"]",
        b"[[[[",
        b"{\"a\":",
        b"\"",
        b"\\u0000",
        b"\\ud800",
        b"1e999",
        b"-0",
        b"-",
        b"0.1",
        b"99999999999999999999999999",
        b"\"parameters\"",
        b"\"card_id\"",
        b",",
        b":",
        b"\xff",
    ],
    held_fixed: 1 << 20,
    held_times: 256,
};

/// A file of rows for a table with a column of every type.
pub(super) const CSV: Decoder = Decoder {
    name: "csv_lines",
    target: |bytes| {
        let types = [
            Type::TinyInt,
            Type::BigInt,
            Type::Float,
            Type::Decimal,
            Type::Timestamp,
            Type::Varchar { max: 20, in_bytes: false },
            Type::Varbinary { max: 20 },
        ];
        let column =
            |(number, declared_type)| Declared { name: format!("C{number}"), declared_type, default: None };
        let columns: Vec<Declared> = (0..).zip(types).map(column).collect();
        let rows = rows_of_csv(&columns, bytes);
        if let Ok(rows) = &rows {
            assert!(rows.iter().all(|row| row.len() == columns.len()), "a row has a value for each column");
        }
        said(rows)
    },
    seeds: || {
        let texts = [
            "1,2,0.5,1.25,2009-11-16 05:04:03.123456,text,cafe\n\\N,,,,,,\n",
            "c0,C5,c4\r\n1,\"a \"\"quoted\"\" text\",2009-11-16\r\n",
            "",
        ];
        texts.map(|text| text.as_bytes().to_vec()).to_vec()
    },
    words: &[b"\"", b",", b"\n", b"\r\n", b"\"\"", b"\\N", b"\xef\xbb\xbf", b"C6", b"\xff", b"\0"],
    held_fixed: 1 << 20,
    held_times: 256,
};

/// A file of real taps.
pub(super) const TFL: Decoder = Decoder {
    name: "tfl_lines",
    target: tfl_lines,
    seeds: || {
        let text = "Sun,04:31,BUSTRIP,893069,LTB,TKT,N,0,0,N15,Travelcard-7 Day\n\
                    Sun,05:23,BEGINTRIP,5,HEX,Osterley\n\
                    Sun,05:54,ENDTRIP,5,HEX,Heathrow Term 5,-------,PPY,N,110,110,PAYG\n";
        vec![text.as_bytes().to_vec()]
    },
    words: &[
        b",",
        b"\n",
        b"\"",
        b"Sat",
        b"29:59",
        b"ENDTRIP",
        b"BUSTRIP",
        b"MIX",
        b" & ",
        b"\xc4\xb0",
        b"\xff",
    ],
    held_fixed: 1 << 20,
    held_times: 256,
};

fn tfl_lines(bytes: &[u8]) -> String {
    let text = text(bytes);
    let mut survey = Survey::default();
    let lines: Vec<StringRecord> =
        text.lines().map(|line| line.split(',').collect::<Vec<_>>().into()).collect();
    for (number, line) in (1..).zip(&lines) {
        if let Err(error) = survey.add(number, line) {
            return error.to_string();
        }
    }
    let known = ["Osterley", "Heathrow Terminal 5", "King's Cross St. Pancras"].map(str::to_string).into();
    let places = [
        Places::new(&survey.stations, &survey.bus_routes, None),
        Places::new(&survey.stations, &survey.bus_routes, Some(&known)),
    ];
    for tap in lines.iter().filter_map(|line| tap::read(line).ok()) {
        assert!(places[0].id(tap.place).is_some(), "every place that is named has an id");
    }
    assert!(places.iter().all(|places| places.new_stations().all(|station| station.name.len() <= 25)));
    match survey.defects.keys().next() {
        Some(defect) => defect.to_string(),
        None => ACCEPTED.to_string(),
    }
}
