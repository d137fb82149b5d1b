//! Procedures that read a stream, in the partition that the caller names:
//! - `@StreamRead(stream, offset, limit)`: the stream's first and next offset, then rows from an offset on;
//! - `@StreamBounds()`: first and next offset of each stream of the partition;
//! - `@StreamTime(stream, time)`: the first offset whose row is not older.

use crate::{
    abort::Abort,
    parameter::{FromParameter, Parameter, ParameterError, Timestamp},
    procedure::{Code, Kind, Procedure},
    results::Results,
    transaction::Tx,
};
use tollgate_schema::{
    catalog::{TableDef, TableId},
    codec::{ParamReader, RowWriter, TableHeader},
    record::column_value,
    row::RowRef,
    store::Store,
    typed::Access,
    types::{Type, VARCHAR_DEFAULT},
};

/// Rows that one `@StreamRead` answers with.
pub const STREAM_READ_ROWS_MAX: usize = 10_000;
/// It stops after the row that reaches this many bytes.
pub const STREAM_READ_BYTES_MAX: usize = 4 << 20;

/// See the module.
pub(super) fn procedures() -> Vec<Procedure> {
    let parameter =
        |name: &str, column_type| Parameter { name: name.to_string(), column_type, nullable: false };
    let of_read = vec![
        parameter("stream", VARCHAR_DEFAULT),
        parameter("offset", Type::BigInt),
        parameter("limit", Type::Integer),
    ];
    let read = Code::Single(Box::new(stream_read));
    let bounds = Code::Single(Box::new(stream_bounds));
    vec![
        Procedure::new("@StreamRead", of_read, Kind::Directed, read).read_only(),
        Procedure::new("@StreamBounds", Vec::new(), Kind::Directed, bounds).read_only(),
        Procedure::directed("@StreamTime", ["stream", "time"], stream_time).read_only().internal(),
    ]
}

fn stream_of(store: &Store, id: i32) -> Result<TableId, Abort> {
    let known = TableId::try_from(id).ok().filter(|&id| usize::from(id) < store.catalog().tables.len());
    let stream = known.filter(|&id| store.catalog().table(id).is_stream());
    stream.ok_or_else(|| Abort::user(format!("there is no stream {id}")))
}

/// The first offset whose row has that time or a later one, and the row's time; the next offset and NULL if
/// there is none. Times increase along a stream.
fn stream_time(
    tx: &mut Tx<'_>,
    stream: i32,
    time: Timestamp,
) -> Result<impl FnOnce(&mut Results<'_>) + use<>, Abort> {
    let store = tx.store();
    let stream = stream_of(store, stream)?;
    let time_at = |offset: u64| store.stream_read(stream, offset, 1).next().map(|(_, time_us, _)| time_us);
    let (mut low, next) = store.stream_bounds(stream);
    let mut high = next;
    while low < high {
        let middle = low + (high - low) / 2;
        if time_at(middle).is_some_and(|at_us| at_us < time.0) { low = middle + 1 } else { high = middle }
    }
    let found = time_at(low);
    Ok(move |results: &mut Results<'_>| {
        results.one_row(&TableHeader::new([("OFFSET", Type::BigInt), ("TIME", Type::Timestamp)]), |row| {
            row.put_i64(low as i64);
            match found {
                Some(time_us) => row.put_timestamp(time_us),
                None => row.put_null(),
            };
        });
    })
}

fn stream_read(tx: &mut Tx<'_>, parameters: &[u8], results: &mut Results<'_>) -> Result<(), Abort> {
    let mut reader = ParamReader::new(parameters).map_err(ParameterError::from)?;
    if reader.total() != 3 {
        return Err(ParameterError::count("@StreamRead", 3, reader.total()).into());
    }
    let name: String = take(&mut reader, "stream", 0)?;
    let offset: i64 = take(&mut reader, "offset", 1)?;
    let limit: i32 = take(&mut reader, "limit", 2)?;
    let refused = |name, at, reason: &str| Abort::from(ParameterError::value(name, at, reason.to_string()));
    let store = tx.store();
    let catalog = store.catalog();
    let stream = catalog.find(&name).filter(|&id| catalog.table(id).is_stream());
    let stream = stream.ok_or_else(|| refused("stream", 0, &format!("there is no stream {name}")))?;
    let offset = u64::try_from(offset).map_err(|_| refused("offset", 1, "offsets begin at 0"))?;
    let limit = usize::try_from(limit).map_err(|_| refused("limit", 2, "must not be negative"))?;
    let (first, next) = store.stream_bounds(stream);
    results.one_row(&bounds_header(&[]), |row| put_bounds(row, first, next));
    let columns =
        catalog.table(stream).visible().iter().map(|column| (column.name.as_str(), column.column_type));
    let head = [("OFFSET", Type::BigInt), ("TIMESTAMP", Type::Timestamp)];
    results.table(&TableHeader::new(head.into_iter().chain(columns)), |table| {
        for (offset, timestamp_us, row) in store.stream_read(stream, offset, limit.min(STREAM_READ_ROWS_MAX))
        {
            table.row(|cells| {
                cells.put_i64(offset as i64).put_timestamp(timestamp_us);
                put_row(cells, catalog.table(stream), row);
            });
            if table.len() >= STREAM_READ_BYTES_MAX {
                break;
            }
        }
    });
    Ok(())
}

fn take<T: FromParameter>(
    reader: &mut ParamReader<'_>,
    name: &str,
    position: usize,
) -> Result<T, ParameterError> {
    let raw = reader.next_param()?.expect("they were counted");
    T::from_parameter(&raw).map_err(|reason| ParameterError::value(name, position, reason))
}

fn put_row(cells: &mut RowWriter<'_>, def: &TableDef, row: RowRef<'_>) {
    for column in 0..def.visible().len() {
        cells.put_value(&column_value(def, row, column));
    }
}

fn stream_bounds(tx: &mut Tx<'_>, parameters: &[u8], results: &mut Results<'_>) -> Result<(), Abort> {
    let reader = ParamReader::new(parameters).map_err(ParameterError::from)?;
    if reader.total() != 0 {
        return Err(ParameterError::count("@StreamBounds", 0, reader.total()).into());
    }
    let store: &Store = tx.store();
    results.table(&bounds_header(&[("STREAM", VARCHAR_DEFAULT)]), |table| {
        for (def, id) in store.catalog().tables.iter().zip(0..).filter(|(def, _)| def.is_stream()) {
            let (first, next) = store.stream_bounds(id);
            table.row(|row| {
                row.put_str(&def.name);
                put_bounds(row, first, next);
            });
        }
    });
    Ok(())
}

fn bounds_header(before: &[(&'static str, Type)]) -> TableHeader {
    let bounds = [("FIRST_OFFSET", Type::BigInt), ("NEXT_OFFSET", Type::BigInt)];
    TableHeader::new(before.iter().copied().chain(bounds))
}

fn put_bounds(row: &mut RowWriter<'_>, first: u64, next: u64) {
    row.put_i64(first as i64).put_i64(next as i64);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Registry;
    use std::sync::Arc;
    use tollgate_schema::{
        codec::{ParamWriter, TableReader},
        dynamic,
        value::Value,
    };

    const STREAMS: &str =
        "CREATE STREAM s (id INTEGER NOT NULL, note VARCHAR(9)); CREATE TABLE t (a INTEGER);";

    fn store(rows: i32) -> (Registry, Store) {
        let registry = Registry::new().schema("test", STREAMS, []).unwrap();
        let mut store = Store::new(Arc::new(registry.catalog().clone()));
        let stream = registry.catalog().find("S").unwrap();
        for n in 0..rows {
            dynamic::insert(&mut store, stream, &[Value::Integer(n), Value::Null], i64::from(n) * 10)
                .unwrap();
        }
        (registry, store)
    }

    /// The result tables' rows.
    fn call(
        registry: &Registry,
        store: &mut Store,
        name: &str,
        parameters: &[Value],
    ) -> Result<Vec<Vec<Vec<Value>>>, Abort> {
        let registered = registry.get(registry.find(name).unwrap());
        let Code::Single(code) = &registered.procedure.code else { panic!("runs in one partition") };
        let mut bytes = Vec::new();
        let mut writer = ParamWriter::new(&mut bytes);
        parameters.iter().for_each(|value| {
            writer.put_value(value);
        });
        writer.finish();
        let mut out = Vec::new();
        code(&mut Tx::new(store, registered.base, 1, 1), &bytes, &mut Results::new(&mut out))?;
        let mut tables = Vec::new();
        let mut rest = &out[..];
        while let Some((length, after)) = rest.split_first_chunk() {
            let (table, after) = after.split_at(i32::from_be_bytes(*length) as usize);
            tables.push(TableReader::new(table).unwrap().to_values().unwrap());
            rest = after;
        }
        Ok(tables)
    }

    fn read(offset: i64, limit: i32) -> [Value; 3] {
        [Value::Varchar("s".to_string()), Value::BigInt(offset), Value::Integer(limit)]
    }

    #[test]
    fn a_stream_is_read_from_an_offset_on() {
        let (registry, mut store) = store(5);
        let stream = registry.catalog().find("S").unwrap();
        store.trim_stream(stream, 1);
        let tables = call(&registry, &mut store, "@StreamRead", &read(0, 2)).unwrap();
        assert_eq!(tables[0], [[Value::BigInt(1), Value::BigInt(5)]]);
        let row = |n: i32| {
            vec![Value::BigInt(n.into()), Value::Timestamp(i64::from(n) * 10), Value::Integer(n), Value::Null]
        };
        assert_eq!(tables[1], [row(1), row(2)]);
        assert_eq!(call(&registry, &mut store, "@StreamRead", &read(4, 9)).unwrap()[1], [row(4)]);
        assert!(call(&registry, &mut store, "@StreamRead", &read(9, 9)).unwrap()[1].is_empty());
        let bounds = call(&registry, &mut store, "@StreamBounds", &[]).unwrap();
        assert_eq!(bounds, [[[Value::Varchar("S".to_string()), Value::BigInt(1), Value::BigInt(5)]]]);
    }

    #[test]
    fn what_is_no_stream_or_offset_is_named() {
        let (registry, mut store) = store(1);
        let mut check = |parameters: [Value; 3], text: &str| {
            let error = call(&registry, &mut store, "@StreamRead", &parameters).unwrap_err();
            assert_eq!(error.to_string(), text);
        };
        let [_, offset, limit] = read(0, 1);
        check(
            [Value::Varchar("t".to_string()), offset, limit],
            "parameter stream (position 0): there is no stream t",
        );
        check(read(-1, 1), "parameter offset (position 1): offsets begin at 0");
        check(read(0, -1), "parameter limit (position 2): must not be negative");
    }
}
