//! Consumer groups and what they have read. A group is in the partition of its name; what it is made of, the
//! front end that coordinates it knows. The server's own procedures: `@GroupCommit`, `@GroupOffsets`,
//! `@GroupKeep`, `@GroupForget`, `@GroupForgetOffset`, and directed `@Groups`, `@GroupsOffsets`.

use super::tables::{Tables, TollgateGroups, TollgateOffsets, TollgateOffsetsRef};
use crate::{abort::Abort, procedure::Procedure, results::Results, transaction::Tx};
use std::{collections::BTreeMap, ops::Bound};
use tollgate_schema::{
    codec::TableHeader,
    store::key,
    typed::Access,
    types::{Type, VALUE_BYTES_MAX, VARCHAR_DEFAULT},
};

/// See the module.
pub(super) fn procedures() -> Vec<Procedure> {
    let of_commit = ["group", "topic", "part", "offset", "leader_epoch", "metadata"];
    vec![
        Procedure::single("@GroupCommit", of_commit, commit).internal(),
        Procedure::single("@GroupOffsets", ["group"], offsets).read_only().internal(),
        Procedure::single("@GroupKeep", ["group", "state"], keep).internal(),
        Procedure::single("@GroupForget", ["group"], forget).internal(),
        Procedure::single("@GroupForgetOffset", ["group", "topic", "part"], forget_offset).internal(),
        Procedure::directed("@Groups", [], list).read_only().internal(),
        Procedure::directed("@GroupsOffsets", ["limit"], all_offsets).read_only().internal(),
    ]
}

fn commit(
    tx: &mut Tx<'_>,
    group: String,
    topic: String,
    part: i32,
    offset: i64,
    leader_epoch: i32,
    metadata: String,
) -> Result<(), Abort> {
    let row = TollgateOffsets {
        group_id: &group,
        topic: &topic,
        part,
        next_offset: offset,
        leader_epoch,
        metadata: &metadata,
        at: tx.now_us(),
    };
    tx.tollgate_offsets().upsert(row)?;
    Ok(())
}

fn of_group<'t>(tx: &'t Tx<'_>, group: &str) -> impl Iterator<Item = TollgateOffsetsRef<'t>> + use<'t> {
    const OF_GROUP: usize = 0;
    let mut prefix = Vec::new();
    key::push_text(Some(group.as_bytes()), &mut prefix);
    let bound = Bound::Included(prefix.as_slice());
    let rows = tx.store().index_range(TollgateOffsets::ID, OF_GROUP, bound, bound);
    rows.map(TollgateOffsetsRef::from)
}

/// `TOPIC`, `PART`, `OFFSET`, `LEADER_EPOCH`, `METADATA`.
fn offsets(tx: &mut Tx<'_>, group: String) -> Result<impl FnOnce(&mut Results<'_>) + use<>, Abort> {
    let rows = of_group(tx, &group).map(|row| {
        let place = (row.topic().to_string(), row.part());
        (place, row.next_offset(), row.leader_epoch(), row.metadata().to_string())
    });
    let rows: Vec<_> = rows.collect();
    Ok(move |results: &mut Results<'_>| {
        let columns = [
            ("TOPIC", VARCHAR_DEFAULT),
            ("PART", Type::Integer),
            ("OFFSET", Type::BigInt),
            ("LEADER_EPOCH", Type::Integer),
            ("METADATA", VARCHAR_DEFAULT),
        ];
        results.table(&TableHeader::new(columns), |table| {
            for ((topic, part), offset, leader_epoch, metadata) in &rows {
                table.row(|row| {
                    row.put_str(topic).put_i32(*part).put_i64(*offset);
                    row.put_i32(*leader_epoch).put_str(metadata);
                });
            }
        });
    })
}

/// Keeps what a group is made of; without a state, forgets it.
fn keep(tx: &mut Tx<'_>, group: String, state: Option<Vec<u8>>) -> Result<(), Abort> {
    match state {
        Some(state) => {
            tx.tollgate_groups().upsert(TollgateGroups { group_id: &group, state: &state })?;
        }
        None => {
            tx.tollgate_groups().delete(&group)?;
        }
    }
    Ok(())
}

/// Forgets a group and what it has read; answers how many rows that was.
fn forget(tx: &mut Tx<'_>, group: String) -> Result<i64, Abort> {
    let places = of_group(tx, &group).map(|row| (row.topic().to_string(), row.part()));
    let places: Vec<_> = places.collect();
    let mut gone = i64::from(tx.tollgate_groups().delete(&group)?);
    for (topic, part) in places {
        gone += i64::from(tx.tollgate_offsets().delete(&group, &topic, part)?);
    }
    Ok(gone)
}

fn forget_offset(tx: &mut Tx<'_>, group: String, topic: String, part: i32) -> Result<i64, Abort> {
    Ok(i64::from(tx.tollgate_offsets().delete(&group, &topic, part)?))
}

/// The groups of this partition: `GROUP_ID`, `STATE`; NULL for a group of which only offsets are known.
fn list(tx: &mut Tx<'_>) -> Result<impl FnOnce(&mut Results<'_>) + use<>, Abort> {
    let read = tx.read();
    let mut groups: BTreeMap<String, Option<Vec<u8>>> = BTreeMap::new();
    for row in read.tollgate_offsets().scan() {
        groups.entry(row.group_id().to_string()).or_default();
    }
    for row in read.tollgate_groups().scan() {
        groups.insert(row.group_id().to_string(), Some(row.state().to_vec()));
    }
    Ok(move |results: &mut Results<'_>| {
        let columns = [("GROUP_ID", VARCHAR_DEFAULT), ("STATE", Type::Varbinary { max: VALUE_BYTES_MAX })];
        results.table(&TableHeader::new(columns), |table| {
            for (group, state) in &groups {
                table.row(|row| {
                    row.put_str(group);
                    match state {
                        Some(state) => row.put_bytes(state),
                        None => row.put_null(),
                    };
                });
            }
        });
    })
}

/// What the groups of this partition have read: how many offsets there are, `COUNT`; then `limit` of them at
/// most, `GROUP_ID`, `TOPIC`, `PART`, `OFFSET`.
fn all_offsets(tx: &mut Tx<'_>, limit: i32) -> Result<impl FnOnce(&mut Results<'_>) + use<>, Abort> {
    let count = tx.store().count(TollgateOffsets::ID) as i64;
    let read = tx.read();
    let rows = read.tollgate_offsets().scan().take(usize::try_from(limit).unwrap_or(0));
    let rows =
        rows.map(|row| (row.group_id().to_string(), row.topic().to_string(), row.part(), row.next_offset()));
    let rows: Vec<_> = rows.collect();
    Ok(move |results: &mut Results<'_>| {
        results.table(&TableHeader::new([("COUNT", Type::BigInt)]), |table| {
            table.row(|row| {
                row.put_i64(count);
            });
        });
        let columns = [
            ("GROUP_ID", VARCHAR_DEFAULT),
            ("TOPIC", VARCHAR_DEFAULT),
            ("PART", Type::Integer),
            ("OFFSET", Type::BigInt),
        ];
        results.table(&TableHeader::new(columns), |table| {
            for (group, topic, part, offset) in &rows {
                table.row(|row| {
                    row.put_str(group).put_str(topic).put_i32(*part).put_i64(*offset);
                });
            }
        });
    })
}
