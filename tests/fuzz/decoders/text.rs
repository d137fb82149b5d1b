//! What people write: values, DDL, ad hoc SQL, configuration.

use super::{ACCEPTED, Decoder, said, store};
use std::sync::{Arc, OnceLock};
use tollgate::{
    config::Config,
    sql::{self, Plan, Progress, SelectPlan, StoredRow},
};
use tollgate_schema::{
    catalog::Catalog,
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
