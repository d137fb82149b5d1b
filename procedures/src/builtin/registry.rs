//! What the schema registry was told, in order, in partition 0. Directed, and the server's own:
//! `@SchemaKeep`, `@SchemaChanges`.

use super::tables::{Tables, TollgateSchemas, TollgateSchemasRef};
use crate::{abort::Abort, procedure::Procedure, results::Results, transaction::Tx};
use std::ops::Bound;
use tollgate_schema::{
    codec::TableHeader,
    typed::Access,
    types::{Type, VALUE_BYTES_MAX},
};

/// See the module.
pub(super) fn procedures() -> Vec<Procedure> {
    vec![
        Procedure::directed("@SchemaKeep", ["number", "change"], keep).internal(),
        Procedure::directed("@SchemaChanges", [], list).read_only().internal(),
    ]
}

/// Keeps a change; a number that is taken is refused.
fn keep(tx: &mut Tx<'_>, number: i64, change: Vec<u8>) -> Result<(), Abort> {
    tx.tollgate_schemas().insert(TollgateSchemas { change_number: number, change: &change })?;
    Ok(())
}

/// `NUMBER`, `CHANGE`, in order.
fn list(tx: &mut Tx<'_>) -> Result<impl FnOnce(&mut Results<'_>) + use<>, Abort> {
    const IN_ORDER: usize = 0;
    let store = tx.store();
    let rows = store.index_range(TollgateSchemas::ID, IN_ORDER, Bound::Unbounded, Bound::Unbounded);
    let rows = rows.map(TollgateSchemasRef::from);
    let rows: Vec<(i64, Vec<u8>)> = rows.map(|row| (row.change_number(), row.change().to_vec())).collect();
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
