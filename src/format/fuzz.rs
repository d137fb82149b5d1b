//! For the fuzzers: every reader of outside bytes, over every type of parameter.

use super::{DecodeError, Decoder, Format, Options, options::CsvOptions};
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

/// `Ok` if some of the parameters can be read from it, or else what is wrong for all of them.
fn decode(options: &Options, message: &[u8]) -> Result<(), DecodeError> {
    let mut out = b"before".to_vec();
    let mut said = None;
    for count in [18, 3, 0] {
        let decoder = Decoder::new(&parameters()[..count], options).expect("these are few parameters");
        let result = decoder.decode(Some(message), Some(message), &mut out);
        assert_eq!(
            result.is_err(),
            out == b"before",
            "an error leaves nothing behind, and nothing else does"
        );
        out.truncate(b"before".len());
        let earlier = said.get_or_insert_with(|| result.clone());
        if result.is_ok() {
            *earlier = Ok(());
        }
    }
    said.expect("there were some")
}

/// A message's bytes as CSV, with the usual options and with unusual ones.
pub fn csv(message: &[u8]) -> Result<(), DecodeError> {
    let usual = decode(&Options::default(), message);
    let csv = CsvOptions {
        separator: b'\t',
        quote: b'\'',
        escape: Some(b'\\'),
        null: Some("nil".to_owned()),
        strict_quotes: true,
        ignore_blanks: false,
        quote_all: false,
    };
    let unusual = decode(&Options { csv, include_key: true, ..Options::default() }, message);
    usual.or(unusual)
}

/// A message's bytes as JSON.
pub fn json(message: &[u8]) -> Result<(), DecodeError> {
    let with = |include_key| Options { input_format: Format::Json, include_key, ..Options::default() };
    let (without_key, with_key) = (decode(&with(false), message), decode(&with(true), message));
    without_key.or(with_key)
}

/// With a field of each type there is.
pub const AVRO_SCHEMA: &str = r#"{"type":"record","name":"r","fields":[
        {"name":"tiny","type":"int"}, {"name":"maybe_tiny","type":["null","long"]}, {"name":"small","type":"boolean"},
        {"name":"big","type":{"type":"long","logicalType":"timestamp-millis"}}, {"name":"ratio","type":"float"},
        {"name":"exact","type":{"type":"bytes","logicalType":"decimal","precision":40,"scale":20}},
        {"name":"words","type":["string","bytes"]}, {"name":"octets","type":{"type":"fixed","name":"f","size":3}},
        {"name":"moment","type":{"type":"long","logicalType":"timestamp-nanos"}},
        {"name":"maybe_words","type":{"type":"enum","name":"e","symbols":["A","B"]}},
        {"name":"whole","type":"int"}]}"#;

/// A message's bytes as Avro, by a schema with a field of each type there is.
pub fn avro(message: &[u8]) -> Result<(), DecodeError> {
    let options = Options { input_format: Format::Avro, ..Options::default() };
    let mut decoder = Decoder::new(&parameters(), &options).expect("these are few parameters");
    decoder.learn_schema(0, AVRO_SCHEMA);
    let mut out = Vec::new();
    let result = decoder.decode(None, Some(message), &mut out);
    assert_eq!(result.is_err(), out.is_empty(), "an error leaves nothing behind");
    result
}

/// A schema's text, and its canonical form once more.
pub fn avro_schema(text: &[u8]) -> Result<(), String> {
    let schema = super::avro::Schema::parse(&String::from_utf8_lossy(text));
    let schema = schema.map_err(|error| error.to_string())?;
    let again = super::avro::Schema::parse(&schema.canonical()).expect("a canonical text is a schema");
    assert_eq!(again.canonical(), schema.canonical());
    let _ = super::avro::incompatibilities(&schema, &again);
    Ok(())
}

/// A message that [`avro`] takes.
pub fn avro_example() -> Vec<u8> {
    let mut message = vec![0; 5];
    message.extend([2, 0, 1, 4]);
    message.extend(1.5f32.to_le_bytes());
    // A decimal of one byte; "ab"; three bytes; a moment; "A"; 1.
    message.extend([2, 7, 0, 4, b'a', b'b', 1, 2, 3, 6, 0, 2]);
    message
}
