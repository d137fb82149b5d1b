//! What the schema registry was told, in order, in partition 0. Directed, and the server's own:
//! `@SchemaKeep`, `@SchemaChanges`.

use super::tables::{Tables, TollgateSchemas, TollgateSchemasRef};
use crate::{abort::Abort, procedure::Procedure, results::Results, transaction::Tx};
use std::ops::Bound;
use tollgate_schema::{
    codec::TableHeader,
    store::key,
    typed::Access,
    types::{Type, VALUE_BYTES_MAX},
};

/// A page ends with the change that reaches this.
const PAGE_BYTES: usize = 4 << 20;

/// See the module.
pub(super) fn procedures() -> Vec<Procedure> {
    vec![
        Procedure::directed("@SchemaKeep", ["number", "change"], keep).internal(),
        Procedure::directed("@SchemaChanges", ["from"], list).read_only().internal(),
    ]
}

/// Keeps a change; a number that is taken is refused.
fn keep(tx: &mut Tx<'_>, number: i64, change: Vec<u8>) -> Result<(), Abort> {
    tx.tollgate_schemas().insert(TollgateSchemas { change_number: number, change: &change })?;
    Ok(())
}

/// `NUMBER`, `CHANGE`: those from a number on, in order, as many as fit a page; none if that was the last.
fn list(tx: &mut Tx<'_>, from: i64) -> Result<impl FnOnce(&mut Results<'_>) + use<>, Abort> {
    const IN_ORDER: usize = 0;
    let store = tx.store();
    let mut first = Vec::new();
    key::push_integer(from, Type::BigInt, &mut first);
    let first = Bound::Included(first.as_slice());
    let rows = store.index_range(TollgateSchemas::ID, IN_ORDER, first, Bound::Unbounded);
    let mut bytes = 0;
    let page = rows.map(TollgateSchemasRef::from).take_while(|row| {
        let is_in = bytes < PAGE_BYTES;
        bytes += row.change().len();
        is_in
    });
    let rows: Vec<(i64, Vec<u8>)> = page.map(|row| (row.change_number(), row.change().to_vec())).collect();
    Ok(move |results: &mut Results<'_>| {
        let columns = [("NUMBER", Type::BigInt), ("CHANGE", Type::Varbinary { max: VALUE_BYTES_MAX })];
        results.table(&TableHeader::new(columns), |table| {
            for (number, change) in &rows {
                table.row(|row| {
                    row.put_i64(*number).put_bytes(change);
                });
            }
        });
    })
}
