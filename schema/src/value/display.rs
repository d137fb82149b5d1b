//! How a value prints: as VoltDB prints it in CSV and in conversions to VARCHAR.

use std::fmt;

use super::{Value, timestamp};

impl fmt::Display for Value {
    /// NULL prints as `NULL`, binary as upper-case hexadecimal, FLOAT in the shortest form that reads back as
    /// the same.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Null => f.write_str("NULL"),
            Value::TinyInt(number) => number.fmt(f),
            Value::SmallInt(number) => number.fmt(f),
            Value::Integer(number) => number.fmt(f),
            Value::BigInt(number) => number.fmt(f),
            Value::Float(number) => write_float(*number, f),
            Value::Decimal(number) => number.fmt(f),
            Value::Varchar(text) => f.write_str(text),
            Value::Varbinary(bytes) => bytes.iter().try_for_each(|byte| write!(f, "{byte:02X}")),
            Value::Timestamp(micros) => timestamp::Display(*micros).fmt(f),
        }
    }
}

/// With an exponent outside of 0.001 to 10^7, so that no number prints as hundreds of digits.
fn write_float(number: f64, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let magnitude = number.abs();
    if magnitude != 0.0 && number.is_finite() && !(1e-3..1e7).contains(&magnitude) {
        return write!(f, "{number:E}");
    }
    write!(f, "{number}")?;
    // A FLOAT is told from an integer by its point.
    if number.is_finite() && number.fract() == 0.0 { f.write_str(".0") } else { Ok(()) }
}
