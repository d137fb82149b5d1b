//! One value on the wire: read by its type code without a copy, written by appending.

use super::{
    code,
    cursor::{CodecError, Cursor},
    params::ArrayReader,
};
use crate::value::{
    Decimal, NULL_BIGINT, NULL_DECIMAL, NULL_FLOAT, NULL_INTEGER, NULL_SMALLINT, NULL_TINYINT, Value,
};

/// A parameter of a call, or a cell of a table, still in the bytes it came in. VoltDB's null of each type
/// reads as `Null`, so the numbers here are never nulls. Cells are never `Table` nor `Array`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum RawParam<'a> {
    Null,
    TinyInt(i8),
    SmallInt(i16),
    Integer(i32),
    BigInt(i64),
    Float(f64),
    Decimal(Decimal),
    Varchar(&'a str),
    Varbinary(&'a [u8]),
    /// Microseconds since 1970-01-01 UTC.
    Timestamp(i64),
    /// The body of a table, without its length: give it to [`super::TableReader::new`].
    Table(&'a [u8]),
    Array(ArrayReader<'a>),
}

impl<'a> RawParam<'a> {
    /// The number, whichever of the four widths it came in.
    #[inline]
    pub fn as_integer(&self) -> Option<i64> {
        match *self {
            RawParam::TinyInt(v) => Some(i64::from(v)),
            RawParam::SmallInt(v) => Some(i64::from(v)),
            RawParam::Integer(v) => Some(i64::from(v)),
            RawParam::BigInt(v) => Some(v),
            _ => None,
        }
    }

    pub fn as_str(&self) -> Option<&'a str> {
        match *self {
            RawParam::Varchar(v) => Some(v),
            _ => None,
        }
    }

    /// An owned copy; `None` for a table or an array.
    pub fn to_value(&self) -> Option<Value> {
        Some(match *self {
            RawParam::Null => Value::Null,
            RawParam::TinyInt(v) => Value::TinyInt(v),
            RawParam::SmallInt(v) => Value::SmallInt(v),
            RawParam::Integer(v) => Value::Integer(v),
            RawParam::BigInt(v) => Value::BigInt(v),
            RawParam::Float(v) => Value::Float(v),
            RawParam::Decimal(v) => Value::Decimal(v),
            RawParam::Varchar(v) => Value::Varchar(v.to_owned()),
            RawParam::Varbinary(v) => Value::Varbinary(v.to_owned()),
            RawParam::Timestamp(v) => Value::Timestamp(v),
            RawParam::Table(_) | RawParam::Array(_) => return None,
        })
    }

    /// The type a person would call it by.
    pub fn type_name(&self) -> &'static str {
        match self {
            RawParam::Null => "NULL",
            RawParam::TinyInt(_) => "TINYINT",
            RawParam::SmallInt(_) => "SMALLINT",
            RawParam::Integer(_) => "INTEGER",
            RawParam::BigInt(_) => "BIGINT",
            RawParam::Float(_) => "FLOAT",
            RawParam::Decimal(_) => "DECIMAL",
            RawParam::Varchar(_) => "VARCHAR",
            RawParam::Varbinary(_) => "VARBINARY",
            RawParam::Timestamp(_) => "TIMESTAMP",
            RawParam::Table(_) => "VOLTTABLE",
            RawParam::Array(_) => "array",
        }
    }
}

impl<'a> From<&'a Value> for RawParam<'a> {
    fn from(value: &'a Value) -> RawParam<'a> {
        match value {
            Value::Null => RawParam::Null,
            Value::TinyInt(v) => RawParam::TinyInt(*v),
            Value::SmallInt(v) => RawParam::SmallInt(*v),
            Value::Integer(v) => RawParam::Integer(*v),
            Value::BigInt(v) => RawParam::BigInt(*v),
            Value::Float(v) => RawParam::Float(*v),
            Value::Decimal(v) => RawParam::Decimal(*v),
            Value::Varchar(v) => RawParam::Varchar(v),
            Value::Varbinary(v) => RawParam::Varbinary(v),
            Value::Timestamp(v) => RawParam::Timestamp(*v),
        }
    }
}

/// Reads a value whose type code was read before. `field` names it in errors.
#[inline(always)]
pub fn read<'a>(code: i8, cursor: &mut Cursor<'a>, field: &'static str) -> Result<RawParam<'a>, CodecError> {
    Ok(match code {
        code::INTEGER => match cursor.i32(field)? {
            NULL_INTEGER => RawParam::Null,
            v => RawParam::Integer(v),
        },
        code::BIGINT => match cursor.i64(field)? {
            NULL_BIGINT => RawParam::Null,
            v => RawParam::BigInt(v),
        },
        code::TINYINT => match cursor.i8(field)? {
            NULL_TINYINT => RawParam::Null,
            v => RawParam::TinyInt(v),
        },
        code::SMALLINT => match cursor.i16(field)? {
            NULL_SMALLINT => RawParam::Null,
            v => RawParam::SmallInt(v),
        },
        code::TIMESTAMP => match cursor.i64(field)? {
            NULL_BIGINT => RawParam::Null,
            v => RawParam::Timestamp(v),
        },
        code::STRING => cursor.nullable_str(field)?.map_or(RawParam::Null, RawParam::Varchar),
        _ => read_rare(code, cursor, field)?,
    })
}

/// The types that a call seldom carries, kept out of the caller's loop.
#[inline(never)]
fn read_rare<'a>(code: i8, cursor: &mut Cursor<'a>, field: &'static str) -> Result<RawParam<'a>, CodecError> {
    Ok(match code {
        code::NULL => RawParam::Null,
        code::FLOAT => match cursor.f64(field)? {
            v if v <= NULL_FLOAT => RawParam::Null,
            v => RawParam::Float(v),
        },
        code::DECIMAL => match cursor.i128(field)? {
            NULL_DECIMAL => RawParam::Null,
            v => RawParam::Decimal(Decimal(v)),
        },
        code::VARBINARY => cursor.nullable_bytes(field)?.map_or(RawParam::Null, RawParam::Varbinary),
        // The Python client writes 127 for a boolean that is NULL.
        code::BOOLEAN => match cursor.i8(field)? {
            NULL_TINYINT | i8::MAX => RawParam::Null,
            v => RawParam::TinyInt(v),
        },
        code::TABLE => match cursor.nullable_bytes(field)? {
            None => RawParam::Null,
            Some(body) => RawParam::Table(body),
        },
        code::DATE | code::GEOGRAPHY | code::GEOGRAPHY_POINT => {
            return Err(CodecError::Unsupported { field, name: code::name(code) });
        }
        _ => return Err(CodecError::UnknownType { field, code }),
    })
}

/// Appends VoltDB's null of the type. False, and nothing appended, for a code that is not a column's.
pub fn put_null(out: &mut Vec<u8>, code: i8) -> bool {
    match code {
        code::NULL => {}
        code::TINYINT | code::BOOLEAN => out.push(NULL_TINYINT as u8),
        code::SMALLINT => out.extend_from_slice(&NULL_SMALLINT.to_be_bytes()),
        code::INTEGER => out.extend_from_slice(&NULL_INTEGER.to_be_bytes()),
        code::BIGINT | code::TIMESTAMP => out.extend_from_slice(&NULL_BIGINT.to_be_bytes()),
        code::FLOAT => out.extend_from_slice(&NULL_FLOAT.to_be_bytes()),
        code::DECIMAL => out.extend_from_slice(&NULL_DECIMAL.to_be_bytes()),
        code::STRING | code::VARBINARY | code::TABLE => out.extend_from_slice(&(-1i32).to_be_bytes()),
        _ => return false,
    }
    true
}

/// Appends an int32 length and the bytes.
///
/// # Panics
/// If there are more than `i32::MAX` bytes: no value is, and no message can be.
#[inline]
pub fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    assert!(bytes.len() <= i32::MAX as usize, "a value longer than any message");
    out.extend_from_slice(&(bytes.len() as i32).to_be_bytes());
    out.extend_from_slice(bytes);
}

/// Appends an int32 length and the text's bytes; `None` as length -1.
#[inline]
pub fn put_str(out: &mut Vec<u8>, text: Option<&str>) {
    match text {
        Some(text) => put_bytes(out, text.as_bytes()),
        None => out.extend_from_slice(&(-1i32).to_be_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        crate::codec::table::tests::hex(text)
    }

    fn check(code: i8, bytes: &str, expected: RawParam<'_>) {
        let bytes = hex(bytes);
        let mut cursor = Cursor::new(&bytes);
        assert_eq!(read(code, &mut cursor, "value"), Ok(expected), "type code {code}");
        assert!(cursor.is_empty());
    }

    #[test]
    fn single_values_as_published() {
        check(
            code::DECIMAL,
            "0000000000000000000000e8d4a51000",
            RawParam::Decimal(Decimal(1_000_000_000_000)),
        );
        check(
            code::DECIMAL,
            "fffffffffffffffffffffea2c1086800",
            RawParam::Decimal(Decimal(-1_500_000_000_000)),
        );
        check(code::DECIMAL, "80000000000000000000000000000000", RawParam::Null);
        check(code::FLOAT, "3ff8000000000000", RawParam::Float(1.5));
        check(code::FLOAT, "ffee42d130773b76", RawParam::Null);
        check(code::STRING, "ffffffff", RawParam::Null);
        check(code::STRING, "00000000", RawParam::Varchar(""));
        check(code::STRING, "00000002c3a9", RawParam::Varchar("é"));
        check(code::TINYINT, "80", RawParam::Null);
        check(code::SMALLINT, "8000", RawParam::Null);
        check(code::INTEGER, "80000000", RawParam::Null);
        check(code::BIGINT, "8000000000000000", RawParam::Null);
        check(code::TIMESTAMP, "8000000000000000", RawParam::Null);
        check(code::VARBINARY, "ffffffff", RawParam::Null);
        check(code::BOOLEAN, "7f", RawParam::Null);
        check(code::BOOLEAN, "01", RawParam::TinyInt(1));
    }

    #[test]
    fn nulls_read_back_as_null() {
        for code in i8::MIN..=i8::MAX {
            let mut out = Vec::new();
            if put_null(&mut out, code) {
                let mut cursor = Cursor::new(&out);
                assert_eq!(read(code, &mut cursor, "null"), Ok(RawParam::Null), "type code {code}");
                assert!(cursor.is_empty());
            } else {
                assert!(out.is_empty());
            }
        }
    }

    #[test]
    fn refusals_name_the_type() {
        for (code, message) in [
            (code::DATE, "parameter: values of type DATE are not supported"),
            (code::GEOGRAPHY, "parameter: values of type GEOGRAPHY are not supported"),
            (code::GEOGRAPHY_POINT, "parameter: values of type GEOGRAPHY_POINT are not supported"),
            (20, "parameter: unknown type code 20"),
        ] {
            let error = read(code, &mut Cursor::new(&[0; 64]), "parameter").unwrap_err();
            assert_eq!(error.to_string(), message);
        }
    }

    #[test]
    fn a_length_is_checked_before_it_is_believed() {
        let mut cursor = Cursor::new(&[0x7f, 0xff, 0xff, 0xff, 1]);
        assert_eq!(
            cursor.nullable_bytes("value"),
            Err(CodecError::Truncated { field: "value", needed: 0x7fff_ffff, left: 1 })
        );
        let mut cursor = Cursor::new(&[0xff, 0xff, 0xff, 0xfe]);
        assert_eq!(cursor.nullable_bytes("value"), Err(CodecError::Length { field: "value", length: -2 }));
    }
}
