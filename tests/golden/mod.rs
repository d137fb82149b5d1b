//! A block of version 1 as it was first written: it is read for ever, and what is written today is the same
//! bytes. (The log and snapshot files have theirs in `cluster/tests/golden`, snapshot sections in
//! `schema/tests/store/golden`.)
//!
//! `TOLLGATE_WRITE_GOLDEN=1 cargo test --test all golden` writes a missing file; others never change.

use bytes::Bytes;
use std::{path::PathBuf, sync::Arc};
use tollgate::block;
use tollgate_schema::{catalog::Catalog, ddl, dynamic, store::Store, value::Value};

/// Every organisation of a table, and every type.
const DDL: &str = "
    CREATE TABLE accounts (id INTEGER NOT NULL, name VARCHAR(20), worth DECIMAL, rate FLOAT, tag VARBINARY(8),
        small SMALLINT, big BIGINT, seen TIMESTAMP, PRIMARY KEY (id));
    CREATE TABLE names (name VARCHAR(20) NOT NULL, part TINYINT NOT NULL, PRIMARY KEY (name, part));
    CREATE TABLE events (id INTEGER NOT NULL, at TIMESTAMP NOT NULL, note VARCHAR(20));
    PARTITION TABLE events ON COLUMN id;
    CREATE INDEX events_by_time ON events (id, at);
    CREATE TABLE marks (a SMALLINT, b VARCHAR(4 BYTES));
    CREATE STREAM said (id INTEGER NOT NULL, amount BIGINT, text VARCHAR(30));
";

fn golden(name: &str, written: impl FnOnce() -> Vec<u8>) -> Bytes {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if !path.exists() && std::env::var_os("TOLLGATE_WRITE_GOLDEN").is_some() {
        std::fs::write(&path, written()).expect("the file can be written");
    }
    std::fs::read(&path).expect("a golden file").into()
}

/// A store that did everything there is an effect for, some of it before the block.
fn lived() -> (Store, Vec<u8>) {
    let catalog: Arc<Catalog> = Arc::new(ddl::parse(DDL).expect("a schema"));
    let mut store = Store::new(catalog.clone());
    let find = |name: &str| catalog.find(name).expect("a table of the schema");
    let text = |text: &str| Value::Varchar(text.to_string());
    let account = |id: i32, name: Value, big: i64| {
        let tag = Value::Varbinary(vec![0, 0xff, id as u8]);
        let worth = Value::Decimal("12.000000000001".parse().expect("a number"));
        [
            Value::Integer(id),
            name,
            worth,
            Value::Float(-0.5),
            tag,
            Value::Null,
            Value::BigInt(big),
            Value::Null,
        ]
    };
    for n in 0..5 {
        let insert = |store: &mut Store, table: &str, row: &[Value]| {
            dynamic::insert(store, find(table), row, i64::from(n)).expect("it is new");
        };
        insert(&mut store, "accounts", &account(n, text("Zoë"), 1 << 40));
        insert(&mut store, "names", &[text("a\0b"), Value::TinyInt(n as i8)]);
        insert(
            &mut store,
            "events",
            &[Value::Integer(n % 2), Value::Timestamp(7 - i64::from(n)), Value::Null],
        );
        insert(&mut store, "marks", &[Value::SmallInt(-1), text("")]);
        insert(&mut store, "said", &[Value::Integer(n % 2), Value::BigInt(n.into()), text("x")]);
    }
    let key = [Value::Integer(1)];
    dynamic::update(&mut store, find("accounts"), &key, &account(1, text("Zoë"), 2), 0).expect("it is there");
    dynamic::update(&mut store, find("accounts"), &key, &account(1, Value::Null, 2), 0).expect("it is there");
    dynamic::delete(&mut store, find("accounts"), &[Value::Integer(3)]).expect("it is there");
    dynamic::delete(&mut store, find("names"), &[text("a\0b"), Value::TinyInt(3)]).expect("it is there");
    for table in ["events", "marks"] {
        let row = store.scan(find(table)).next().expect("there are rows").row().to_buf();
        assert_eq!(store.delete_equal(find(table), row.as_ref()), Ok(true));
    }
    store.trim_stream(find("said"), 2);
    let mut block = Vec::new();
    block::begin(&mut block);
    store.drain_effects_into(&mut block);
    block::finish(&mut block, 0xfeed_beef, 1_700_000_000_000_000, 42);
    (store, block)
}

#[test]
fn a_block_of_version_1_is_read() {
    let (store, written) = lived();
    let bytes = golden("block-v1.bin", || written.clone());
    assert_eq!(bytes, written, "the form of blocks or effects changed without a new version");
    let block = block::decode(&bytes).expect("a block");
    assert_eq!(
        (block.catalog, block.timestamp_us, block.transactions),
        (0xfeed_beef, 1_700_000_000_000_000, 42)
    );
    let mut follower = Store::new(store.catalog().clone());
    follower.apply(&block.effects).expect("effects that fit");
    assert_eq!(follower.state_digest(), store.state_digest());
}
