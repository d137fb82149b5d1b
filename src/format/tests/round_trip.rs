//! What the encoder writes the decoder reads as the same row.

use super::*;
use crate::format::Encoder;
use rand::SeedableRng;

const ROWS: usize = 3_000;

fn check(options: &Options, seed: u64) {
    let table = table(EVERY_TYPE);
    let encoder = Encoder::new(&table, &[], options).unwrap();
    let decoder = Decoder::new(&parameters_of(&table), options).unwrap();
    let mut random = SmallRng::seed_from_u64(seed);
    for _ in 0..ROWS {
        let values = any_row(&mut random, &table);
        let mut message = Vec::new();
        encoder.value(row(&table, &values).as_ref(), &mut message);
        let text = String::from_utf8_lossy(&message).into_owned();
        let read = decoded(&decoder, None, Some(&message)).unwrap_or_else(|error| panic!("{error}: {text}"));
        assert_eq!(read, values, "{text}");
    }
}

#[test]
fn csv() {
    check(&Options::default(), 11);
}

#[test]
fn csv_of_every_kind() {
    let mut random = SmallRng::seed_from_u64(12);
    for seed in 0..40 {
        let mut pick = |among: &[&'static str]| among[random.random_range(0..among.len())];
        let mut properties = vec![
            ("config.csv.separator", pick(&[",", ";", "\\t", "|", " ", "'"])),
            ("config.csv.quote", pick(&["\"", "`"])),
            ("config.csv.quoteAll", pick(&["true", "false"])),
            ("config.csv.strictQuotes", pick(&["true", "false"])),
            ("config.csv.ignoreLeadingWhitespace", pick(&["true", "false"])),
        ];
        match pick(&["", "\\N", "0", "a"]) {
            "" => {}
            null => properties.push(("config.csv.null", null)),
        }
        match pick(&["", "\\", "\"", "`"]) {
            "" => {}
            escape => properties.push(("config.csv.escape", escape)),
        }
        check(&options(&properties), 100 + seed);
    }
}

#[test]
fn json() {
    check(&options(&[("topic.format", "json")]), 13);
}

#[test]
fn csv_is_read_alike_by_others() {
    let table = table(EVERY_TYPE);
    let encoder = Encoder::new(&table, &[], &Options::default()).unwrap();
    let mut random = SmallRng::seed_from_u64(14);
    for _ in 0..ROWS {
        let values = any_row(&mut random, &table);
        let mut message = Vec::new();
        encoder.value(row(&table, &values).as_ref(), &mut message);
        let mut reader = ::csv::ReaderBuilder::new().has_headers(false).from_reader(&message[..]);
        let record = reader.records().next().unwrap().unwrap();
        let expected: Vec<String> = values
            .iter()
            .map(|value| if *value == Value::Null { String::new() } else { value.to_string() })
            .collect();
        assert_eq!(record.iter().collect::<Vec<_>>(), expected);
        assert!(reader.records().next().is_none());
    }
}

#[test]
fn json_is_read_alike_by_others() {
    let table = table(EVERY_TYPE);
    let encoder = Encoder::new(&table, &[], &options(&[("topic.format", "json")])).unwrap();
    let mut random = SmallRng::seed_from_u64(15);
    for _ in 0..ROWS {
        let values = any_row(&mut random, &table);
        let mut message = Vec::new();
        encoder.value(row(&table, &values).as_ref(), &mut message);
        let object: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(&message).unwrap();
        assert_eq!(object.len(), values.len());
        for (column, value) in table.columns.iter().zip(&values) {
            let member = &object[&column.name];
            match value {
                Value::Null => assert!(member.is_null()),
                Value::Varchar(text) => assert_eq!(member.as_str(), Some(&text[..])),
                // The library's own reading may be off by the last bit.
                Value::Float(number) => {
                    let read = member.as_f64().unwrap();
                    assert!((read - number).abs() <= number.abs() * 1e-15, "{read:E} {number:E}");
                }
                Value::Decimal(number) => {
                    assert_eq!(member.as_f64().map(|n| n.is_finite()), Some(true), "{number:?}")
                }
                Value::Varbinary(_) | Value::Timestamp(_) => {
                    assert_eq!(member.as_str(), Some(&value.to_string()[..]))
                }
                integer => assert_eq!(member.as_i64(), integer.as_integer()),
            }
        }
    }
}

#[test]
fn a_key_of_one_column_is_its_text_and_becomes_the_first_parameter() {
    let table = table(EVERY_TYPE);
    let whole = table.column("whole").unwrap();
    let options = options(&[("producer.parameters.includeKey", "true"), ("consumer.values", "moment,BIG")]);
    let encoder = Encoder::new(&table, &[whole], &options).unwrap();
    let parameters = ["whole", "moment", "big"].map(|name| {
        let column = &table.columns[table.column(name).unwrap()];
        Parameter { nullable: true, ..parameter(name, column.column_type) }
    });
    let decoder = Decoder::new(&parameters, &options).unwrap();
    let mut random = SmallRng::seed_from_u64(16);
    for _ in 0..ROWS {
        let values = any_row(&mut random, &table);
        let row = row(&table, &values);
        let (mut key, mut value) = (Vec::new(), Vec::new());
        assert!(encoder.key(row.as_ref(), &mut key));
        encoder.value(row.as_ref(), &mut value);
        assert_eq!(key, values[whole].to_string().as_bytes());
        let expected = ["whole", "moment", "big"].map(|name| values[table.column(name).unwrap()].clone());
        assert_eq!(decoded(&decoder, Some(&key), Some(&value)).unwrap(), expected);
    }
}

#[test]
fn keys() {
    let table =
        table("CREATE STREAM s PARTITION ON COLUMN a (a INTEGER NOT NULL, b VARCHAR(9), c TIMESTAMP);");
    let row = row(&table, &[Value::Integer(1), Value::Varchar("x,y".to_owned()), Value::Null]);
    let check = |columns: &[usize], properties: &[(&str, &str)], expected: Option<&str>| {
        let encoder = Encoder::new(&table, columns, &options(properties)).unwrap();
        let mut key = b"before".to_vec();
        let has_key = encoder.key(row.as_ref(), &mut key);
        let key = std::str::from_utf8(&key[6..]).unwrap();
        assert_eq!(has_key.then_some(key), expected);
        assert!(has_key || key.is_empty());
    };
    check(&[], &[], None);
    check(&[0], &[], Some("1"));
    check(&[1], &[("topic.format", "json")], Some("x,y"));
    check(&[2], &[], None);
    check(&[1, 0], &[], Some("\"x,y\",1"));
    check(&[0, 2], &[("consumer.format.key", "json")], Some("{\"A\":1,\"C\":null}"));
    check(&[0], &[("consumer.keys", "c,a")], Some(",1"));
}

#[test]
fn hidden_columns_do_not_leave() {
    let mut table =
        table("CREATE STREAM s PARTITION ON COLUMN a (a INTEGER NOT NULL, b VARCHAR(9), c BIGINT);");
    table.columns[2].hidden = true;
    let row = row(&table, &[Value::Integer(1), Value::Varchar("x".to_owned()), Value::BigInt(5)]);
    for (format, expected) in [("csv", "1,x"), ("json", "{\"A\":1,\"B\":\"x\"}")] {
        let encoder = Encoder::new(&table, &[0], &options(&[("topic.format", format)])).unwrap();
        let mut value = Vec::new();
        encoder.value(row.as_ref(), &mut value);
        assert_eq!(String::from_utf8(value).unwrap(), expected);
    }
    let refused = Encoder::new(&table, &[0], &options(&[("consumer.values", "a,c")]));
    assert_eq!(refused.unwrap_err().to_string(), "property consumer.values: S has no column c");
}
