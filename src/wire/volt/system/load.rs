//! `@LoadSinglepartitionTable(key, table, upsert, rows)` and `@LoadMultipartitionTable(table, upsert, rows)`: what
//! bulk loaders send. Only their parameters are read here; the server writes the rows.

use tollgate_schema::codec::{RawParam, TableReader};

use super::{SystemError, read_params};

/// Rows for one table.
#[derive(Clone, Copy, Debug)]
pub struct LoadRequest<'a> {
    /// Bytes of the partitioning key, for the single-partition form: eight little-endian for a number, UTF-8 for a
    /// text. They only choose the partition.
    pub key: Option<&'a [u8]>,
    /// As the caller wrote it.
    pub table: &'a str,
    /// Replace rows whose primary key is there already; else such a row fails the call.
    pub upsert: bool,
    pub rows: TableReader<'a>,
}

impl<'a> LoadRequest<'a> {
    /// `params`: the parameter set of `@LoadSinglepartitionTable`.
    pub fn read_single(params: &'a [u8]) -> Result<LoadRequest<'a>, SystemError> {
        const NAME: &str = "@LoadSinglepartitionTable";
        match read_params(NAME, params)?[..] {
            [key, table, upsert, rows] => {
                let key = match key {
                    RawParam::Varbinary(bytes) => bytes,
                    RawParam::Varchar(text) => text.as_bytes(),
                    RawParam::Array(array) => array.tinyint_bytes().ok_or_else(|| wrong(NAME, 0, key))?,
                    _ => return Err(wrong(NAME, 0, key)),
                };
                Ok(LoadRequest { key: Some(key), ..read(NAME, 1, table, upsert, rows)? })
            }
            _ => Err(SystemError::graceful(format!("{NAME} takes the key, the table, upsert and the rows"))),
        }
    }

    /// `params`: the parameter set of `@LoadMultipartitionTable`.
    pub fn read_multi(params: &'a [u8]) -> Result<LoadRequest<'a>, SystemError> {
        const NAME: &str = "@LoadMultipartitionTable";
        match read_params(NAME, params)?[..] {
            [table, upsert, rows] => read(NAME, 0, table, upsert, rows),
            _ => Err(SystemError::graceful(format!("{NAME} takes the table, upsert and the rows"))),
        }
    }
}

/// The parameters that both forms have, from `position` on.
fn read<'a>(
    procedure: &str,
    position: usize,
    table: RawParam<'a>,
    upsert: RawParam<'a>,
    rows: RawParam<'a>,
) -> Result<LoadRequest<'a>, SystemError> {
    let RawParam::Table(body) = rows else { return Err(wrong(procedure, position + 2, rows)) };
    Ok(LoadRequest {
        key: None,
        table: table.as_str().ok_or_else(|| wrong(procedure, position, table))?,
        upsert: upsert.as_integer().ok_or_else(|| wrong(procedure, position + 1, upsert))? != 0,
        rows: TableReader::new(body)
            .map_err(|e| SystemError::graceful(format!("{procedure}: parameter {}: {e}", position + 2)))?,
    })
}

fn wrong(procedure: &str, position: usize, param: RawParam<'_>) -> SystemError {
    SystemError::graceful(format!("{procedure}: parameter {position} can't be of type {}", param.type_name()))
}

#[cfg(test)]
mod tests {
    use tollgate_schema::{
        codec::{ParamWriter, TableHeader},
        types::Type,
        value::Value,
    };

    use super::*;

    #[test]
    fn both_forms() {
        let mut table = Vec::new();
        TableHeader::new([("ID", Type::Integer)]).one_row(&mut table, |r| {
            r.put_i32(7);
        });
        let mut params = Vec::new();
        let mut writer = ParamWriter::new(&mut params);
        writer.put_bytes(&7i64.to_le_bytes()).put_str("CARDS").put_i8(1).put_table(&table);
        writer.finish();
        let request = LoadRequest::read_single(&params).unwrap();
        assert_eq!(
            (request.key, request.table, request.upsert),
            (Some(&[7, 0, 0, 0, 0, 0, 0, 0][..]), "CARDS", true)
        );
        assert_eq!(request.rows.to_values().unwrap(), [[Value::Integer(7)]]);
        assert!(LoadRequest::read_multi(&params).is_err());

        let mut params = Vec::new();
        let mut writer = ParamWriter::new(&mut params);
        writer.put_str("STATIONS").put_i8(0).put_table(&table);
        writer.finish();
        let request = LoadRequest::read_multi(&params).unwrap();
        assert_eq!((request.key, request.table, request.upsert), (None, "STATIONS", false));
    }

    #[test]
    fn refusals_name_the_parameter() {
        let mut params = Vec::new();
        let mut writer = ParamWriter::new(&mut params);
        writer.put_str("STATIONS").put_i8(0).put_i8(1);
        writer.finish();
        let error = LoadRequest::read_multi(&params).unwrap_err();
        assert_eq!(error.text, "@LoadMultipartitionTable: parameter 2 can't be of type TINYINT");
    }
}
