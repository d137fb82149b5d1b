//! Records there and back, schemas of others, and what resolution allows.

use super::{super::tests::*, *};
use crate::format::{DecodeError, Decoder, Encoder};
use rand::{Rng, SeedableRng, rngs::SmallRng};
use tollgate_procedures::parameter::Parameter;
use tollgate_schema::{
    types::{Type, VARCHAR_DEFAULT},
    value::{Decimal, Value},
};

const ID: u32 = 70_000;

#[test]
fn rows_there_and_back() {
    let table = table(EVERY_TYPE);
    let options = options(&[("topic.format", "avro"), ("config.avro.namespace", "com.example")]);
    let mut encoder = Encoder::new(&table, &[], &options).unwrap();
    encoder.set_value_schema_id(ID);
    let mut decoder = Decoder::new(&parameters_of(&table), &options).unwrap();
    let mut random = SmallRng::seed_from_u64(31);
    for round in 0..3_000 {
        let values = any_row(&mut random, &table);
        let mut message = Vec::new();
        encoder.value(row(&table, &values).as_ref(), &mut message);
        assert_eq!(message[..5], [0, 0, 1, 0x11, 0x70]);
        if round == 0 {
            assert!(!decoder.knows_schema(ID));
            assert_eq!(decoded(&decoder, None, Some(&message)), Err(DecodeError::UnknownSchema { id: ID }));
            decoder.learn_schema(ID, encoder.value_schema().unwrap());
            assert!(decoder.knows_schema(ID));
        }
        assert_eq!(decoded(&decoder, None, Some(&message)).unwrap(), values);
    }
}

#[test]
fn the_schema_of_a_stream() {
    let table = table(
        "CREATE STREAM trips PARTITION ON COLUMN b (a VARCHAR(9), b INTEGER NOT NULL, c TIMESTAMP NOT NULL);",
    );
    let options = options(&[("topic.format", "avro"), ("config.avro.timestamp", "milliseconds")]);
    let encoder = Encoder::new(&table, &[1, 0], &options).unwrap();
    let expected = r#"{"type":"record","name":"TRIPS","fields":[{"name":"A","type":["null","string"],"default":null},{"name":"B","type":"int"},{"name":"C","type":{"type":"long","logicalType":"timestamp-millis"}}]}"#;
    assert_eq!(encoder.value_schema(), Some(expected));
    assert!(Schema::parse(expected).is_ok());
    let expected = r#"{"type":"record","name":"TRIPS_KEY","fields":[{"name":"B","type":"int"},{"name":"A","type":["null","string"],"default":null}]}"#;
    assert_eq!(encoder.key_schema(), Some(expected));
    let row = row(&table, &[Value::Null, Value::Integer(-1), Value::Timestamp(-1)]);
    let mut value = Vec::new();
    encoder.value(row.as_ref(), &mut value);
    assert_eq!(value, [0, 0, 0, 0, 0, 0, 1, 1], "a moment before 1970 is cut off towards the past");
    let mut key = Vec::new();
    assert!(encoder.key(row.as_ref(), &mut key));
    assert_eq!(key, [0, 0, 0, 0, 0, 1, 0]);
}

/// One parameter `p` read from one field of this type and these bytes.
#[track_caller]
fn check(field_type: &str, bytes: &[u8], wanted: Type, expected: Result<Value, &str>) {
    let mut decoder = Decoder::new(&[parameter("p", wanted)], &options(&[("topic.format", "avro")])).unwrap();
    let schema = format!(r#"{{"type":"record","name":"r","fields":[{{"name":"P","type":{field_type}}}]}}"#);
    decoder.learn_schema(1, &schema);
    let message = [&[0, 0, 0, 0, 1], bytes].concat();
    let read = decoded(&decoder, None, Some(&message)).map(|mut values| values.remove(0));
    assert_eq!(read.map_err(|error| error.to_string()), expected.map_err(str::to_owned), "{field_type}");
}

#[test]
fn types_of_others() {
    let millis = r#"{"type":"long","logicalType":"timestamp-millis"}"#;
    check("\"int\"", &[4], Type::BigInt, Ok(Value::BigInt(2)));
    check("\"long\"", &[3], Type::TinyInt, Ok(Value::TinyInt(-2)));
    check("\"long\"", &[4], Type::Float, Ok(Value::Float(2.0)));
    check("\"long\"", &[4], Type::Timestamp, Ok(Value::Timestamp(2)));
    check(millis, &[4], Type::Timestamp, Ok(Value::Timestamp(2_000)));
    check(millis, &[4], Type::BigInt, Ok(Value::BigInt(2)));
    check(
        r#"{"type":"int","logicalType":"date"}"#,
        &[2],
        Type::Timestamp,
        Ok(Value::Timestamp(86_400_000_000)),
    );
    check("\"double\"", &1.5f64.to_le_bytes(), Type::Float, Ok(Value::Float(1.5)));
    check("\"float\"", &3f32.to_le_bytes(), Type::Integer, Ok(Value::Integer(3)));
    check("\"boolean\"", &[1], Type::TinyInt, Ok(Value::TinyInt(1)));
    check("\"string\"", &[4, b'1', b'7'], Type::SmallInt, Ok(Value::SmallInt(17)));
    check("\"bytes\"", &[2, 0xff], Type::Varbinary { max: 9 }, Ok(Value::Varbinary(vec![0xff])));
    check(
        r#"["string",{"type":"enum","name":"e","symbols":["A","B"]}]"#,
        &[2, 2],
        VARCHAR_DEFAULT,
        Ok(Value::Varchar("B".to_owned())),
    );
    let price = r#"{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}"#;
    check(price, &[4, 0xff, 0x38], Type::Decimal, Ok(Value::Decimal(Decimal(-2_000_000_000_000))));
    let fine = r#"{"type":"fixed","name":"f","size":2,"logicalType":"decimal","precision":14,"scale":13}"#;
    check(fine, &[0, 15], Type::Decimal, Ok(Value::Decimal(Decimal(2))));
}

#[test]
fn what_is_wrong() {
    let name = "parameter p (position 0): ";
    let err = |reason: &str| format!("{name}{reason}");
    check("\"double\"", &1.5f64.to_le_bytes(), Type::Integer, Err(&err("'1.5' can't be read as INTEGER")));
    check(
        "\"long\"",
        &[0x80, 0x80, 0x80, 0x80, 0x20],
        Type::Integer,
        Err(&err("4294967296 is out of range for INTEGER")),
    );
    check("\"int\"", &[0x80], Type::Integer, Err(&err("the bytes end within a number")));
    check("\"int\"", &[0xff; 10], Type::Integer, Err(&err("a number of more than 64 bits")));
    check("\"string\"", &[200, 1, 1], VARCHAR_DEFAULT, Err(&err("100 bytes are needed, 1 are left")));
    check("\"string\"", &[1], VARCHAR_DEFAULT, Err(&err("-1 is no length")));
    check("\"string\"", &[2, 0xff], VARCHAR_DEFAULT, Err(&err("not valid UTF-8 from byte 0 on")));
    check("[\"null\",\"int\"]", &[0], Type::Integer, Err(&err("must not be NULL")));
    check("[\"null\",\"int\"]", &[4], Type::Integer, Err(&err("its union has no branch 2")));
    check("\"boolean\"", &[2], Type::TinyInt, Err(&err("2 is no boolean")));
    check("\"int\"", &[2, 0], Type::Integer, Err("value: 1 bytes follow the record"));
    check(
        r#"{"type":"array","items":"int"}"#,
        &[0],
        Type::Integer,
        Err("value: its schema: field P: array is not supported"),
    );
}

#[test]
fn fields_are_found_by_name() {
    let parameters =
        [parameter("a", Type::Integer), Parameter { nullable: true, ..parameter("b", Type::Integer) }];
    let mut decoder = Decoder::new(&parameters, &options(&[("topic.format", "avro")])).unwrap();
    let schema = |fields: &str| format!(r#"{{"type":"record","name":"r","fields":[{fields}]}}"#);
    decoder.learn_schema(
        1,
        &schema(r#"{"name":"B","type":"int"},{"name":"x","type":"string"},{"name":"A","type":"int"}"#),
    );
    decoder.learn_schema(2, &schema(r#"{"name":"A","type":"int"}"#));
    decoder.learn_schema(3, &schema(r#"{"name":"b","type":"int"}"#));
    decoder.learn_schema(4, &schema(r#"{"name":"a","type":"int"},{"name":"A","type":"int"}"#));
    let check = |message: &[u8], expected: Result<Vec<Value>, &str>| {
        let read = decoded(&decoder, None, Some(message)).map_err(|error| error.to_string());
        assert_eq!(read, expected.map_err(str::to_owned));
    };
    check(&[0, 0, 0, 0, 1, 2, 2, b'?', 4], Ok(vec![Value::Integer(2), Value::Integer(1)]));
    check(&[0, 0, 0, 0, 2, 2], Ok(vec![Value::Integer(1), Value::Null]));
    check(&[0, 0, 0, 0, 3, 2], Err("parameter a (position 0): its schema has no such field"));
    check(&[0, 0, 0, 0, 4, 2, 2], Err("value: parameter a (position 0) is given twice"));
    check(&[0, 0, 0, 0, 1, 2, 9, b'?', 4], Err("value: field x: -5 is no length"));
    check(&[0, 0, 0, 0, 5], Err("value: its schema, number 5, is not known"));
    check(&[1, 0, 0, 0, 5], Err("value: it does not begin with a zero byte and the number of a schema"));
    check(b"{}", Err("value: it does not begin with a zero byte and the number of a schema"));
}

#[test]
fn canonical_texts_and_fingerprints_as_published() {
    // From the specification's own test cases.
    let check = |text: &str, canonical: &str, fingerprint: i64| {
        let schema = Schema::parse(text).unwrap();
        assert_eq!(schema.canonical(), canonical);
        assert_eq!(schema.fingerprint() as i64, fingerprint, "{text}");
    };
    check("\"null\"", "\"null\"", 7_195_948_357_588_979_594);
    check(r#"{"type":"int"}"#, "\"int\"", 8_247_732_601_305_521_295);
    check("\"string\"", "\"string\"", -8_142_146_995_180_207_161);
    check(
        r#"{"type":"record","name":"x.R","doc":"d","fields":[{"default":1,"type":{"type":"long","logicalType":"timestamp-micros"},"name":"a"},{"name":"n","type":["null","R"]}]}"#,
        r#"{"name":"x.R","type":"record","fields":[{"name":"a","type":"long"},{"name":"n","type":["null","x.R"]}]}"#,
        Schema::parse(r#"{"name":"x.R","type":"record","fields":[{"name":"a","type":"long"},{"name":"n","type":["null","x.R"]}]}"#)
            .unwrap()
            .fingerprint() as i64,
    );
}

#[test]
fn texts_that_are_no_schemas() {
    let check =
        |text: &str, expected: &str| assert_eq!(Schema::parse(text).unwrap_err().to_string(), expected);
    check("7", "schema: 7 is no schema");
    check("\"missing\"", "schema: there is no type \"missing\"");
    check(r#"{"type":"record","name":"r"}"#, "r: its \"fields\" are missing");
    check(r#"{"type":"record","name":"1","fields":[]}"#, "schema: \"1\" is no name");
    check(
        r#"{"type":"record","name":"r","fields":[{"name":"a","type":"int"},{"name":"a","type":"int"}]}"#,
        "r: there are two fields \"a\"",
    );
    check(
        r#"{"type":"record","name":"r","fields":[{"name":"a","type":"int","default":"x"}]}"#,
        "r.a: the default \"x\" is not of the field's type",
    );
    check(r#"["int",["null"]]"#, "schema, branch 1: a union directly in a union");
    check(r#"["int","int"]"#, "schema, branch 1: the union has that type already");
    assert!(matches!(Schema::parse("{"), Err(SchemaError::Json(_))));
}

#[test]
fn what_a_schema_can_read() {
    let record = |fields: &str| {
        Schema::parse(&format!(r#"{{"type":"record","name":"r","fields":[{fields}]}}"#)).unwrap()
    };
    let check = |reader: &str, writer: &str, expected: &[&str]| {
        let found = incompatibilities(&record(reader), &record(writer));
        assert_eq!(
            found.iter().map(|found| found.kind).collect::<Vec<_>>(),
            expected,
            "{reader} from {writer}"
        );
    };
    let a = r#"{"name":"a","type":"int"}"#;
    let with_default = r#"{"name":"a","type":"int"},{"name":"b","type":["null","string"],"default":null}"#;
    let without = r#"{"name":"a","type":"int"},{"name":"b","type":"string"}"#;
    check(a, a, &[]);
    check(with_default, a, &[]);
    check(a, with_default, &[]);
    check(without, a, &["READER_FIELD_MISSING_DEFAULT_VALUE"]);
    check(without, with_default, &["TYPE_MISMATCH"]);
    check(with_default, without, &[]);
    check(r#"{"name":"a","type":"long"}"#, a, &[]);
    check(a, r#"{"name":"a","type":"long"}"#, &["TYPE_MISMATCH"]);
    check(r#"{"name":"z","aliases":["a"],"type":"double"}"#, a, &[]);
    check(r#"{"name":"a","type":["null","string"]}"#, a, &["MISSING_UNION_BRANCH"]);
    let symbols =
        |list: &str| format!(r#"{{"name":"e","type":{{"type":"enum","name":"E","symbols":[{list}]}}}}"#);
    check(&symbols(r#""A""#), &symbols(r#""A","B""#), &["MISSING_ENUM_SYMBOLS"]);
    check(&symbols(r#""A","B""#), &symbols(r#""A""#), &[]);
    let node = r#"{"name":"next","type":["null","r"],"default":null}"#;
    check(node, node, &[]);
}

#[test]
fn mutated_records_and_schemas() {
    let table = table(EVERY_TYPE);
    let options = options(&[("topic.format", "avro")]);
    let encoder = Encoder::new(&table, &[], &options).unwrap();
    let schema = encoder.value_schema().unwrap().to_owned();
    let mut decoder = Decoder::new(&parameters_of(&table), &options).unwrap();
    decoder.learn_schema(0, &schema);
    let mut random = SmallRng::seed_from_u64(32);
    for _ in 0..4_000 {
        let mut message = Vec::new();
        encoder.value(row(&table, &any_row(&mut random, &table)).as_ref(), &mut message);
        for _ in 0..random.random_range(1..4) {
            let at = random.random_range(5..=message.len());
            if random.random() {
                message.truncate(at);
            } else if let Some(byte) = message.get_mut(at) {
                *byte = random.random();
            }
        }
        let _ = decoded(&decoder, None, Some(&message));
        let _ = crate::format::fuzz::avro(&message);
        let mut text = schema.clone().into_bytes();
        let at = random.random_range(0..text.len());
        text[at] = b"\"{}[]:,xn0"[random.random_range(0..10)];
        let _ = crate::format::fuzz::avro_schema(&text);
    }
}

/// A chain of records of which each has the one before, and a pyramid of unions that differ at the bottom.
#[test]
fn types_too_many_to_compare_end_soon() {
    let record =
        |name: &str, fields: &str| format!(r#"{{"type":"record","name":"{name}","fields":[{fields}]}}"#);
    let chain = |bottom: &str| {
        let mut fields = format!(
            r#"{{"name":"f0","type":{}}}"#,
            record("R0", &format!(r#"{{"name":"x","type":"{bottom}"}}"#))
        );
        for number in 1..3_000 {
            let inner = format!(r#"{{"name":"x","type":"R{}"}}"#, number - 1);
            fields += &format!(r#",{{"name":"f{number}","type":{}}}"#, record(&format!("R{number}"), &inner));
        }
        Schema::parse(&record("top", &fields)).unwrap()
    };
    assert!(incompatibilities(&chain("int"), &chain("int")).is_empty(), "each is seen before the next");
    let pyramid = |bottom: &str| {
        let mut fields = String::new();
        for number in 0..60 {
            let of_level = |side: &str| {
                let x = match number {
                    0 => format!("\"{bottom}\""),
                    _ => format!(r#"["a.R{0}","b.R{0}"]"#, number - 1),
                };
                record(&format!("{side}.R{number}"), &format!(r#"{{"name":"x","type":{x}}}"#))
            };
            // The highest comes first for whoever compares, the lowest for whoever reads the names.
            fields += &format!(
                r#"{{"name":"f{number}","default":null,"type":["null",{},{}]}},"#,
                of_level("a"),
                of_level("b")
            );
        }
        Schema::parse(&record("top", fields.trim_end_matches(','))).unwrap()
    };
    assert!(!incompatibilities(&pyramid("string"), &pyramid("int")).is_empty());
    assert!(incompatibilities(&pyramid("int"), &pyramid("int")).is_empty());
}
