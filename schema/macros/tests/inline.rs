//! DDL in the source, every type of column, and keys that are not integers.

use std::sync::Arc;

use tollgate_schema::{catalog::TableId, ddl, store::Store, typed::Access, value::Decimal};

mod library {
    pub(crate) use tollgate_schema as schema;
}

tollgate_schema_macros::schema! {
    crate = crate::library::schema;
    /// One of each.
    mod mine {
        r#"
        CREATE TABLE every (
          tiny TINYINT DEFAULT 1, small SMALLINT, number INTEGER, big BIGINT, rate FLOAT DEFAULT 0.5,
          price DECIMAL DEFAULT 2.5 NOT NULL, type VARCHAR(4) DEFAULT 'a' NOT NULL, self VARBINARY(2) NOT NULL,
          data VARBINARY(9) DEFAULT x'0aff', made TIMESTAMP DEFAULT NOW NOT NULL,
          PRIMARY KEY (type, price, self)
        );
        CREATE TABLE notes (owner VARCHAR(9) NOT NULL, at TIMESTAMP NOT NULL, note VARCHAR);
        PARTITION TABLE notes ON COLUMN owner;
        CREATE INDEX notes_by_owner ON notes (owner, at);
        CREATE TABLE bare (a INTEGER, b VARCHAR);
        CREATE TABLE store (key SMALLINT NOT NULL, row VARCHAR(9) NOT NULL, change BIGINT, PRIMARY KEY (key, row));
        "#
    }
}

use mine::{Bare, Every, Notes, Tables};

struct Transaction(Store);

impl Access for Transaction {
    fn store(&self) -> &Store {
        &self.0
    }

    fn store_mut(&mut self) -> &mut Store {
        &mut self.0
    }

    fn base(&self) -> TableId {
        0
    }

    fn now_us(&self) -> i64 {
        77
    }
}

fn transaction() -> Transaction {
    Transaction(Store::new(Arc::new(ddl::parse(mine::DDL).expect("the macro read it"))))
}

#[test]
fn every_type() {
    let mut tx = transaction();
    let row = Every { r#type: "key", self_: &[1], made: 5, big: Some(-1), ..Default::default() };
    tx.every().insert(row).unwrap();
    let price = Decimal(2_500_000_000_000);
    let read = tx.every().get("key", price, &[1]).unwrap();
    assert_eq!((read.tiny(), read.small(), read.number(), read.big()), (Some(1), None, None, Some(-1)));
    assert_eq!((read.rate(), read.price(), read.r#type()), (Some(0.5), price, "key"));
    assert_eq!((read.self_(), read.data(), read.made()), (&[1][..], Some(&[0x0A, 0xFF][..]), 5));
    tx.every().update("key", price, &[1], |row| row.set_data(None)).unwrap();
    let read = tx.every().get("key", price, &[1]).unwrap();
    assert_eq!((read.data(), read.made()), (None, 5));
    assert!(tx.every().get("key", price, &[1, 0]).is_none());
}

#[test]
fn a_history_by_text() {
    let mut tx = transaction();
    for at in [3, 1, 2] {
        tx.notes().insert(Notes { owner: "ann", at, note: Some("n") }).unwrap();
    }
    tx.notes().insert(Notes { owner: "an", at: 9, note: None }).unwrap();
    let times: Vec<i64> = tx.notes().history("ann").map(|note| note.at()).collect();
    assert_eq!(times, [3, 2, 1]);
    let long = "x".repeat(1_000);
    tx.notes().insert(Notes { owner: "ann", at: 4, note: Some(&long) }).unwrap();
    assert_eq!(tx.notes().history("ann").next().unwrap().note(), Some(long.as_str()));
}

#[test]
fn rows_without_a_key() {
    let mut tx = transaction();
    let row = Bare { a: None, b: Some("x") };
    tx.bare().insert(row).unwrap();
    tx.bare().insert(row).unwrap();
    assert_eq!(tx.bare().delete(row), Ok(true));
    assert_eq!(tx.bare().count(), 1);
}

#[test]
fn names_that_the_generated_code_might_use_itself() {
    let mut tx = transaction();
    Tables::store(&mut tx).insert(mine::Store { key: 1, row: "r", change: None }).unwrap();
    Tables::store(&mut tx).update(1, "r", |row| row.set_change(Some(2))).unwrap();
    assert_eq!(tx.read().store().get(1, "r").unwrap().change(), Some(2));
}

/// What the generated code writes is what the catalogue says.
#[test]
fn rows_read_as_values() {
    use tollgate_schema::{record, value::Value};

    let mut tx = transaction();
    let row = Every {
        tiny: Some(-1),
        small: Some(2),
        number: Some(-3),
        big: Some(4),
        rate: Some(-0.25),
        price: Decimal(5),
        r#type: "é",
        self_: &[6],
        data: None,
        made: 7,
    };
    tx.every().insert(row).unwrap();
    let table = tx.0.catalog().table(Every::ID);
    let found = tx.read().every().get("é", Decimal(5), &[6]).unwrap();
    let values = vec![
        Value::TinyInt(-1),
        Value::SmallInt(2),
        Value::Integer(-3),
        Value::BigInt(4),
        Value::Float(-0.25),
        Value::Decimal(Decimal(5)),
        Value::Varchar("é".to_owned()),
        Value::Varbinary(vec![6]),
        Value::Null,
        Value::Timestamp(7),
    ];
    assert_eq!(record::decode_row(table, found.into()), values);
}
