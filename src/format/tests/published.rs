//! The messages of the published systems, and what is wrong with messages that are nearly theirs.

use super::*;
use crate::format::Encoder;
use tollgate_schema::timestamp::parse_timestamp;

fn train_parameters() -> [Parameter; 4] {
    [
        parameter("train_id", Type::Integer),
        parameter("station_id", Type::Integer),
        Parameter { nullable: true, ..parameter("activity_type", Type::TinyInt) },
        parameter("time", Type::Timestamp),
    ]
}

fn recharge_parameters() -> [Parameter; 3] {
    ["card_id", "amount", "station_id"].map(|name| parameter(name, Type::Integer))
}

fn payment_parameters() -> [Parameter; 4] {
    let text = Type::Varchar { max: 64, in_bytes: true };
    [
        parameter("transaction_id", text),
        parameter("account_id", text),
        parameter("amount", Type::Decimal),
        parameter("timestamp", Type::Float),
    ]
}

#[track_caller]
fn check(
    parameters: &[Parameter],
    properties: &[(&str, &str)],
    value: &str,
    expected: Result<&[Value], &str>,
) {
    let decoder = Decoder::new(parameters, &options(properties)).unwrap();
    let read = decoded(&decoder, None, Some(value.as_bytes())).map_err(|error| error.to_string());
    assert_eq!(read.as_deref().map_err(|error| &error[..]), expected, "{value}");
}

fn train(stamp: &str) -> [Value; 4] {
    let micros = parse_timestamp(stamp).unwrap();
    [Value::Integer(3), Value::Integer(17), Value::TinyInt(1), Value::Timestamp(micros)]
}

#[test]
fn trains() {
    fn check(value: &str, expected: Result<&[Value], &str>) {
        super::published::check(&train_parameters(), &[], value, expected);
    }
    let expected = train("2024-05-06 17:08:09.123456");
    check("3,17,1,2024-05-06 17:08:09.123456", Ok(&expected));
    check(" 3, 17 ,1,  2024-05-06 17:08:09.123456 \r\n", Ok(&expected));
    check("\"3\",\"17\", \"1\" ,\"2024-05-06 17:08:09.123456\"\n", Ok(&expected));
    check("3,17,1,1715015289123456", Ok(&expected));
    // The published producer writes hours by the pattern `hh`: the afternoon comes as the morning.
    check("3,17,1,2024-05-06 05:08:09.123456", Ok(&train("2024-05-06 05:08:09.123456")));
    check("3,17,1,2024-05-06 12:08:09.1", Ok(&train("2024-05-06 12:08:09.100000")));
    check("3,17,1,2024-05-06 12:08:09", Ok(&train("2024-05-06 12:08:09")));
    let mut without_activity = expected.clone();
    without_activity[2] = Value::Null;
    check("3,17,,2024-05-06 17:08:09.123456", Ok(&without_activity));
    check("3,17,\\N,2024-05-06 17:08:09.123456", Ok(&without_activity));
}

#[test]
fn recharges() {
    let expected = [Value::Integer(500_001), Value::Integer(2_000), Value::Integer(9)];
    check(&recharge_parameters(), &[], "500001,2000,9", Ok(&expected));
    let json = [("topic.format", "json")];
    check(&recharge_parameters(), &json, r#"{"card_id":500001,"amount":2000,"station_id":9}"#, Ok(&expected));
    check(
        &recharge_parameters(),
        &json,
        r#" { "STATION_ID" : "9", "Card_Id" : 500001.0, "amount":2e3 } "#,
        Ok(&expected),
    );
    check(&recharge_parameters(), &json, "[500001,2000,9]\n", Ok(&expected));
}

#[test]
fn payments() {
    let value =
        r#"{"transaction_id":"tx1001","account_id":"account123","amount":12000,"timestamp":1718000000.25}"#;
    let expected = [
        Value::Varchar("tx1001".to_owned()),
        Value::Varchar("account123".to_owned()),
        Value::Decimal(Decimal::from_integer(12_000)),
        Value::Float(1_718_000_000.25),
    ];
    check(&payment_parameters(), &[("producer.format.value", "json")], value, Ok(&expected));
}

#[test]
fn what_leaves() {
    let table = table(
        "CREATE STREAM trips PARTITION ON COLUMN card_id (trip_id VARCHAR, card_id INTEGER NOT NULL,
         entry_station INTEGER, entry_time TIMESTAMP, note VARCHAR(20), fare DECIMAL, raw VARBINARY(4));",
    );
    let values = [
        Value::Varchar("7_1".to_owned()),
        Value::Integer(7),
        Value::Null,
        Value::Timestamp(1_715_015_289_123_456),
        Value::Varchar("said \"hi\", left".to_owned()),
        Value::Decimal(Decimal(2_500_000_000_000)),
        Value::Varbinary(vec![0xAB, 1]),
    ];
    let check = |properties: &[(&str, &str)], expected: &str| {
        let encoder = Encoder::new(&table, &[0], &options(properties)).unwrap();
        let row = row(&table, &values);
        let mut value = Vec::new();
        encoder.value(row.as_ref(), &mut value);
        assert_eq!(String::from_utf8(value).unwrap(), expected);
        let mut key = Vec::new();
        assert!(encoder.key(row.as_ref(), &mut key));
        assert_eq!(key, b"7_1");
    };
    check(&[], r#"7_1,7,,2024-05-06 17:08:09.123456,"said ""hi"", left",2.500000000000,AB01"#);
    check(
        &[("config.csv.quoteAll", "true"), ("config.csv.null", "NULL"), ("config.csv.escape", "\\")],
        r#""7_1","7",NULL,"2024-05-06 17:08:09.123456","said \"hi\", left","2.500000000000","AB01""#,
    );
    check(
        &[("topic.format", "json")],
        r#"{"TRIP_ID":"7_1","CARD_ID":7,"ENTRY_STATION":null,"ENTRY_TIME":"2024-05-06 17:08:09.123456","NOTE":"said \"hi\", left","FARE":2.500000000000,"RAW":"AB01"}"#,
    );
}

#[test]
fn what_is_wrong_in_csv() {
    let check = |value: &str, expected| check(&recharge_parameters(), &[], value, Err(expected));
    check("1,2", "parameter station_id (position 2): it is missing, the value has 2 fields");
    check("1,2,3,4", "value: more than 3 fields, the last parameter is station_id");
    check("1,2,3,", "value: more than 3 fields, the last parameter is station_id");
    check("1,,3", "parameter amount (position 1): must not be NULL");
    check("", "parameter card_id (position 0): must not be NULL");
    check("1,\"\",3", "parameter amount (position 1): it is empty");
    check("1,2.5,3", "parameter amount (position 1): '2.5' can't be read as INTEGER");
    check("1,2147483648,3", "parameter amount (position 1): 2147483648 is out of range for INTEGER");
    check("1,-2147483648,3", "parameter amount (position 1): -2147483648 is out of range for INTEGER");
    check(
        "1,99999999999999999999999,3",
        "parameter amount (position 1): 99999999999999999999999 is out of range for INTEGER",
    );
    check("1,\"2,3", "parameter amount (position 1): its quote is not closed");
    check("1,\"2\"x,3", "parameter amount (position 1): \"x,3\" follows its closing quote");
    check("1,2,3\n4,5,6", "parameter station_id (position 2): a line ends in it, a message is one record");
    let check =
        |value: &str, expected| super::published::check(&train_parameters(), &[], value, Err(expected));
    check(
        "1,2,3,today",
        "parameter time (position 3): 'today' can't be read as TIMESTAMP, expected YYYY-MM-DD[ hh:mm:ss[.ffffff]]",
    );
    check(
        "1,2,3,2024-02-30 01:00:00",
        "parameter time (position 3): '2024-02-30 01:00:00' can't be read as TIMESTAMP, expected YYYY-MM-DD[ hh:mm:ss[.ffffff]]",
    );
}

#[test]
fn what_is_wrong_in_json() {
    let json = [("topic.format", "json")];
    let check = |value: &str, expected| check(&recharge_parameters(), &json, value, Err(expected));
    check(
        r#"{"card_id":1,"amount":2}"#,
        "parameter station_id (position 2): it is missing, the value has 2 fields",
    );
    check("[1,2]", "parameter station_id (position 2): it is missing, the value has 2 fields");
    check("[1,2,3,4]", "value: more than 3 fields, the last parameter is station_id");
    check(r#"{"card":1}"#, "value: there is no parameter \"card\"");
    check(r#"{"card_id":1,"CARD_ID":1}"#, "value: parameter card_id (position 0) is given twice");
    check(
        r#"{"card_id":1.5,"amount":2,"station_id":3}"#,
        "parameter card_id (position 0): 1.5 can't be read as INTEGER",
    );
    check(
        r#"{"card_id":1,"amount":1e10,"station_id":3}"#,
        "parameter amount (position 1): 10000000000 is out of range for INTEGER",
    );
    check(r#"{"card_id":1,"amount":null,"station_id":3}"#, "parameter amount (position 1): must not be NULL");
    check(
        r#"{"card_id":1,"amount":{"cents":1},"station_id":3}"#,
        "parameter amount (position 1): an object within the object is not supported",
    );
    check(
        "7",
        "value: it is no JSON object or array: invalid type: integer `7`, expected an object or an array at line 1 column 1",
    );
    check("{", "value: it is no JSON object or array: EOF while parsing an object at line 1 column 1");
    check("[1,2,3] x", "value: it is no JSON object or array: trailing characters at line 1 column 9");
}

#[test]
fn keys_and_tombstones() {
    let check = |parameters: &[Parameter],
                 properties: &[(&str, &str)],
                 key: Option<&str>,
                 value: Option<&str>,
                 expected| {
        let decoder = Decoder::new(parameters, &options(properties)).unwrap();
        let read = decoded(&decoder, key.map(str::as_bytes), value.map(str::as_bytes));
        assert_eq!(read.map_err(|error| error.to_string()), expected);
    };
    let parameters = recharge_parameters();
    let with_key = [("producer.parameters.includeKey", "true")];
    let json = [with_key[0], ("topic.format", "json")];
    let err = |text: &str| Err(text.to_owned());
    let expected = || Ok([1, 2, 3].map(Value::Integer).to_vec());
    check(&parameters, &[], Some("other"), Some("1,2,3"), expected());
    check(&parameters, &with_key, Some("1"), Some("2,3"), expected());
    check(&parameters, &json, Some("1"), Some(r#"{"amount":2,"station_id":3}"#), expected());
    check(
        &parameters,
        &json,
        Some("1"),
        Some(r#"{"card_id":1,"amount":2,"station_id":3}"#),
        err("value: parameter card_id (position 0) is given twice"),
    );
    check(
        &parameters,
        &with_key,
        None,
        Some("2,3"),
        err("key: the message has none, parameter card_id (position 0) is to be in it"),
    );
    check(
        &parameters,
        &with_key,
        Some("x"),
        Some("2,3"),
        err("parameter card_id (position 0): in the key: 'x' can't be read as INTEGER"),
    );
    check(&parameters, &[], Some("1"), None, err("value: the message has none, 3 parameters are expected"));
    check(&parameters[..1], &with_key, Some("1"), None, Ok(vec![Value::Integer(1)]));
    check(&[], &[], None, None, Ok(vec![]));
    check(&[], &[], None, Some(""), Ok(vec![]));
    check(&[], &json, None, Some("{}"), Ok(vec![]));
    check(&[], &[], None, Some("x"), err("value: no fields are expected, it has \"x\""));
}
