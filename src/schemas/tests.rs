//! The registry that a node keeps, over a node in this process.

use super::*;
use crate::{calls, config::Config, node::Node, product_registry, registry::Change};

fn node(directory: &std::path::Path) -> Node {
    let mut config = Config { data_dir: directory.join("data"), partitions: 2, ..Config::default() };
    for listen in [&mut config.listen.volt, &mut config.listen.http, &mut config.listen.kafka] {
        *listen = ([127, 0, 0, 1], 0).into();
    }
    config.log.segment_bytes = 1 << 20;
    config.limits.disk_free_bytes = 0;
    Node::start(config, Arc::new(product_registry())).expect("the node starts")
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime")
}

fn schema(name: &str) -> String {
    format!(r#"{{"type":"record","name":"{name}","fields":[]}}"#)
}

#[test]
fn a_change_of_somebody_else_comes_first() {
    let directory = tempfile::tempdir().expect("a directory");
    let node = node(directory.path());
    let shared = &node.shared;
    runtime().block_on(async {
        let (ours, theirs) = (Schemas::new(&Default::default()).unwrap(), &shared.schemas);
        assert_eq!(ours.register(shared, "s", &schema("A")).await, Ok(1));
        // Each knows what the other did, although nobody told it.
        assert_eq!(theirs.register(shared, "s", &schema("B")).await.map_err(drop), Err(()), "incompatible");
        assert_eq!(theirs.register(shared, "t", &schema("B")).await, Ok(2));
        assert_eq!(ours.register(shared, "t", &schema("B")).await, Ok(2), "it was registered before");
        assert_eq!(ours.register(shared, "u", &schema("C")).await, Ok(3));
        assert_eq!(theirs.text(shared, 1).await, Ok(Some(schema("A"))));
        assert_eq!(ours.text(shared, 99).await, Ok(None));
    });
    node.stop();
}

#[test]
fn many_register_at_once() {
    const CALLERS: u32 = 40;
    let directory = tempfile::tempdir().expect("a directory");
    let running = node(directory.path());
    let ids = runtime().block_on(async {
        let callers = (0..CALLERS).map(|number| {
            let shared = running.shared.clone();
            // Each schema is registered by two of them.
            let (subject, text) = (format!("s{number}"), schema(&format!("R{}", number / 2)));
            tokio::spawn(async move { shared.schemas.register(&shared, &subject, &text).await })
        });
        let mut ids = Vec::new();
        for caller in callers.collect::<Vec<_>>() {
            ids.push(caller.await.expect("it does not panic").expect("it is registered"));
        }
        ids
    });
    for (number, pair) in ids.chunks(2).enumerate() {
        assert_eq!(pair[0], pair[1], "R{number} has one number");
    }
    let mut distinct = ids.clone();
    distinct.sort_unstable();
    distinct.dedup();
    assert_eq!(distinct, (1..=CALLERS / 2).collect::<Vec<_>>());
    running.stop();
    let running = node(directory.path());
    runtime().block_on(async {
        for (number, id) in (0..).zip(ids) {
            let (subject, text) = (format!("s{number}"), schema(&format!("R{}", number / 2)));
            let again = running.shared.schemas.register(&running.shared, &subject, &text);
            assert_eq!(again.await, Ok(id), "after a restart");
        }
    });
    running.stop();
}

#[test]
fn changes_come_in_pages_and_nonsense_is_told() {
    let directory = tempfile::tempdir().expect("a directory");
    let node = node(directory.path());
    let shared = &node.shared;
    let keep = |number: i64, change: Vec<u8>| {
        calls::one(shared, "@SchemaKeep", Some(0), move |set| {
            set.put_i64(number).put_bytes(&change);
        })
    };
    runtime().block_on(async {
        // More than one page of them.
        let doc = "x".repeat(250_000);
        for number in 0..40 {
            let schema = format!(r#"{{"type":"record","name":"R{number}","doc":"{doc}","fields":[]}}"#);
            let (subject, id) = (format!("s{number}"), number as u32 + 1);
            let change = Change::Register { subject, version: 1, id, schema };
            keep(number, change.to_bytes()).await.expect("it is kept");
        }
        let text = shared.schemas.text(shared, 40).await.expect("an answer").expect("it is there");
        assert!(text.contains("\"R39\""));
        keep(40, b"nonsense".to_vec()).await.expect("it is kept");
        let fresh = Schemas::new(&Default::default()).unwrap();
        let error = fresh.text(shared, 1).await.expect_err("a change can't be read");
        assert!(matches!(error, SchemasError::Damaged(_)), "{error}");
    });
    node.stop();
}
