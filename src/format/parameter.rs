//! Text and numbers as a parameter of a declared type, appended in the wire form of calls. Never knows where
//! they stand in a message. The rules are those of calls: see `tollgate_schema::value::convert`; and a length
//! that a column may have is checked when the row is written.

use super::text;
use tollgate_schema::{
    codec::ParamWriter,
    types::{Type, VALUE_BYTES_MAX},
    value::{Value, convert},
};

/// A value under way to a parameter of this type.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    pub(super) parameter_type: Type,
    pub(super) nullable: bool,
}

/// Bytes of a text that errors show.
const SHOWN_BYTES_MAX: usize = 40;

/// As much of bytes as an error may show.
pub(super) fn shown(bytes: &[u8]) -> String {
    if bytes.len() <= SHOWN_BYTES_MAX {
        return String::from_utf8_lossy(bytes).into_owned();
    }
    format!("{}…", String::from_utf8_lossy(&bytes[..SHOWN_BYTES_MAX]))
}

impl Wanted {
    pub(super) fn null(self, writer: &mut ParamWriter<'_>) -> Result<(), String> {
        if !self.nullable {
            return Err("must not be NULL".to_owned());
        }
        writer.put_null();
        Ok(())
    }

    /// A text that is to be read as the type.
    #[inline]
    pub(super) fn text(self, bytes: &[u8], writer: &mut ParamWriter<'_>) -> Result<(), String> {
        if self.parameter_type.is_integer()
            && let Some(number) = quick_integer(bytes)
        {
            return self.integer(number, writer);
        }
        self.any_text(bytes, writer)
    }

    fn any_text(self, bytes: &[u8], writer: &mut ParamWriter<'_>) -> Result<(), String> {
        let text = utf8(bytes)?;
        match self.parameter_type {
            Type::Varchar { .. } => self.varchar(text, writer),
            Type::Varbinary { .. } => self.converted(&Value::Varchar(trimmed(text).to_owned()), writer),
            _ if trimmed(text).is_empty() => Err("it is empty".to_owned()),
            Type::Timestamp => match text::timestamp_of(trimmed(text)) {
                Some(micros) => self.timestamp(micros, writer),
                None => match trimmed(text).parse::<i64>() {
                    Ok(micros) => self.timestamp(micros, writer),
                    Err(_) => self.converted(&Value::Varchar(text.to_owned()), writer),
                },
            },
            _ => self.converted(&Value::Varchar(text.to_owned()), writer),
        }
    }

    pub(super) fn varchar(self, text: &str, writer: &mut ParamWriter<'_>) -> Result<(), String> {
        check_length(text.len())?;
        writer.put_str(text);
        Ok(())
    }

    /// A whole number that is to be of the type.
    pub(super) fn integer(self, number: i64, writer: &mut ParamWriter<'_>) -> Result<(), String> {
        let fits = |smallest: i64, largest: i64| {
            // The smallest number of each width is its NULL, and so no value of it.
            if number > smallest && number <= largest {
                return Ok(());
            }
            Err(format!("{number} is out of range for {}", self.parameter_type))
        };
        match self.parameter_type {
            Type::Integer => {
                fits(i64::from(i32::MIN), i64::from(i32::MAX))?;
                writer.put_i32(number as i32);
            }
            Type::BigInt => {
                fits(i64::MIN, i64::MAX)?;
                writer.put_i64(number);
            }
            Type::SmallInt => {
                fits(i64::from(i16::MIN), i64::from(i16::MAX))?;
                writer.put_i16(number as i16);
            }
            Type::TinyInt => {
                fits(i64::from(i8::MIN), i64::from(i8::MAX))?;
                writer.put_i8(number as i8);
            }
            _ => return self.converted(&Value::BigInt(number), writer),
        }
        Ok(())
    }

    pub(super) fn timestamp(self, micros: i64, writer: &mut ParamWriter<'_>) -> Result<(), String> {
        if self.parameter_type != Type::Timestamp {
            return self.converted(&Value::Timestamp(micros), writer);
        }
        if micros == i64::MIN {
            return Err(format!("{micros} is out of range for TIMESTAMP"));
        }
        writer.put_timestamp(micros);
        Ok(())
    }

    pub(super) fn binary(self, bytes: &[u8], writer: &mut ParamWriter<'_>) -> Result<(), String> {
        check_length(bytes.len())?;
        match self.parameter_type {
            Type::Varbinary { .. } => {
                writer.put_bytes(bytes);
                Ok(())
            }
            _ => self.converted(&Value::Varbinary(bytes.to_vec()), writer),
        }
    }

    /// Whatever converts.
    pub(super) fn converted(self, value: &Value, writer: &mut ParamWriter<'_>) -> Result<(), String> {
        // A parameter has no declared length: only the limit of any value holds.
        let wanted = match self.parameter_type {
            Type::Varchar { .. } => Type::Varchar { max: VALUE_BYTES_MAX, in_bytes: true },
            Type::Varbinary { .. } => Type::Varbinary { max: VALUE_BYTES_MAX },
            other => other,
        };
        match convert(value, wanted) {
            Ok(Value::Null) => self.null(writer),
            Ok(value) => {
                writer.put_value(&value);
                Ok(())
            }
            Err(error) => Err(error.to_string()),
        }
    }
}

fn check_length(length: usize) -> Result<(), String> {
    if length > VALUE_BYTES_MAX as usize {
        return Err(format!("a value of {length} bytes is too long, {VALUE_BYTES_MAX} are allowed"));
    }
    Ok(())
}

pub(super) fn utf8(bytes: &[u8]) -> Result<&str, String> {
    std::str::from_utf8(bytes)
        .map_err(|error| format!("not valid UTF-8 from byte {} on", error.valid_up_to()))
}

fn trimmed(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

/// An integer of at most eighteen digits: what nearly all are. `None`: look closer.
#[inline]
pub(super) fn quick_integer(bytes: &[u8]) -> Option<i64> {
    const DIGITS_MAX: usize = 18;
    let (negative, digits) = match bytes {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    if digits.is_empty() || digits.len() > DIGITS_MAX {
        return None;
    }
    let mut number = 0;
    for byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        number = number * 10 + i64::from(digit);
    }
    Some(if negative { -number } else { number })
}
