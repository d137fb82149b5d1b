//! A row as an Avro record, and the schema that says so.
//!
//! | column | schema |
//! |---|---|
//! | TINYINT, SMALLINT, INTEGER | `int` |
//! | BIGINT | `long` |
//! | FLOAT | `double` |
//! | DECIMAL | `bytes`, logical type `decimal`, precision 38, scale 12 |
//! | VARCHAR | `string` |
//! | VARBINARY | `bytes` |
//! | TIMESTAMP | `long`, logical type `timestamp-micros` or `timestamp-millis` |
//!
//! A column that may be NULL is a union of `null` and its type, null by default.

use super::{
    super::{
        cells::{Cell, Cells, Column},
        error::FormatError,
        options::{AvroOptions, AvroTimestamp},
    },
    bytes::{put_bytes, put_decimal, put_long},
    schema::is_name,
};
use tollgate_schema::types::Type;

/// What a message begins with, before the number of its schema.
pub(super) const MAGIC: u8 = 0;

/// Microseconds of a millisecond.
pub(super) const MICROS_PER_MILLI: i64 = 1000;

/// Writes records of one schema.
#[derive(Clone, Debug)]
pub(in super::super) struct AvroWriter {
    schema: String,
    schema_id: u32,
    timestamp: AvroTimestamp,
}

impl AvroWriter {
    /// `name`: of the record.
    pub(in super::super) fn new(
        name: &str,
        columns: &[Column],
        options: &AvroOptions,
    ) -> Result<AvroWriter, FormatError> {
        let names = std::iter::once(name).chain(columns.iter().map(|column| column.name.as_str()));
        if let Some(wrong) = names.into_iter().find(|name| !is_name(name)) {
            return Err(FormatError::Schema(format!("{wrong:?} is no name in Avro")));
        }
        let namespace =
            options.namespace.as_ref().map_or_else(String::new, |text| format!("\"namespace\":\"{text}\","));
        let fields: Vec<String> = columns.iter().map(|column| field(column, options.timestamp)).collect();
        let fields = fields.join(",");
        let schema = format!("{{\"type\":\"record\",\"name\":\"{name}\",{namespace}\"fields\":[{fields}]}}");
        Ok(AvroWriter { schema, schema_id: 0, timestamp: options.timestamp })
    }

    pub(in super::super) fn schema(&self) -> &str {
        &self.schema
    }

    pub(in super::super) fn set_schema_id(&mut self, id: u32) {
        self.schema_id = id;
    }

    /// The columns are those it was made for, the row is one of their table.
    pub(in super::super) fn record(&self, columns: &[Column], mut cells: Cells<'_>, out: &mut Vec<u8>) {
        out.push(MAGIC);
        out.extend_from_slice(&self.schema_id.to_be_bytes());
        for column in columns {
            let cell = cells.read(column);
            // The branch of the union: null is the first.
            match (column.nullable, cell) {
                (true, Cell::Null) => {
                    put_long(0, out);
                    continue;
                }
                (true, _) => put_long(1, out),
                (false, _) => {}
            }
            self.put(cell, out);
        }
    }

    fn put(&self, cell: Cell<'_>, out: &mut Vec<u8>) {
        match cell {
            // No NULL is ever in a column that is NOT NULL.
            Cell::Null => {}
            Cell::Integer(number) => put_long(number, out),
            Cell::Float(number) => out.extend_from_slice(&number.to_le_bytes()),
            Cell::Decimal(number) => put_decimal(number, out),
            Cell::Text(bytes) | Cell::Binary(bytes) => put_bytes(bytes, out),
            Cell::Timestamp(micros) => match self.timestamp {
                AvroTimestamp::Microseconds => put_long(micros, out),
                AvroTimestamp::Milliseconds => put_long(micros.div_euclid(MICROS_PER_MILLI), out),
            },
        }
    }
}

fn field(column: &Column, timestamp: AvroTimestamp) -> String {
    let name = &column.name;
    let of_type = type_of(column.column_type, timestamp);
    if column.nullable {
        return format!("{{\"name\":\"{name}\",\"type\":[\"null\",{of_type}],\"default\":null}}");
    }
    format!("{{\"name\":\"{name}\",\"type\":{of_type}}}")
}

fn type_of(column_type: Type, timestamp: AvroTimestamp) -> &'static str {
    match (column_type, timestamp) {
        (Type::TinyInt | Type::SmallInt | Type::Integer, _) => "\"int\"",
        (Type::BigInt, _) => "\"long\"",
        (Type::Float, _) => "\"double\"",
        (Type::Decimal, _) => r#"{"type":"bytes","logicalType":"decimal","precision":38,"scale":12}"#,
        (Type::Varchar { .. }, _) => "\"string\"",
        (Type::Varbinary { .. }, _) => "\"bytes\"",
        (Type::Timestamp, AvroTimestamp::Microseconds) => {
            r#"{"type":"long","logicalType":"timestamp-micros"}"#
        }
        (Type::Timestamp, AvroTimestamp::Milliseconds) => {
            r#"{"type":"long","logicalType":"timestamp-millis"}"#
        }
    }
}
