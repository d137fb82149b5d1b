//! The names of topics that were made while the server ran, and numbers that are given out once. All of it is
//! in partition 0; all procedures are directed, and the server's own: `@TopicMake`, `@TopicChange`,
//! `@TopicRemove`, `@Topics`, `@NumbersTake`.

use super::tables::{Tables, TollgateCounters, TollgateTopics};
use crate::{abort::Abort, procedure::Procedure, results::Results, transaction::Tx};
use tollgate_schema::{
    codec::TableHeader,
    types::{Type, VARCHAR_DEFAULT},
};

/// Topics that may be made.
pub(super) const TOPICS_MAX: u64 = 10_000;

/// See the module.
pub(super) fn procedures() -> Vec<Procedure> {
    vec![
        Procedure::directed("@TopicMake", ["name", "id", "partitions", "configs"], make).internal(),
        Procedure::directed("@TopicChange", ["name", "partitions", "configs"], change).internal(),
        Procedure::directed("@TopicRemove", ["name"], remove).internal(),
        Procedure::directed("@Topics", [], list).read_only().internal(),
        Procedure::directed("@NumbersTake", ["name", "count"], take_numbers).internal(),
    ]
}

/// Answers 1, or 0 if there is a topic of that name.
fn make(tx: &mut Tx<'_>, name: String, id: Vec<u8>, partitions: i32, configs: String) -> Result<i64, Abort> {
    let at = tx.now_us();
    let known = tx.read().tollgate_topics();
    if known.find(&name).is_some() {
        return Ok(0);
    }
    if known.count() >= TOPICS_MAX {
        return Err(Abort::user(format!("there are {TOPICS_MAX} topics: no more can be made")));
    }
    tx.tollgate_topics().insert(TollgateTopics {
        name: &name,
        id: &id,
        partitions,
        configs: &configs,
        at,
    })?;
    Ok(1)
}

/// Answers 1, or 0 if there is no such topic.
fn change(tx: &mut Tx<'_>, name: String, partitions: i32, configs: String) -> Result<i64, Abort> {
    let changed = tx.tollgate_topics().update(&name, |topic| {
        topic.set_partitions(partitions);
        topic.set_configs(&configs);
    })?;
    Ok(i64::from(changed))
}

/// Answers 1, or 0 if there is no such topic.
fn remove(tx: &mut Tx<'_>, name: String) -> Result<i64, Abort> {
    Ok(i64::from(tx.tollgate_topics().delete(&name)?))
}

/// `NAME`, `ID`, `PARTITIONS`, `CONFIGS`.
fn list(tx: &mut Tx<'_>) -> Result<impl FnOnce(&mut Results<'_>) + use<>, Abort> {
    let read = tx.read();
    let topics = read.tollgate_topics().scan();
    let mut topics: Vec<_> = topics
        .map(|topic| {
            (topic.name().to_string(), topic.id().to_vec(), topic.partitions(), topic.configs().to_string())
        })
        .collect();
    topics.sort();
    Ok(move |results: &mut Results<'_>| {
        let columns = [
            ("NAME", VARCHAR_DEFAULT),
            ("ID", Type::Varbinary { max: 16 }),
            ("PARTITIONS", Type::Integer),
            ("CONFIGS", VARCHAR_DEFAULT),
        ];
        results.table(&TableHeader::new(columns), |table| {
            for (name, id, partitions, configs) in &topics {
                table.row(|row| {
                    row.put_str(name).put_bytes(id).put_i32(*partitions).put_str(configs);
                });
            }
        });
    })
}

/// Gives out `count` numbers of that name, each once: the first of them.
fn take_numbers(tx: &mut Tx<'_>, name: String, count: i64) -> Result<i64, Abort> {
    let first = tx.read().tollgate_counters().get(&name).map_or(0, |counter| counter.next_number());
    let next_number = first.checked_add(count).filter(|_| count >= 0);
    let next_number =
        next_number.ok_or_else(|| Abort::user(format!("{name} has no {count} numbers left")))?;
    tx.tollgate_counters().upsert(TollgateCounters { name: &name, next_number })?;
    Ok(first)
}
