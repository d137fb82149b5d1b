//! For the fuzzers: every reader of outside bytes, over every type of parameter.

use super::{Decoder, Format, Options, options::CsvOptions};
use tollgate_procedures::parameter::Parameter;
use tollgate_schema::types::{Type, VALUE_BYTES_MAX, VARCHAR_DEFAULT};

/// One parameter of each type that may be NULL, after one of the same that may not.
pub fn parameters() -> Vec<Parameter> {
    let types = [
        ("tiny", Type::TinyInt),
        ("small", Type::SmallInt),
        ("whole", Type::Integer),
        ("big", Type::BigInt),
        ("ratio", Type::Float),
        ("exact", Type::Decimal),
        ("words", VARCHAR_DEFAULT),
        ("octets", Type::Varbinary { max: VALUE_BYTES_MAX }),
        ("moment", Type::Timestamp),
    ];
    let parameter = |prefix: &str, nullable, (name, column_type): (&str, Type)| Parameter {
        name: format!("{prefix}{name}"),
        column_type,
        nullable,
    };
    let both = |typed| [parameter("", false, typed), parameter("maybe_", true, typed)];
    types.into_iter().flat_map(both).collect()
}

fn decode(options: &Options, message: &[u8]) {
    let mut out = b"before".to_vec();
    for count in [18, 3, 0] {
        let decoder = Decoder::new(&parameters()[..count], options).expect("these are few parameters");
        let result = decoder.decode(Some(message), Some(message), &mut out);
        assert_eq!(
            result.is_err(),
            out == b"before",
            "an error leaves nothing behind, and nothing else does"
        );
        out.truncate(b"before".len());
    }
}

/// A message's bytes as CSV, with the usual options and with unusual ones.
pub fn csv(message: &[u8]) {
    decode(&Options::default(), message);
    let csv = CsvOptions {
        separator: b'\t',
        quote: b'\'',
        escape: Some(b'\\'),
        null: Some("nil".to_owned()),
        strict_quotes: true,
        ignore_blanks: false,
        quote_all: false,
    };
    decode(&Options { csv, include_key: true, ..Options::default() }, message);
}

/// A message's bytes as JSON.
pub fn json(message: &[u8]) {
    for include_key in [false, true] {
        decode(&Options { input_format: Format::Json, include_key, ..Options::default() }, message);
    }
}

/// A message's bytes as Avro, by a schema with a field of each type there is.
pub fn avro(message: &[u8]) {
    const SCHEMA: &str = r#"{"type":"record","name":"r","fields":[
        {"name":"tiny","type":"int"}, {"name":"maybe_tiny","type":["null","long"]}, {"name":"small","type":"boolean"},
        {"name":"big","type":{"type":"long","logicalType":"timestamp-millis"}}, {"name":"ratio","type":"float"},
        {"name":"exact","type":{"type":"bytes","logicalType":"decimal","precision":40,"scale":20}},
        {"name":"words","type":["string","bytes"]}, {"name":"octets","type":{"type":"fixed","name":"f","size":3}},
        {"name":"moment","type":{"type":"long","logicalType":"timestamp-nanos"}},
        {"name":"whole","type":{"type":"enum","name":"e","symbols":["A","B"]}}]}"#;
    let options = Options { input_format: Format::Avro, ..Options::default() };
    let mut decoder = Decoder::new(&parameters(), &options).expect("these are few parameters");
    decoder.learn_schema(0, SCHEMA);
    let mut out = Vec::new();
    if decoder.decode(None, Some(message), &mut out).is_err() {
        assert!(out.is_empty(), "an error leaves nothing behind");
    }
}

/// A schema's text, and its canonical form once more.
pub fn avro_schema(text: &[u8]) {
    let Ok(schema) = super::avro::Schema::parse(&String::from_utf8_lossy(text)) else { return };
    let again = super::avro::Schema::parse(&schema.canonical()).expect("a canonical text is a schema");
    assert_eq!(again.canonical(), schema.canonical());
    let _ = super::avro::incompatibilities(&schema, &again);
}
