//! The parameters of a call, from JSON to a parameter set: in order or by name, each converted to its
//! declared type here, so that what does not fit is told with its name before anything runs.

use super::error::ApiError;
use crate::format::json::number;
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;
use std::fmt;
use tollgate_procedures::{Procedure, parameter::Parameter};
use tollgate_schema::{
    catalog::Catalog,
    codec::ParamWriter,
    types::{Type, VALUE_BYTES_MAX, VARCHAR_DEFAULT},
    value::{Value, convert},
};

/// The body of a call.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct Body<'a> {
    #[serde(borrow, default)]
    parameters: Option<&'a RawValue>,
}

/// Parameters as they were given, their values still text.
#[derive(Debug)]
pub(super) enum Given<'a> {
    InOrder(Vec<&'a RawValue>),
    ByName(Vec<(String, &'a RawValue)>),
}

impl<'a> Given<'a> {
    /// Reads a body: `{"parameters": [...]}` or `{"parameters": {...}}`. An empty body gives no parameters.
    pub(super) fn of_body(body: &'a [u8]) -> Result<Given<'a>, ApiError> {
        if body.trim_ascii().is_empty() {
            return Ok(Given::InOrder(Vec::new()));
        }
        if !body.trim_ascii_start().starts_with(b"{") {
            return Err(ApiError::malformed("the body must be an object with \"parameters\""));
        }
        let body: Body<'a> = serde_json::from_slice(body).map_err(malformed)?;
        Given::of_json(body.parameters.map_or("[]", RawValue::get))
    }

    /// Reads an array or an object.
    pub(super) fn of_json(text: &'a str) -> Result<Given<'a>, ApiError> {
        match text.trim_start().as_bytes().first() {
            Some(b'[') => serde_json::from_str(text).map(Given::InOrder).map_err(malformed),
            Some(b'{') => {
                let Members(members) = serde_json::from_str(text).map_err(malformed)?;
                Ok(Given::ByName(members))
            }
            _ => Err(ApiError::malformed("\"parameters\" must be an array, or an object by name")),
        }
    }

    /// The values of an array, each of the type that its JSON suggests: for procedures that declare none.
    pub(super) fn untyped(&self) -> Result<Vec<Value>, ApiError> {
        let Given::InOrder(given) = self else {
            return Err(ApiError::malformed("this procedure's parameters have no names: give an array"));
        };
        if given.len() > usize::from(u8::MAX) {
            return Err(ApiError::malformed("this procedure does not take so many parameters"));
        }
        let values = given.iter().enumerate().map(|(n, raw)| {
            read(raw.get(), "a parameter").map_err(|reason| ApiError::parameter(&format!("#{n}"), reason))
        });
        values.collect()
    }

    /// Appends the parameter set that the procedure takes.
    pub(super) fn write(
        &self,
        procedure: &Procedure,
        catalog: &Catalog,
        out: &mut Vec<u8>,
    ) -> Result<(), ApiError> {
        let values = match self {
            Given::InOrder(given) => in_order(procedure, given)?,
            Given::ByName(given) => by_name(procedure, catalog, given)?,
        };
        let mut writer = ParamWriter::new(out);
        for (parameter, raw) in procedure.parameters.iter().zip(values) {
            let value = raw.map_or(Ok(Value::Null), |raw| value_of(raw.get(), parameter.column_type));
            let value = value.map_err(|reason| ApiError::parameter(&parameter.name, reason))?;
            if value == Value::Null && !parameter.nullable {
                return Err(ApiError::parameter(&parameter.name, "must not be null"));
            }
            writer.put_value(&value);
        }
        writer.finish();
        Ok(())
    }
}

fn malformed(error: serde_json::Error) -> ApiError {
    ApiError::malformed(format!("the body is not the JSON that was expected: {error}"))
}

fn in_order<'a>(
    procedure: &Procedure,
    given: &[&'a RawValue],
) -> Result<Vec<Option<&'a RawValue>>, ApiError> {
    let expected = &procedure.parameters;
    if let Some(missing) = expected.get(given.len()) {
        let reason = format!("is missing: {} takes {} parameters", procedure.name, expected.len());
        return Err(ApiError::parameter(&missing.name, reason));
    }
    if given.len() > expected.len() {
        let reason = format!("{} takes {} parameters", procedure.name, expected.len());
        return Err(ApiError::parameter(&format!("#{}", expected.len()), reason));
    }
    Ok(given.iter().map(|raw| Some(*raw)).collect())
}

fn by_name<'a>(
    procedure: &Procedure,
    catalog: &Catalog,
    given: &[(String, &'a RawValue)],
) -> Result<Vec<Option<&'a RawValue>>, ApiError> {
    let mut values: Vec<Option<&'a RawValue>> = vec![None; procedure.parameters.len()];
    for (name, raw) in given {
        let place = procedure.parameters.iter().position(|p| p.name.eq_ignore_ascii_case(name));
        let Some(place) = place else {
            return Err(ApiError::parameter(name, format!("{} has no such parameter", procedure.name)));
        };
        if values[place].replace(raw).is_some() {
            return Err(ApiError::parameter(name, "is given twice"));
        }
    }
    for (parameter, value) in procedure.parameters.iter().zip(&values) {
        if value.is_none() && !may_be_left_out(procedure, catalog, parameter) {
            return Err(ApiError::parameter(&parameter.name, "is missing"));
        }
    }
    Ok(values)
}

/// What is left out is NULL, where that is allowed. A table's own procedure does not take NULL for granted
/// where the column has a DEFAULT: whoever leaves it out most likely means the default.
pub(super) fn may_be_left_out(procedure: &Procedure, catalog: &Catalog, parameter: &Parameter) -> bool {
    let table = procedure.name.split_once('.').and_then(|(table, _)| catalog.find(table));
    let column = table.and_then(|table| {
        let table = catalog.table(table);
        table.column(&parameter.name).map(|column| &table.columns[column])
    });
    parameter.nullable && column.is_none_or(|c| c.default == Value::Null && !c.default_now)
}

/// A JSON value as what it suggests; else the reason why it is not `wanted`.
fn read(text: &str, wanted: impl fmt::Display) -> Result<Value, String> {
    Ok(match text.as_bytes().first() {
        Some(b'n') => Value::Null,
        Some(b'"') => Value::Varchar(serde_json::from_str(text).map_err(|error| error.to_string())?),
        Some(b'[') => return Err(format!("an array is not {wanted}")),
        Some(b'{') => return Err(format!("an object is not {wanted}")),
        Some(b't' | b'f') => return Err(format!("{text} is not {wanted}")),
        _ => number::value_of(text).ok_or_else(|| format!("{text} is out of range for {wanted}"))?,
    })
}

/// A JSON value as a value of the declared type; else the reason.
fn value_of(text: &str, declared: Type) -> Result<Value, String> {
    let value = read(text, declared)?;
    let value = match (declared, value) {
        // As RFC 3339 ends a moment in UTC.
        (Type::Timestamp, Value::Varchar(mut text)) => {
            text.truncate(text.strip_suffix('Z').unwrap_or(&text).len());
            Value::Varchar(text)
        }
        (Type::Varchar { .. }, number @ (Value::BigInt(_) | Value::Decimal(_) | Value::Float(_))) => {
            return Err(format!("{number} is a number, not {declared}: put it in quotes"));
        }
        (_, value) => value,
    };
    // A procedure's own text parameter declares no length: only the limit of any value holds.
    let wanted = match declared {
        VARCHAR_DEFAULT => Type::Varchar { max: VALUE_BYTES_MAX, in_bytes: true },
        declared => declared,
    };
    convert(&value, wanted).map_err(|error| error.to_string())
}

/// An object's members in their order, with those that are given twice.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Members<'de>, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of parameters by name")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Reader)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use tollgate_procedures::{Abort, Registry, Tx, parameter::Timestamp};
    use tollgate_schema::{codec::ParamReader, value::Decimal};

    type Everything = (i64, i8, Decimal, Timestamp, String, Option<Vec<u8>>, Option<f64>);

    fn procedure() -> Procedure {
        #[allow(clippy::too_many_arguments, reason = "one parameter of each type")]
        fn everything(
            _: &mut Tx<'_>,
            _: i64,
            _: i8,
            _: Decimal,
            _: Timestamp,
            _: String,
            _: Option<Vec<u8>>,
            _: Option<f64>,
        ) -> Result<i64, Abort> {
            Ok(0)
        }
        let names = ["id", "tiny", "amount", "at", "text", "bytes", "ratio"];
        Procedure::single::<Everything, _, 7>("Everything", names, everything)
    }

    fn written(json: &str) -> Result<Vec<Value>, ApiError> {
        let mut out = Vec::new();
        Given::of_body(json.as_bytes())?.write(&procedure(), &Catalog::default(), &mut out)?;
        let reader = ParamReader::new(&out).unwrap();
        Ok(reader.map(|param| param.unwrap().to_value().unwrap()).collect())
    }

    fn refused(json: &str) -> (u16, String, String) {
        let error = written(json).unwrap_err();
        (error.status.as_u16(), error.parameter.unwrap_or_default(), error.message)
    }

    #[test]
    fn in_order_and_by_name() {
        let expected = vec![
            Value::BigInt(9_007_199_254_740_993),
            Value::TinyInt(-1),
            Value::Decimal("0.1".parse().unwrap()),
            Value::Timestamp(1_500_000),
            Value::Varchar("é\n".to_string()),
            Value::Varbinary(vec![0xC0, 0xFF]),
            Value::Null,
        ];
        let in_order = r#"{"parameters":
            [9007199254740993, -1, 0.1, "1970-01-01T00:00:01.5Z", "\u00e9\n", "c0FF", null]}"#;
        assert_eq!(written(in_order), Ok(expected.clone()));
        let by_name = r#"{"parameters": {"ID": "9007199254740993", "tiny": -1.0, "Amount": "0.1",
            "at": 1500000, "text": "é\n", "bytes": "C0FF"}}"#;
        assert_eq!(written(by_name), Ok(expected));
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let check = |json: &str, status: u16, parameter: &str, message: &str| {
            let expected = (status, parameter.to_string(), message.to_string());
            assert_eq!(refused(json), expected, "{json}");
        };
        let fine = r#"1, 2, "3", 4, "5", null, 7"#;
        check(&format!(r#"{{"parameters": [{fine}, 8]}}"#), 422, "#7", "Everything takes 7 parameters");
        check(r#"{"parameters": [1]}"#, 422, "tiny", "is missing: Everything takes 7 parameters");
        check("", 422, "id", "is missing: Everything takes 7 parameters");
        check(r#"{"parameters": {"id": 1, "x": 1}}"#, 422, "x", "Everything has no such parameter");
        check(r#"{"parameters": {"id": 1, "ID": 1}}"#, 422, "ID", "is given twice");
        check(r#"{"parameters": {"id": 1}}"#, 422, "tiny", "is missing");
        check(
            r#"{"parameters": [1, 128, 0, 0, "", null, null]}"#,
            422,
            "tiny",
            "128 is out of range for TINYINT",
        );
        check(
            r#"{"parameters": [1.5, 1, 0, 0, "", null, null]}"#,
            422,
            "id",
            "'1.500000000000' can't be read as BIGINT",
        );
        check(r#"{"parameters": [null, 1, 0, 0, "", null, null]}"#, 422, "id", "must not be null");
        check(r#"{"parameters": [[1], 1, 0, 0, "", null, null]}"#, 422, "id", "an array is not BIGINT");
        check(r#"{"parameters": [true, 1, 0, 0, "", null, null]}"#, 422, "id", "true is not BIGINT");
        check(
            r#"{"parameters": [1, 1, 0, 0, 5, null, null]}"#,
            422,
            "text",
            "5 is a number, not VARCHAR(2048): put it in quotes",
        );
    }

    #[test]
    fn what_is_no_body() {
        for json in ["{", "[]", "7", r#"{"parameters": 7}"#, r#"{"parms": []}"#, r#"{"parameters": [1,]}"#] {
            let (status, _, _) = refused(json);
            assert_eq!(status, 400, "{json}");
        }
    }

    #[test]
    fn a_column_with_a_default_is_not_left_out() {
        let registry = Registry::new();
        let ddl = "CREATE TABLE t (a INTEGER NOT NULL, b INTEGER DEFAULT 7, c INTEGER, PRIMARY KEY (a));
                   PARTITION TABLE t ON COLUMN a;";
        let registry = registry.schema("test", ddl, []).unwrap();
        let insert = &registry.get(registry.find("T.insert").unwrap()).procedure;
        let write = |json: &str| {
            let mut out = Vec::new();
            Given::of_json(json).unwrap().write(insert, registry.catalog(), &mut out)
        };
        assert_eq!(write(r#"{"a": 1, "b": 2}"#), Ok(()));
        assert_eq!(write(r#"{"a": 1, "c": 2}"#), Err(ApiError::parameter("b", "is missing")));
    }

    proptest! {
        #[test]
        fn any_body(text in r#"[{}\[\]",:a-z0-9 .e-]{0,60}|.{0,60}"#) {
            let _ = written(&text);
            let _ = written(&format!(r#"{{"parameters": [{text}]}}"#));
            let _ = written(&format!(r#"{{"parameters": {{{text}}}}}"#));
        }
    }
}
