//! What the log and snapshots give back to a store: effects, and sections.

use super::{ACCEPTED, Decoder};
use std::sync::{Arc, OnceLock};
use tollgate_schema::{
    catalog::{Catalog, TableId},
    ddl, dynamic,
    row::RowRef,
    store::Store,
    value::Value,
};

pub(super) const METRO: &str = include_str!("../../../schema/metro.sql");

/// Every organisation of a table, every type of column, and views of each kind.
const KINDS: &str = "
    CREATE TABLE accounts (id INTEGER NOT NULL, name VARCHAR(20), worth DECIMAL, rate FLOAT, tag VARBINARY(8),
        PRIMARY KEY (id), UNIQUE (name));
    CREATE INDEX accounts_by_worth ON accounts (worth, rate);
    CREATE TABLE names (name VARCHAR(20) NOT NULL, part TINYINT NOT NULL, n BIGINT, PRIMARY KEY (name, part));
    CREATE TABLE events (id INTEGER NOT NULL, at TIMESTAMP NOT NULL, amount BIGINT, kind TINYINT,
        note VARCHAR(20));
    PARTITION TABLE events ON COLUMN id;
    CREATE INDEX events_by_time ON events (id, at);
    CREATE TABLE marks (a SMALLINT, b VARCHAR(4 BYTES));
    CREATE STREAM log PARTITION ON COLUMN id (id INTEGER NOT NULL, text VARCHAR(30));
    CREATE VIEW sums (kind, n, total, least, most) AS
        SELECT kind, COUNT(*), SUM(amount), MIN(amount), MAX(amount) FROM events GROUP BY kind;
    CREATE VIEW logged (id, n) AS SELECT id, COUNT(*) FROM log GROUP BY id;
";

fn kinds() -> Arc<Catalog> {
    static CATALOG: OnceLock<Arc<Catalog>> = OnceLock::new();
    CATALOG.get_or_init(|| Arc::new(ddl::parse(KINDS).expect("a schema"))).clone()
}

/// Metro with two stations and two cards, the second of which is unlimited.
pub(super) fn filled(catalog: &Arc<Catalog>) -> Store {
    let mut store = Store::new(catalog.clone());
    let find = |name: &str| catalog.find(name).expect("a table of metro's");
    let (stations, cards) = (find("stations"), find("cards"));
    let text = |text: &str| Value::Varchar(text.to_string());
    for id in [1, 2] {
        let station = [Value::SmallInt(id), text("somewhere")];
        dynamic::insert(&mut store, stations, &station, 0).expect("a station");
        let expires = Value::Timestamp(2_000_000_000_000_000);
        let card = [
            Value::Integer(i32::from(id)),
            Value::TinyInt(1),
            Value::TinyInt(id as i8 - 1),
            Value::Integer(i32::MAX - 1),
            expires,
            text("Ann"),
            Value::Null,
            Value::Null,
            Value::TinyInt(1),
        ];
        dynamic::insert(&mut store, cards, &card, 0).expect("a card");
    }
    store.take_effects();
    let mark = store.mark();
    store.release_to(mark);
    store
}

/// A store with rows of every kind, and the effects that made it.
fn lived() -> (Store, Vec<u8>) {
    let catalog = kinds();
    let mut store = Store::new(catalog.clone());
    let find = |name: &str| catalog.find(name).expect("a table of the schema");
    let text = |text: &str| Value::Varchar(text.to_string());
    for n in 0..6 {
        let account = [
            Value::Integer(n),
            text(&format!("name {n}")),
            Value::Integer(n),
            Value::Float(0.5),
            Value::Varbinary(vec![n as u8]),
        ];
        dynamic::insert(&mut store, find("accounts"), &account, 0).expect("it is new");
        let name = [text("abc"), Value::TinyInt(n as i8), Value::BigInt(n.into())];
        dynamic::insert(&mut store, find("names"), &name, 0).expect("it is new");
        let event = [
            Value::Integer(n % 2),
            Value::Timestamp(i64::from(n) * 1_000_000),
            Value::BigInt(i64::from(n) - 3),
            Value::TinyInt((n % 3) as i8),
            text("noted"),
        ];
        dynamic::insert(&mut store, find("events"), &event, 0).expect("it fits");
        dynamic::insert(&mut store, find("marks"), &[Value::SmallInt(1), text("m")], 0).expect("it fits");
        dynamic::insert(&mut store, find("log"), &[Value::Integer(n), text("said")], n.into())
            .expect("it fits");
    }
    dynamic::delete(&mut store, find("accounts"), &[Value::Integer(2)]).expect("it is there");
    dynamic::delete(&mut store, find("names"), &[text("abc"), Value::TinyInt(2)]).expect("it is there");
    let account = [Value::Integer(1), text("other")];
    dynamic::update(&mut store, find("accounts"), &[Value::Integer(1)], &account, 0).expect("it is there");
    store.trim_stream(find("log"), 2);
    let effects = store.take_effects();
    (store, effects)
}

pub(super) const EFFECTS: Decoder = Decoder {
    name: "store_effects",
    target: effects,
    seeds: || vec![Vec::new(), lived().1],
    words: &[&[1, 0], &[2, 0], &[3, 0], &[4, 2], &[5, 4], &[6, 4], &[0xff, 0xff, 0xff], &[1, 0xff, 0, 0]],
    held_fixed: 16 << 20,
    held_times: 512,
};

fn effects(bytes: &[u8]) -> String {
    let mut store = Store::new(kinds());
    if let Err(error) = store.apply(bytes) {
        return error.to_string();
    }
    let again = reloaded(&store);
    assert_eq!(again.state_digest(), store.state_digest(), "a snapshot holds what was applied");
    ACCEPTED.to_string()
}

/// The store out of its own snapshot.
fn reloaded(store: &Store) -> Store {
    Store::load(kinds(), written(store)).expect("its own snapshot is loaded")
}

fn written(store: &Store) -> Vec<(u32, Vec<u8>)> {
    let mut sections = Vec::new();
    let written = store.freeze().write(&mut |kind, bytes| {
        sections.push((kind, bytes.to_vec()));
        Ok::<_, std::convert::Infallible>(())
    });
    let Ok(()) = written;
    sections
}

/// Each section: its kind (4) and length (4), little-endian, then its bytes.
pub(super) const SECTIONS: Decoder = Decoder {
    name: "store_sections",
    target: sections,
    seeds: || {
        let lay_out = |sections: Vec<(u32, Vec<u8>)>| {
            let mut bytes = Vec::new();
            for (kind, section) in sections {
                bytes.extend_from_slice(&kind.to_le_bytes());
                bytes.extend_from_slice(&(section.len() as u32).to_le_bytes());
                bytes.extend_from_slice(&section);
            }
            bytes
        };
        vec![lay_out(written(&Store::new(kinds()))), lay_out(written(&lived().0))]
    },
    words: &[],
    held_fixed: 16 << 20,
    held_times: 512,
};

fn sections(bytes: &[u8]) -> String {
    let mut sections = Vec::new();
    let mut rest = bytes;
    while let Some((head, after)) = rest.split_first_chunk::<8>() {
        let number = |at: usize| u32::from_le_bytes(head[at..at + 4].try_into().expect("four bytes"));
        // A file's own checksums make a section whole, so a length that lies is not this decoder's business.
        let length = (number(4) as usize).min(after.len());
        sections.push((number(0), &after[..length]));
        rest = &after[length..];
    }
    let store = match Store::load(kinds(), sections) {
        Ok(store) => store,
        Err(error) => return error.to_string(),
    };
    assert_eq!(reloaded(&store).state_digest(), store.state_digest(), "what was loaded is written again");
    let tables = 0..store.catalog().tables.len() as TableId;
    tables.for_each(|table| store.scan(table).for_each(|row| assert!(taken(row.row()) < u64::MAX)));
    ACCEPTED.to_string()
}

/// Touches every byte of a row.
fn taken(row: RowRef<'_>) -> u64 {
    row.fixed.iter().chain(row.tail).map(|byte| u64::from(*byte)).sum()
}
