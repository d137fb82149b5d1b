//! VoltDB's conversions of a value to a column's or a parameter's type. Never knows rows.

use super::{Decimal, NULL_FLOAT, Value, timestamp};
use crate::types::{Type, VALUE_BYTES_MAX};

/// Why a value can't be had as a type. `value` is its text, cut short.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConvertError {
    #[error("{value} is out of range for {wanted}")]
    OutOfRange { value: String, wanted: Type },
    #[error("'{value}' can't be read as {wanted}")]
    Malformed { value: String, wanted: Type },
    #[error("'{value}' can't be read as TIMESTAMP, expected YYYY-MM-DD[ hh:mm:ss[.ffffff]]")]
    NotATimestamp { value: String },
    #[error("a value of {length} {unit} is too long for {wanted}")]
    TooLong { length: usize, unit: &'static str, wanted: Type },
    #[error("{from} does not convert to {wanted}")]
    Unsupported { from: &'static str, wanted: Type },
}

/// The value as `wanted`: NULL is of every type; integers go to any number in range, numbers without a
/// fraction to integers, strings are parsed, and hexadecimal for VARBINARY; integers are microseconds to
/// TIMESTAMP; anything prints to VARCHAR. Lengths are checked.
pub fn convert(value: &Value, wanted: Type) -> Result<Value, ConvertError> {
    if *value == Value::Null {
        return Ok(Value::Null);
    }
    match wanted {
        Type::TinyInt | Type::SmallInt | Type::Integer | Type::BigInt => integer(value, wanted),
        Type::Float => float(value),
        Type::Decimal => decimal(value),
        Type::Varchar { max, in_bytes } => varchar(value, max, in_bytes),
        Type::Varbinary { max } => varbinary(value, max),
        Type::Timestamp => moment(value),
    }
}

fn integer(value: &Value, wanted: Type) -> Result<Value, ConvertError> {
    let number = match value {
        Value::Float(float) if float.fract() == 0.0 => *float as i128,
        Value::Decimal(decimal) => decimal.to_integer().ok_or_else(|| malformed(value, wanted))?,
        Value::Varchar(text) => text.trim().parse().map_err(|_| malformed(value, wanted))?,
        Value::Timestamp(micros) if wanted == Type::BigInt => i128::from(*micros),
        Value::Timestamp(_) | Value::Varbinary(_) => return Err(unsupported(value, wanted)),
        Value::Float(_) => return Err(malformed(value, wanted)),
        Value::TinyInt(_) | Value::SmallInt(_) | Value::Integer(_) | Value::BigInt(_) | Value::Null => {
            value.as_integer().map(i128::from).ok_or_else(|| unsupported(value, wanted))?
        }
    };
    // The smallest number of each width is its NULL, and so no value of it.
    let converted = match wanted {
        Type::TinyInt => i8::try_from(number).ok().filter(|n| *n != i8::MIN).map(Value::TinyInt),
        Type::SmallInt => i16::try_from(number).ok().filter(|n| *n != i16::MIN).map(Value::SmallInt),
        Type::Integer => i32::try_from(number).ok().filter(|n| *n != i32::MIN).map(Value::Integer),
        _ => i64::try_from(number).ok().filter(|n| *n != i64::MIN).map(Value::BigInt),
    };
    converted.ok_or_else(|| out_of_range(value, wanted))
}

fn float(value: &Value) -> Result<Value, ConvertError> {
    let number = match value {
        Value::Float(number) => *number,
        Value::Decimal(decimal) => decimal.to_f64(),
        Value::Varchar(text) => match text.trim().parse::<f64>() {
            Ok(number) if number.is_finite() => number,
            _ => return Err(malformed(value, Type::Float)),
        },
        other => other.as_integer().ok_or_else(|| unsupported(value, Type::Float))? as f64,
    };
    Ok(if number <= NULL_FLOAT { Value::Null } else { Value::Float(number) })
}

fn decimal(value: &Value) -> Result<Value, ConvertError> {
    let parsed = match value {
        Value::Decimal(Decimal(unscaled)) => {
            return Decimal::from_unscaled(*unscaled)
                .map(Value::Decimal)
                .ok_or_else(|| out_of_range(value, Type::Decimal));
        }
        Value::Float(number) => Decimal::from_f64(*number),
        Value::Varchar(text) => text.trim().parse(),
        other => {
            let number = other.as_integer().ok_or_else(|| unsupported(value, Type::Decimal))?;
            Ok(Decimal::from_integer(number))
        }
    };
    use super::decimal::DecimalError;
    parsed.map(Value::Decimal).map_err(|error| match error {
        DecimalError::Malformed => malformed(value, Type::Decimal),
        DecimalError::OutOfRange => out_of_range(value, Type::Decimal),
    })
}

fn moment(value: &Value) -> Result<Value, ConvertError> {
    let micros = match value {
        Value::Timestamp(micros) => *micros,
        Value::Varchar(text) => timestamp::parse_timestamp(text.trim())
            .ok_or_else(|| ConvertError::NotATimestamp { value: shown(value) })?,
        other => other.as_integer().ok_or_else(|| unsupported(value, Type::Timestamp))?,
    };
    if micros == i64::MIN {
        return Err(out_of_range(value, Type::Timestamp));
    }
    Ok(Value::Timestamp(micros))
}

fn varchar(value: &Value, max: u32, in_bytes: bool) -> Result<Value, ConvertError> {
    let wanted = Type::Varchar { max, in_bytes };
    let text = match value {
        Value::Varchar(text) => text.clone(),
        Value::Varbinary(bytes) => String::from_utf8(bytes.clone()).map_err(|_| malformed(value, wanted))?,
        other => other.to_string(),
    };
    check_text_length(&text, max, in_bytes)?;
    Ok(Value::Varchar(text))
}

/// Whether the text fits VARCHAR(max), in characters or in bytes.
pub fn check_text_length(text: &str, max: u32, in_bytes: bool) -> Result<(), ConvertError> {
    let wanted = Type::Varchar { max, in_bytes };
    if text.len() > VALUE_BYTES_MAX as usize {
        return Err(ConvertError::TooLong { length: text.len(), unit: "bytes", wanted });
    }
    // No text has more characters than bytes: the count is spared where it can't matter.
    if text.len() <= max as usize {
        return Ok(());
    }
    let (length, unit) = if in_bytes { (text.len(), "bytes") } else { (text.chars().count(), "characters") };
    if length > max as usize { Err(ConvertError::TooLong { length, unit, wanted }) } else { Ok(()) }
}

/// Whether the bytes fit VARBINARY(max).
pub fn check_binary_length(bytes: &[u8], max: u32) -> Result<(), ConvertError> {
    if bytes.len() > max.min(VALUE_BYTES_MAX) as usize {
        let wanted = Type::Varbinary { max };
        return Err(ConvertError::TooLong { length: bytes.len(), unit: "bytes", wanted });
    }
    Ok(())
}

fn varbinary(value: &Value, max: u32) -> Result<Value, ConvertError> {
    let wanted = Type::Varbinary { max };
    let bytes = match value {
        Value::Varbinary(bytes) => bytes.clone(),
        Value::Varchar(text) => bytes_of_hex(text).ok_or_else(|| malformed(value, wanted))?,
        _ => return Err(unsupported(value, wanted)),
    };
    check_binary_length(&bytes, max)?;
    Ok(Value::Varbinary(bytes))
}

/// Two hexadecimal digits a byte, in either case.
pub fn bytes_of_hex(text: &str) -> Option<Vec<u8>> {
    let nibble = |b: u8| char::from(b).to_digit(16).map(|digit| digit as u8);
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs.iter().map(|[high, low]| Some(nibble(*high)? << 4 | nibble(*low)?)).collect()
}

/// A value's text in an error, cut to a length that a line of log can bear.
fn shown(value: &Value) -> String {
    const SHOWN_CHARACTERS_MAX: usize = 40;
    let text = value.to_string();
    if text.chars().count() <= SHOWN_CHARACTERS_MAX {
        return text;
    }
    text.chars().take(SHOWN_CHARACTERS_MAX).chain("…".chars()).collect()
}

fn malformed(value: &Value, wanted: Type) -> ConvertError {
    ConvertError::Malformed { value: shown(value), wanted }
}

fn out_of_range(value: &Value, wanted: Type) -> ConvertError {
    ConvertError::OutOfRange { value: shown(value), wanted }
}

fn unsupported(value: &Value, wanted: Type) -> ConvertError {
    ConvertError::Unsupported { from: value.type_name(), wanted }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(value: Value, wanted: Type, expected: Result<Value, &str>) {
        assert_eq!(
            convert(&value, wanted).map_err(|error| error.to_string()),
            expected.map_err(str::to_owned)
        );
    }

    fn text(text: &str) -> Value {
        Value::Varchar(text.to_owned())
    }

    #[test]
    fn integers() {
        check(Value::BigInt(5), Type::TinyInt, Ok(Value::TinyInt(5)));
        check(Value::Integer(-127), Type::TinyInt, Ok(Value::TinyInt(-127)));
        check(Value::Integer(-128), Type::TinyInt, Err("-128 is out of range for TINYINT"));
        check(Value::Integer(32_768), Type::SmallInt, Err("32768 is out of range for SMALLINT"));
        check(text(" 42 "), Type::Integer, Ok(Value::Integer(42)));
        check(text("4x"), Type::Integer, Err("'4x' can't be read as INTEGER"));
        check(Value::Float(3.0), Type::BigInt, Ok(Value::BigInt(3)));
        check(Value::Float(3.5), Type::BigInt, Err("'3.5' can't be read as BIGINT"));
        check(Value::Float(1e300), Type::BigInt, Err("1E300 is out of range for BIGINT"));
        check(Value::Timestamp(9), Type::BigInt, Ok(Value::BigInt(9)));
        check(Value::Varbinary(vec![1]), Type::BigInt, Err("VARBINARY does not convert to BIGINT"));
        check(Value::Null, Type::BigInt, Ok(Value::Null));
    }

    #[test]
    fn fractions() {
        check(Value::Integer(2), Type::Float, Ok(Value::Float(2.0)));
        check(text("1e3"), Type::Float, Ok(Value::Float(1000.0)));
        check(text("inf"), Type::Float, Err("'inf' can't be read as FLOAT"));
        check(Value::Float(-1.7e308), Type::Float, Ok(Value::Null));
        check(Value::Integer(-2), Type::Decimal, Ok(Value::Decimal(Decimal(-2_000_000_000_000))));
        check(text("1.5"), Type::Decimal, Ok(Value::Decimal(Decimal(1_500_000_000_000))));
        check(Value::Float(1e30), Type::Decimal, Err("1E30 is out of range for DECIMAL"));
    }

    #[test]
    fn moments() {
        check(Value::Integer(7), Type::Timestamp, Ok(Value::Timestamp(7)));
        check(text("1970-01-02"), Type::Timestamp, Ok(Value::Timestamp(86_400_000_000)));
        let expected = "'soon' can't be read as TIMESTAMP, expected YYYY-MM-DD[ hh:mm:ss[.ffffff]]";
        check(text("soon"), Type::Timestamp, Err(expected));
    }

    #[test]
    fn lengths() {
        let two_characters = Type::Varchar { max: 2, in_bytes: false };
        check(text("éé"), two_characters, Ok(text("éé")));
        check(text("ééé"), two_characters, Err("a value of 3 characters is too long for VARCHAR(2)"));
        let two_bytes = Type::Varchar { max: 2, in_bytes: true };
        check(text("éé"), two_bytes, Err("a value of 4 bytes is too long for VARCHAR(2 BYTES)"));
        check(
            Value::Timestamp(0),
            Type::Varchar { max: 30, in_bytes: true },
            Ok(text("1970-01-01 00:00:00.000000")),
        );
        let binary = Type::Varbinary { max: 2 };
        check(text("0aFF"), binary, Ok(Value::Varbinary(vec![10, 255])));
        check(text("0a0"), binary, Err("'0a0' can't be read as VARBINARY(2)"));
        check(text("0a0a0a"), binary, Err("a value of 3 bytes is too long for VARBINARY(2)"));
    }

    proptest! {
        #[test]
        fn any_text_to_any_type(text in ".{0,30}") {
            for wanted in [Type::TinyInt, Type::Float, Type::Decimal, Type::Timestamp, Type::Varbinary { max: 9 }] {
                let _ = convert(&Value::Varchar(text.clone()), wanted);
            }
        }
    }
}
