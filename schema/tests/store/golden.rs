//! The bytes of `docs/FORMAT.md`, "Effects" and "Snapshot sections", version 1. They change only by a new
//! version.

use std::{fmt::Write as _, sync::Arc};

use expect_test::expect_file;
use tollgate_schema::{
    catalog::Catalog,
    ddl,
    row::RowBuf,
    store::{RowId, Store},
};

const DDL: &str = "
CREATE TABLE cards (card INTEGER NOT NULL, balance SMALLINT, name VARCHAR(20), PRIMARY KEY (card));
PARTITION TABLE cards ON COLUMN card;
CREATE TABLE accounts (account VARCHAR(20) NOT NULL, level TINYINT, PRIMARY KEY (account));
PARTITION TABLE accounts ON COLUMN account;
CREATE TABLE taps (card INTEGER NOT NULL, at TIMESTAMP NOT NULL, code TINYINT NOT NULL);
PARTITION TABLE taps ON COLUMN card;
CREATE INDEX taps_by_card ON taps (card, at);
CREATE TABLE loose (n SMALLINT, words VARBINARY(9));
CREATE STREAM alerts PARTITION ON COLUMN card (card INTEGER NOT NULL, words VARCHAR(9));
CREATE VIEW alert_stats (card, n, kinds, total, last) AS
    SELECT card, COUNT(*), COUNT(DISTINCT words), SUM(card), MAX(words) FROM alerts GROUP BY card;
";

fn row(fixed: &[&[u8]], tail: &[Option<&[u8]>]) -> RowBuf {
    let mut row = RowBuf { fixed: fixed.concat(), tail: Vec::new() };
    tail.iter().for_each(|value| row.push_tail(*value));
    row
}

fn card(card: i32, balance: i16, name: Option<&[u8]>) -> RowBuf {
    row(&[&card.to_le_bytes(), &balance.to_le_bytes()], &[name])
}

fn tap(card: i32, time_us: i64, code: i8) -> RowBuf {
    row(&[&card.to_le_bytes(), &time_us.to_le_bytes(), &code.to_le_bytes()], &[])
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes everything");
        text
    })
}

/// A store after one change of each kind, and each change's effects.
fn changed() -> (Store, String) {
    let mut store = Store::new(Arc::new(ddl::parse(DDL).expect("the DDL is right")));
    let mut text = String::new();
    let mut step = |store: &mut Store, what: &str, change: &dyn Fn(&mut Store)| {
        change(store);
        writeln!(text, "{what}: {}", hex(&store.take_effects())).expect("a string takes everything");
    };
    let id = |store: &Store, name: &str| store.catalog().find(name).expect("it is declared");
    let [cards, accounts, taps, loose, alerts] =
        ["cards", "accounts", "taps", "loose", "alerts"].map(|name| id(&store, name));
    let insert =
        |store: &mut Store, table, row: &RowBuf| store.insert(table, row.as_ref()).expect("it is new");
    let found = |store: &Store, key: i64| -> RowId { store.find_int(cards, key).expect("it is there") };

    step(&mut store, "insert", &|s| insert(s, cards, &card(1, 500, Some(b"Ann"))));
    step(&mut store, "insert", &|s| insert(s, cards, &card(-2, i16::MIN, None)));
    step(&mut store, "update_fixed", &|s| {
        s.update_fixed(cards, found(s, 1), &card(1, 250, None).fixed).expect("it is let in");
    });
    step(&mut store, "update", &|s| {
        s.update(cards, found(s, 1), card(1, 250, Some(b"Bob")).as_ref()).expect("it is let in");
    });
    step(&mut store, "update the key", &|s| {
        s.update(cards, found(s, 1), card(3, 250, Some(b"Bob")).as_ref()).expect("it is let in");
    });
    step(&mut store, "delete", &|s| s.delete(cards, found(s, -2)).expect("it is let go"));
    step(&mut store, "insert", &|s| insert(s, accounts, &row(&[&[2]], &[Some(b"a\0b")])));
    step(&mut store, "insert", &|s| insert(s, accounts, &row(&[&[0x80]], &[Some(b"c")])));
    step(&mut store, "delete by text", &|s| {
        let id = s.find(accounts, b"\x01a\0\xFFb\0\0").expect("it is there");
        s.delete(accounts, id).expect("it is let go");
    });
    for (time_us, code) in [(20, 1), (10, 2), (20, 3)] {
        step(&mut store, "insert", &|s| insert(s, taps, &tap(7, time_us, code)));
    }
    step(&mut store, "delete_equal", &|s| {
        assert_eq!(s.delete_equal(taps, tap(7, 10, 2).as_ref()), Ok(true));
    });
    step(&mut store, "insert", &|s| insert(s, loose, &row(&[&[5, 0]], &[Some(b"\xFF")])));
    for words in ["x", "y", "x"] {
        step(&mut store, "append", &|s| {
            let row = row(&[&9i32.to_le_bytes()], &[Some(words.as_bytes())]);
            s.append(alerts, row.as_ref(), 1_000_000).expect("it is let in");
        });
    }
    step(&mut store, "trim_stream", &|s| s.trim_stream(alerts, 1));
    (store, text)
}

/// The bytes of each line, after what comes before the colon.
fn lines(text: &str) -> impl Iterator<Item = (&str, Vec<u8>)> {
    text.lines().map(|line| {
        let (what, digits) = line.split_once(": ").expect("a line has a colon");
        let byte = |at| u8::from_str_radix(&digits[at..at + 2], 16).expect("two digits");
        (what, (0..digits.len()).step_by(2).map(byte).collect())
    })
}

#[test]
fn effects_are_written_as_version_1() {
    expect_file!["golden/effects-v1.txt"].assert_eq(&changed().1);
}

#[test]
fn effects_of_version_1_apply() {
    let (store, _) = changed();
    let mut follower = Store::new(store.catalog().clone());
    for (what, effects) in lines(include_str!("golden/effects-v1.txt")) {
        assert_eq!(follower.apply(&effects), Ok(()), "{what}");
    }
    assert_eq!(follower.state_digest(), store.state_digest());
}

#[test]
fn sections_are_written_as_version_1() {
    let mut text = String::new();
    let result: Result<(), ()> = changed().0.freeze().write(&mut |kind, bytes| {
        writeln!(text, "{kind}: {}", hex(bytes)).expect("a string takes everything");
        Ok(())
    });
    result.expect("the sink takes everything");
    expect_file!["golden/sections-v1.txt"].assert_eq(&text);
}

#[test]
fn sections_of_version_1_load() {
    let (store, _) = changed();
    let sections = || {
        let lines = lines(include_str!("golden/sections-v1.txt"));
        lines.map(|(kind, bytes)| (kind.parse().expect("a kind is a number"), bytes))
    };
    let loaded = Store::load(store.catalog().clone(), sections()).expect("the golden sections load");
    assert_eq!(loaded.state_digest(), store.state_digest());

    // A catalogue that has grown since loads them too; another one does not.
    let mut grown = Catalog::clone(store.catalog());
    ddl::extend(&mut grown, "CREATE TABLE more (n TINYINT); CREATE VIEW sums (card, n) AS SELECT card, COUNT(*) FROM taps GROUP BY card;")
        .expect("the DDL is right");
    let loaded = Store::load(Arc::new(grown.clone()), sections()).expect("the golden sections load");
    let sums = grown.find("sums").expect("it is declared");
    assert_eq!(loaded.scan(sums).count(), 1);
    grown.tables.swap(0, 1);
    assert!(Store::load(Arc::new(grown), sections()).is_err());
}
