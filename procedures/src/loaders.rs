//! VoltDB's bulk loading procedures, which its clients' loaders call with a table of rows:
//! - `@LoadSinglepartitionTable(key, table, upsert, rows)`: rows of one partition; `key` is a value of the
//!   partitioning column as bytes (integers eight little-endian bytes), whose hash is the integer's own;
//! - `@LoadMultipartitionTable(table, upsert, rows)`: rows of a replicated table, or of any partition.
//!
//! Table, upsert and rows may be given several times. A call is loaded entirely or not at all. The answer is
//! `modified_tuples`, once for each table given.

use crate::{
    abort::Abort,
    parameter::{Parameter, ParameterError},
    procedure::{Code, Kind, Procedure},
    results::Results,
    transaction::{MultiTx, Tx},
};
use tollgate_schema::{
    catalog::{Catalog, TableDef, TableId},
    codec::{ParamReader, RawParam, TableReader},
    dynamic,
    ring::Ring,
    store::{Store, WriteError},
    typed::Access,
    types::{Type, VALUE_BYTES_MAX, VARCHAR_DEFAULT},
    value::{Value, convert},
};

/// Both procedures.
pub fn procedures() -> Vec<Procedure> {
    let rows = ("rows", Type::Varbinary { max: VALUE_BYTES_MAX });
    let key = ("key", Type::Varbinary { max: VALUE_BYTES_MAX });
    let (table, upsert) = (("table", VARCHAR_DEFAULT), ("upsert", Type::TinyInt));
    let parameters = |list: &[(&str, Type)]| {
        let parameter = |&(name, column_type): &(&str, Type)| Parameter {
            name: name.to_string(),
            column_type,
            nullable: false,
        };
        list.iter().map(parameter).collect()
    };
    let (here, anywhere) = (Code::Single(Box::new(load_here)), Code::Multi(Box::new(load_anywhere)));
    let here_parameters = parameters(&[key, table, upsert, rows]);
    let anywhere_parameters = parameters(&[table, upsert, rows]);
    vec![
        Procedure::new("@LoadSinglepartitionTable", here_parameters, Kind::Single { parameter: 0 }, here),
        Procedure::new("@LoadMultipartitionTable", anywhere_parameters, Kind::Multi, anywhere),
    ]
}

/// What is to be loaded.
struct Load<'a> {
    table: TableId,
    upsert: bool,
    rows: TableReader<'a>,
}

impl<'a> Load<'a> {
    /// `skip`: parameters in front of the first table's name.
    fn read_all(
        catalog: &Catalog,
        procedure: &str,
        bytes: &'a [u8],
        skip: usize,
    ) -> Result<Vec<Load<'a>>, Abort> {
        let mut reader = ParamReader::new(bytes).map_err(ParameterError::from)?;
        let given = reader.total().saturating_sub(skip);
        if given == 0 || !given.is_multiple_of(3) {
            return Err(ParameterError::count(procedure, skip + 3, reader.total()).into());
        }
        for _ in 0..skip {
            reader.next_param().map_err(ParameterError::from)?;
        }
        let loads = (0..given / 3).map(|_| Load::read(catalog, &mut reader)).collect::<Result<_, _>>()?;
        reader.finish().map_err(ParameterError::from)?;
        Ok(loads)
    }

    fn read(catalog: &Catalog, reader: &mut ParamReader<'a>) -> Result<Load<'a>, Abort> {
        let skip = ParamReader::position(reader);
        let mut next =
            || Ok::<_, Abort>(reader.next_param().map_err(ParameterError::from)?.expect("counted above"));
        let wrong = |name: &str, position: usize, raw: &RawParam<'_>, wanted: &str| {
            Abort::from(ParameterError::value(
                name,
                skip + position,
                format!("{} is not {wanted}", raw.type_name()),
            ))
        };
        let (table, upsert, rows) = (next()?, next()?, next()?);
        let name = table.as_str().ok_or_else(|| wrong("table", 0, &table, "a table's name"))?;
        let upsert = upsert.as_integer().ok_or_else(|| wrong("upsert", 1, &upsert, "TINYINT"))? != 0;
        let RawParam::Table(body) = rows else { return Err(wrong("rows", 2, &rows, "a table")) };
        let refuse = |reason: String| Abort::from(ParameterError::value("rows", skip + 2, reason));
        let rows = TableReader::new(body).map_err(|e| refuse(e.to_string()))?;
        let table = catalog.find(name).filter(|&table| !catalog.table(table).is_internal());
        let table = table.ok_or_else(|| Abort::Row(format!("there is no table {name}")))?;
        let def = catalog.table(table);
        if def.is_view() {
            return Err(Abort::Row(format!("{} is a view", def.name)));
        }
        if upsert && def.primary_key.is_none() {
            return Err(Abort::Row(format!("{} has no primary key to upsert by", def.name)));
        }
        if rows.column_count() != def.visible().len() {
            return Err(refuse(format!(
                "{} columns, {} has {}",
                rows.column_count(),
                def.name,
                def.visible().len()
            )));
        }
        Ok(Load { table, upsert, rows })
    }

    /// Calls `each` with the values of each row; answers how many there were.
    fn each(
        self,
        catalog: &Catalog,
        mut each: impl FnMut(Vec<Value>) -> Result<(), Abort>,
    ) -> Result<i64, Abort> {
        let mut count = 0;
        let text = |abort| match abort {
            Abort::Write(error) => WriteError::message(&error, catalog),
            other => other.to_string(),
        };
        for row in self.rows.rows() {
            let malformed = |e: &dyn std::fmt::Display| Abort::Row(format!("row {}: {e}", count + 1));
            let values = row.and_then(|row| row.to_values()).map_err(|e| malformed(&e))?;
            each(values).map_err(|abort| Abort::Row(format!("row {}: {}", count + 1, text(abort))))?;
            count += 1;
        }
        Ok(count)
    }
}

fn put(store: &mut Store, table: TableId, upsert: bool, values: &[Value], now_us: i64) -> Result<(), Abort> {
    if upsert {
        dynamic::upsert(store, table, values, now_us)?;
    } else {
        dynamic::insert(store, table, values, now_us)?;
    }
    Ok(())
}

fn load_here(tx: &mut Tx<'_>, bytes: &[u8], results: &mut Results<'_>) -> Result<(), Abort> {
    let catalog = tx.store().catalog().clone();
    for load in Load::read_all(&catalog, "@LoadSinglepartitionTable", bytes, 1)? {
        let (table, upsert, now_us) = (load.table, load.upsert, Access::now_us(tx));
        let def = catalog.table(table);
        if def.partition_column.is_none() && !def.is_stream() {
            return Err(Abort::Row(format!("{} is replicated: use @LoadMultipartitionTable", def.name)));
        }
        let count = load.each(&catalog, |values| put(tx.store_mut(), table, upsert, &values, now_us))?;
        results.scalar("modified_tuples", count);
    }
    Ok(())
}

fn load_anywhere(tx: &mut MultiTx<'_>, bytes: &[u8], results: &mut Results<'_>) -> Result<(), Abort> {
    let catalog = tx.partition(0).store().catalog().clone();
    for load in Load::read_all(&catalog, "@LoadMultipartitionTable", bytes, 0)? {
        let count = load_everywhere(tx, &catalog, load)?;
        results.scalar("modified_tuples", count);
    }
    Ok(())
}

fn load_everywhere(tx: &mut MultiTx<'_>, catalog: &Catalog, load: Load<'_>) -> Result<i64, Abort> {
    let (table, upsert, now_us) = (load.table, load.upsert, tx.now_us());
    let def = catalog.table(table);
    load.each(catalog, |values| {
        let home = match def.partition_column {
            // A stream without a partitioning column has each row once, wherever it is.
            None if def.is_stream() => 0..1,
            None => 0..tx.partitions(),
            Some(column) => {
                let partition = home_of(tx.ring(), def, column, &values[column])?;
                partition..partition + 1
            }
        };
        for partition in home {
            put(tx.partition(partition).store_mut(), table, upsert, &values, now_us)?;
        }
        Ok(())
    })
}

/// The partition of a row whose partitioning column has this value.
fn home_of(ring: &Ring, def: &TableDef, column: usize, value: &Value) -> Result<usize, Abort> {
    let column = &def.columns[column];
    let refused = |reason: String| Abort::Row(format!("{}.{}: {reason}", def.name, column.name));
    let value = convert(value, column.column_type).map_err(|e| refused(e.to_string()))?;
    let partition = ring.partition_of_value(&value).ok_or_else(|| refused("must not be NULL".to_string()))?;
    Ok(usize::from(partition))
}
