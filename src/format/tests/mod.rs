//! Formats from outside: what is written is read as the same, the published messages, hostile bytes.

mod hostile;
mod published;
mod round_trip;

use super::{DecodeError, Decoder, Options};
use rand::{Rng, rngs::SmallRng};
use tollgate_procedures::parameter::Parameter;
use tollgate_schema::{
    catalog::TableDef,
    codec::ParamReader,
    ddl,
    record::encode_row,
    row::RowBuf,
    types::Type,
    value::{Decimal, Value},
};

pub(in crate::format) const EVERY_TYPE: &str = "CREATE STREAM every_type PARTITION ON COLUMN whole (
    tiny TINYINT, words VARCHAR(100), small SMALLINT, whole INTEGER NOT NULL, octets VARBINARY(40), big BIGINT,
    ratio FLOAT, exact DECIMAL, moment TIMESTAMP, more_words VARCHAR(100) NOT NULL);";

pub(in crate::format) fn table(ddl_text: &str) -> TableDef {
    ddl::parse(ddl_text).unwrap().tables.remove(0)
}

/// One parameter for each column.
pub(in crate::format) fn parameters_of(table: &TableDef) -> Vec<Parameter> {
    let parameter = |column: &tollgate_schema::catalog::ColumnDef| Parameter {
        name: column.name.to_ascii_lowercase(),
        column_type: column.column_type,
        nullable: column.nullable,
    };
    table.visible().iter().map(parameter).collect()
}

pub(in crate::format) fn row(table: &TableDef, values: &[Value]) -> RowBuf {
    let mut row = RowBuf::default();
    encode_row(table, values, 0, &mut row.fixed, &mut row.tail).unwrap();
    row
}

/// The values of a parameter set, which must be whole.
pub(in crate::format) fn values_of(set: &[u8]) -> Vec<Value> {
    let mut reader = ParamReader::new(set).unwrap();
    let values = reader.by_ref().map(|raw| raw.unwrap().to_value().unwrap()).collect();
    reader.finish().unwrap();
    values
}

pub(in crate::format) fn decoded(
    decoder: &Decoder,
    key: Option<&[u8]>,
    value: Option<&[u8]>,
) -> Result<Vec<Value>, DecodeError> {
    let mut out = vec![7];
    let result = decoder.decode(key, value, &mut out);
    assert_eq!(out[0], 7);
    if let Err(error) = result {
        assert_eq!(out.len(), 1, "an error leaves nothing behind");
        return Err(error);
    }
    Ok(values_of(&out[1..]))
}

pub(in crate::format) fn options(properties: &[(&str, &str)]) -> Options {
    let owned: Vec<_> =
        properties.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
    Options::parse(&owned).unwrap()
}

pub(in crate::format) fn parameter(name: &str, column_type: Type) -> Parameter {
    Parameter { name: name.to_owned(), column_type, nullable: false }
}

fn any_text(random: &mut SmallRng) -> String {
    const PIECES: [&str; 24] = [
        "",
        "a",
        "NULL",
        "\\N",
        "nil",
        ",",
        "\t",
        " ",
        "\"",
        "'",
        "\\",
        "\n",
        "\r",
        "\r\n",
        ";",
        "|",
        "é",
        "地",
        "\u{1}",
        "\u{7f}",
        "\u{1F687}",
        "0",
        "{",
        "]",
    ];
    (0..random.random_range(0..6)).map(|_| PIECES[random.random_range(0..PIECES.len())]).collect()
}

/// A value of the type; often an extreme one.
pub(in crate::format) fn any_value(random: &mut SmallRng, column_type: Type) -> Value {
    let extreme = random.random_range(0..5) == 0;
    let sign = if random.random() { 1 } else { -1 };
    let shifted = random.random::<i64>() >> random.random_range(0..64);
    match column_type {
        Type::TinyInt if extreme => Value::TinyInt(sign as i8 * i8::MAX),
        Type::TinyInt => Value::TinyInt((shifted as i8).max(-127)),
        Type::SmallInt if extreme => Value::SmallInt(sign as i16 * i16::MAX),
        Type::SmallInt => Value::SmallInt((shifted as i16).max(-32_767)),
        Type::Integer if extreme => Value::Integer(sign as i32 * i32::MAX),
        Type::Integer => Value::Integer((shifted as i32).max(-i32::MAX)),
        Type::BigInt if extreme => Value::BigInt(sign * i64::MAX),
        Type::BigInt => Value::BigInt(shifted.max(-i64::MAX)),
        Type::Float if extreme => {
            let numbers = [f64::MAX, -1.69e308, f64::MIN_POSITIVE, 5e-324, -0.0, 0.1, 1e7, 1e-3];
            Value::Float(numbers[random.random_range(0..numbers.len())])
        }
        Type::Float => loop {
            let number = f64::from_bits(random.random());
            if number.is_finite() && number > -1.7e308 {
                break Value::Float(number);
            }
        },
        Type::Decimal if extreme => Value::Decimal(Decimal(i128::from(sign) * (10_i128.pow(38) - 1))),
        Type::Decimal => Value::Decimal(Decimal(
            (random.random::<i128>() % 10_i128.pow(38)) >> random.random_range(0..127),
        )),
        Type::Timestamp if extreme => Value::Timestamp(sign * i64::MAX),
        Type::Timestamp => Value::Timestamp(shifted.max(-i64::MAX)),
        Type::Varchar { .. } => Value::Varchar(any_text(random)),
        Type::Varbinary { .. } => {
            Value::Varbinary((0..random.random_range(0..9)).map(|_| random.random()).collect())
        }
    }
}

pub(in crate::format) fn any_row(random: &mut SmallRng, table: &TableDef) -> Vec<Value> {
    let mut value = |column: &tollgate_schema::catalog::ColumnDef| {
        if column.nullable && random.random_range(0..4) == 0 {
            return Value::Null;
        }
        any_value(random, column.column_type)
    };
    table.columns.iter().map(&mut value).collect()
}
