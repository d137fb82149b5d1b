//! Result tables as JSON, written straight from the response's bytes. DECIMAL is a string (no digit is lost),
//! VARBINARY hexadecimal, TIMESTAMP the number of microseconds since 1970.

use crate::wire::volt::response::{APP_STATUS_NOT_SET, Response, Tables};
use serde::{
    Serialize, Serializer,
    ser::{Error, SerializeMap, SerializeSeq},
};
use tollgate_schema::codec::{CodecError, RawParam, RowReader, TableReader, code};

/// `{"status":"ok","results":[…]}` of a call that succeeded.
pub(super) struct Success<'a>(pub(super) &'a Response<'a>);

impl Serialize for Success<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let response = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("status", "ok")?;
        if response.app_status != APP_STATUS_NOT_SET {
            map.serialize_entry("app_status", &response.app_status)?;
        }
        if let Some(text) = response.app_status_text {
            map.serialize_entry("app_status_text", text)?;
        }
        map.serialize_entry("results", &ByTable(response.tables, Table))?;
        map.end()
    }
}

/// An array with each table in the form that the function gives it.
pub(super) struct ByTable<'a, F>(pub(super) Tables<'a>, pub(super) F);

impl<'a, T: Serialize, F: Fn(TableReader<'a>) -> T> Serialize for ByTable<'a, F> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(usize::from(self.0.count)))?;
        for table in self.0.iter() {
            list.serialize_element(&self.1(table.map_err(S::Error::custom)?))?;
        }
        list.end()
    }
}

/// `{"columns":[{"name","type"}],"rows":[[…]]}`.
struct Table<'a>(TableReader<'a>);

impl Serialize for Table<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Column<'a> {
            name: &'a str,
            #[serde(rename = "type")]
            type_name: &'static str,
        }
        let columns = self.0.columns().map(|(name, code)| Column { name, type_name: code::name(code) });
        let columns: Vec<_> = columns.collect();
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("columns", &columns)?;
        map.serialize_entry("rows", &RowArrays(self.0))?;
        map.end()
    }
}

/// `[[cell, …], …]`.
pub(super) struct RowArrays<'a>(pub(super) TableReader<'a>);

impl Serialize for RowArrays<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        struct Cells<'a>(RowReader<'a>);
        impl Serialize for Cells<'_> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let mut list = serializer.serialize_seq(None)?;
                for cell in self.0 {
                    list.serialize_element(&Cell::of::<S>(cell)?)?;
                }
                list.end()
            }
        }
        let mut list = serializer.serialize_seq(None)?;
        for row in self.0.rows() {
            list.serialize_element(&Cells(row.map_err(S::Error::custom)?))?;
        }
        list.end()
    }
}

/// `[{"column": cell, …}, …]`.
pub(super) struct RowObjects<'a>(pub(super) TableReader<'a>);

impl Serialize for RowObjects<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let names: Vec<&str> = self.0.columns().map(|(name, _)| name).collect();
        let mut list = serializer.serialize_seq(None)?;
        for row in self.0.rows() {
            list.serialize_element(&Named { names: &names, cells: row.map_err(S::Error::custom)? })?;
        }
        list.end()
    }
}

/// The next cells of a row by these names.
pub(super) struct Named<'a> {
    pub(super) names: &'a [&'a str],
    pub(super) cells: RowReader<'a>,
}

impl Serialize for Named<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.names.len()))?;
        for (name, cell) in self.names.iter().zip(self.cells) {
            map.serialize_entry(name, &Cell::of::<S>(cell)?)?;
        }
        map.end()
    }
}

/// One value.
struct Cell<'a>(RawParam<'a>);

impl<'a> Cell<'a> {
    fn of<S: Serializer>(cell: Result<RawParam<'a>, CodecError>) -> Result<Cell<'a>, S::Error> {
        cell.map(Cell).map_err(S::Error::custom)
    }
}

impl Serialize for Cell<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            RawParam::Null => serializer.serialize_unit(),
            RawParam::TinyInt(v) => serializer.serialize_i8(v),
            RawParam::SmallInt(v) => serializer.serialize_i16(v),
            RawParam::Integer(v) => serializer.serialize_i32(v),
            RawParam::BigInt(v) | RawParam::Timestamp(v) => serializer.serialize_i64(v),
            RawParam::Float(v) => serializer.serialize_f64(v),
            RawParam::Decimal(v) => serializer.collect_str(&v),
            RawParam::Varchar(v) => serializer.serialize_str(v),
            RawParam::Varbinary(v) => serializer.collect_str(&Hex(v)),
            RawParam::Table(_) | RawParam::Array(_) => Err(S::Error::custom("a cell is a plain value")),
        }
    }
}

struct Hex<'a>(&'a [u8]);

impl std::fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02X}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tollgate_schema::{
        codec::{TableHeader, TableWriter},
        types::{Type, VARCHAR_DEFAULT},
        value::Decimal,
    };

    fn table() -> Vec<u8> {
        let binary = Type::Varbinary { max: 4 };
        let header = TableHeader::new([
            ("ID", Type::BigInt),
            ("AMOUNT", Type::Decimal),
            ("NAME", VARCHAR_DEFAULT),
            ("BYTES", binary),
            ("AT", Type::Timestamp),
            ("RATIO", Type::Float),
        ]);
        let mut bytes = Vec::new();
        let mut table = TableWriter::new(&mut bytes, &header);
        table.row(|row| {
            row.put_i64(i64::MAX).put_decimal(Decimal(1)).put_str("a\"é").put_bytes(&[0, 255]);
            row.put_timestamp(-1).put_f64(0.5);
        });
        table.row(|row| {
            row.put_null().put_null().put_null().put_null().put_null().put_null();
        });
        table.finish();
        bytes
    }

    #[test]
    fn tables_keep_every_digit() {
        let bytes = table();
        let response = Response::success(1, Tables { count: 1, bytes: &bytes });
        let expected = r#"{"status":"ok","results":[{"columns":[{"name":"ID","type":"BIGINT"},
            {"name":"AMOUNT","type":"DECIMAL"},{"name":"NAME","type":"VARCHAR"},{"name":"BYTES","type":"VARBINARY"},
            {"name":"AT","type":"TIMESTAMP"},{"name":"RATIO","type":"FLOAT"}],
            "rows":[[9223372036854775807,"0.000000000001","a\"é","00FF",-1,0.5],[null,null,null,null,null,null]]}]}"#;
        assert_eq!(
            serde_json::to_string(&Success(&response)).unwrap(),
            expected.replace("\n            ", "")
        );
        let response = Response { app_status: 3, ..Response::success(1, Tables::default()) };
        assert_eq!(
            serde_json::to_string(&Success(&response)).unwrap(),
            r#"{"status":"ok","app_status":3,"results":[]}"#
        );
    }

    #[test]
    fn rows_by_name() {
        let bytes = table();
        let tables = Tables { count: 1, bytes: &bytes };
        let json = serde_json::to_string(&ByTable(tables, RowObjects)).unwrap();
        let start = r#"[[{"ID":9223372036854775807,"AMOUNT":"0.000000000001","NAME":"a\"é","BYTES":"00FF""#;
        assert!(json.starts_with(start), "{json}");
    }

    #[test]
    fn broken_bytes_are_an_error() {
        let mut bytes = table();
        let at = bytes.len() - 20;
        bytes[at] ^= 0x55;
        let tables = Tables { count: 1, bytes: &bytes };
        for cut in 0..bytes.len() {
            let mut cut_table = bytes[..cut.max(4)].to_vec();
            let length = (cut_table.len() as i32 - 4).to_be_bytes();
            cut_table[..4].copy_from_slice(&length);
            let tables = Tables { count: 1, bytes: &cut_table };
            assert!(serde_json::to_string(&ByTable(tables, Table)).is_err(), "cut at {cut}");
        }
        let _ = serde_json::to_string(&ByTable(tables, Table));
    }
}
