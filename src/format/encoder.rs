//! Rows as messages: the value, and the key if there is one. Writes a million rows a second and more: each
//! column goes from the row's bytes to the message's without a value between.

use super::{
    avro::AvroWriter,
    cells::{Cell, Cells, Column},
    csv::{CsvWriter, put_bare},
    error::FormatError,
    json::JsonWriter,
    options::{Format, Options},
};
use tollgate_schema::{catalog::TableDef, row::RowRef};

/// Writes the messages of one stream.
#[derive(Clone, Debug)]
pub struct Encoder {
    value_columns: Vec<Column>,
    key_columns: Vec<Column>,
    value_writer: Writer,
    key_writer: KeyWriter,
}

#[derive(Clone, Debug)]
enum Writer {
    Csv(CsvWriter),
    Json(JsonWriter),
    Avro(AvroWriter),
}

#[derive(Clone, Debug)]
enum KeyWriter {
    /// One column's text, as it is.
    Bare,
    Several(Writer),
}

impl Encoder {
    /// `key_columns`: the stream's, which the property `consumer.keys` goes before.
    pub fn new(table: &TableDef, key_columns: &[usize], options: &Options) -> Result<Encoder, FormatError> {
        let visible = table.visible().len();
        let positions = match &options.value_columns {
            None => (0..visible).collect(),
            Some(names) => positions(table, "consumer.values", names)?,
        };
        let value_columns = columns(table, &positions);
        let key_columns = match &options.key_columns {
            None => columns(table, key_columns),
            Some(names) => columns(table, &positions_of_key(table, names)?),
        };
        let key_writer = match key_columns.len() {
            0 | 1 => KeyWriter::Bare,
            _ => KeyWriter::Several(Writer::new(
                options.key_format,
                &format!("{}_KEY", table.name),
                &key_columns,
                options,
            )?),
        };
        let value_writer = Writer::new(options.value_format, &table.name, &value_columns, options)?;
        Ok(Encoder { value_columns, key_columns, value_writer, key_writer })
    }

    /// The schema of the values, if they are Avro: the text to register.
    pub fn value_schema(&self) -> Option<&str> {
        self.value_writer.schema()
    }

    /// The schema of the keys, if they are Avro: those of several columns. A key of one column is plain text.
    pub fn key_schema(&self) -> Option<&str> {
        match &self.key_writer {
            KeyWriter::Several(writer) => writer.schema(),
            KeyWriter::Bare => None,
        }
    }

    /// Whether messages carry the numbers of schemas.
    pub fn has_schemas(&self) -> bool {
        self.value_schema().is_some() || self.key_schema().is_some()
    }

    /// The number that the schema of the values is registered under. Until it is told it is 0.
    pub fn set_value_schema_id(&mut self, id: u32) {
        self.value_writer.set_schema_id(id);
    }

    /// The same of the keys.
    pub fn set_key_schema_id(&mut self, id: u32) {
        if let KeyWriter::Several(writer) = &mut self.key_writer {
            writer.set_schema_id(id);
        }
    }

    /// Appends the message's value. The row must be one of the table's.
    pub fn value(&self, row: RowRef<'_>, out: &mut Vec<u8>) {
        self.value_writer.write(&self.value_columns, row, out);
    }

    /// Appends the message's key; false, and nothing appended, if it has none: the stream has no key columns,
    /// or its only one is NULL in this row.
    pub fn key(&self, row: RowRef<'_>, out: &mut Vec<u8>) -> bool {
        match (&self.key_writer, &self.key_columns[..]) {
            (_, []) => false,
            (KeyWriter::Several(writer), columns) => {
                writer.write(columns, row, out);
                true
            }
            (KeyWriter::Bare, [column, ..]) => {
                let cell = Cells::new(row).read(column);
                put_bare(cell, out);
                cell != Cell::Null
            }
        }
    }
}

fn positions_of_key(table: &TableDef, names: &[String]) -> Result<Vec<usize>, FormatError> {
    positions(table, "consumer.keys", names)
}

/// Of columns that clients know.
fn positions(table: &TableDef, property: &'static str, names: &[String]) -> Result<Vec<usize>, FormatError> {
    let visible = table.visible();
    let position = |name: &String| {
        visible.iter().position(|column| column.name.eq_ignore_ascii_case(name)).ok_or_else(|| {
            FormatError::NoColumn { name: property, table: table.name.clone(), column: name.clone() }
        })
    };
    names.iter().map(position).collect()
}

fn columns(table: &TableDef, positions: &[usize]) -> Vec<Column> {
    positions.iter().map(|&position| Column::new(table, position)).collect()
}

impl Writer {
    fn new(format: Format, name: &str, columns: &[Column], options: &Options) -> Result<Writer, FormatError> {
        Ok(match format {
            Format::Csv => Writer::Csv(CsvWriter::new(&options.csv)),
            Format::Json => Writer::Json(JsonWriter::new(columns)),
            Format::Avro => Writer::Avro(AvroWriter::new(name, columns, &options.avro)?),
        })
    }

    fn schema(&self) -> Option<&str> {
        match self {
            Writer::Avro(writer) => Some(writer.schema()),
            Writer::Csv(_) | Writer::Json(_) => None,
        }
    }

    fn set_schema_id(&mut self, id: u32) {
        if let Writer::Avro(writer) = self {
            writer.set_schema_id(id);
        }
    }

    fn write(&self, columns: &[Column], row: RowRef<'_>, out: &mut Vec<u8>) {
        let cells = Cells::new(row);
        match self {
            Writer::Csv(writer) => writer.record(columns, cells, out),
            Writer::Json(writer) => writer.object(columns, cells, out),
            Writer::Avro(writer) => writer.record(columns, cells, out),
        }
    }
}
