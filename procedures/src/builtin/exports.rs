//! How far exports have come with the rows of streams: an acknowledged position is a row in the partition of
//! the rows. Directed, and the server's own: `@ExportKeep`, `@Exports`.

use super::tables::{ReadTables, Tables, TollgateExports};
use crate::{abort::Abort, procedure::Procedure, results::Results, transaction::Tx};
use tollgate_schema::{
    codec::TableHeader,
    store::Store,
    types::{Type, VARCHAR_DEFAULT},
};

/// The server's own tables come first in every catalogue.
const OWN_TABLES: u16 = 0;

/// See the module.
pub(super) fn procedures() -> Vec<Procedure> {
    vec![
        Procedure::directed("@ExportKeep", ["export", "stream", "next_offset"], keep).internal(),
        Procedure::directed("@Exports", [], list).read_only().internal(),
    ]
}

fn keep(tx: &mut Tx<'_>, export: String, stream: String, next_offset: i64) -> Result<i64, Abort> {
    keep_position(tx, &export, &stream, next_offset)
}

/// The rows before that offset have arrived. A position never goes back.
pub fn keep_position(tx: &mut Tx<'_>, export: &str, stream: &str, next_offset: i64) -> Result<i64, Abort> {
    let at = tx.now_us();
    let known = tx.read().tollgate_exports().get(export, stream).map(|row| row.next_offset());
    let next_offset = known.map_or(next_offset, |known| known.max(next_offset));
    tx.tollgate_exports().upsert(TollgateExports { name: export, stream, next_offset, at })?;
    Ok(next_offset)
}

/// The position of an export in this partition's part of a stream, if one was ever kept.
pub fn position(store: &Store, export: &str, stream: &str) -> Option<u64> {
    let row = ReadTables::new(store, OWN_TABLES).tollgate_exports().get(export, stream)?;
    u64::try_from(row.next_offset()).ok()
}

/// `EXPORT`, `STREAM`, `NEXT_OFFSET`, `AT`.
fn list(tx: &mut Tx<'_>) -> Result<impl FnOnce(&mut Results<'_>) + use<>, Abort> {
    let read = tx.read();
    let rows = read.tollgate_exports().scan();
    let mut rows: Vec<_> = rows
        .map(|row| (row.name().to_string(), row.stream().to_string(), row.next_offset(), row.at()))
        .collect();
    rows.sort();
    Ok(move |results: &mut Results<'_>| {
        let columns = [
            ("EXPORT", VARCHAR_DEFAULT),
            ("STREAM", VARCHAR_DEFAULT),
            ("NEXT_OFFSET", Type::BigInt),
            ("AT", Type::Timestamp),
        ];
        results.table(&TableHeader::new(columns), |table| {
            for (export, stream, next_offset, at) in &rows {
                table.row(|row| {
                    row.put_str(export).put_str(stream).put_i64(*next_offset).put_timestamp(*at);
                });
            }
        });
    })
}
