//! How a caller's parameters become arguments of Rust types, converted as VoltDB converts them: an integer of
//! any width that fits, text that reads as a number, numbers for TIMESTAMP as microseconds. Never allocates
//! for integers.

use tollgate_schema::{
    codec::{params::ParamError, value::RawParam},
    types::{Type, VALUE_BYTES_MAX, VARCHAR_DEFAULT},
    value::{Decimal, Value, convert},
};

/// A parameter as a procedure declares it.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    pub name: String,
    pub column_type: Type,
    pub nullable: bool,
}

/// Why a call's parameters were refused; the text names the parameter.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ParameterError {
    #[error("procedure {procedure} takes {expected} parameters, {got} were given")]
    Count { procedure: String, expected: usize, got: usize },
    #[error("parameter {name} (position {position}): {reason}")]
    Value { name: String, position: usize, reason: String },
    #[error("the parameter set is malformed: {0}")]
    Malformed(ParamError),
}

impl ParameterError {
    #[cold]
    pub fn count(procedure: &str, expected: usize, got: usize) -> ParameterError {
        ParameterError::Count { procedure: procedure.to_string(), expected, got }
    }

    #[cold]
    pub fn value(name: &str, position: usize, reason: String) -> ParameterError {
        ParameterError::Value { name: name.to_string(), position, reason }
    }
}

/// TIMESTAMP: microseconds since 1970-01-01 UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(pub i64);

/// A Rust type that a parameter can become.
pub trait FromParameter: Sized {
    const TYPE: Type;
    const NULLABLE: bool = false;
    /// The number as this type, if it is an integer type that has it: the quick way for what calls carry
    /// most.
    #[inline]
    fn from_integer(_number: i64) -> Option<Self> {
        None
    }
    /// The reason, when it cannot be.
    fn from_parameter(raw: &RawParam<'_>) -> Result<Self, String>;
}

fn slow(raw: &RawParam<'_>, to: Type) -> Result<Value, String> {
    let value = raw.to_value().ok_or_else(|| format!("{} is not {to}", raw.type_name()))?;
    match convert(&value, to) {
        Ok(Value::Null) => Err("must not be NULL".to_string()),
        Ok(value) => Ok(value),
        Err(error) => Err(error.to_string()),
    }
}

macro_rules! integer_parameter {
    ($rust:ty, $type:expr, $variant:ident, $null:expr) => {
        impl FromParameter for $rust {
            const TYPE: Type = $type;
            #[inline]
            fn from_integer(number: i64) -> Option<Self> {
                <$rust>::try_from(number).ok().filter(|v| *v != $null)
            }
            #[inline]
            fn from_parameter(raw: &RawParam<'_>) -> Result<Self, String> {
                let wide = match *raw {
                    RawParam::TinyInt(v) => i64::from(v),
                    RawParam::SmallInt(v) => i64::from(v),
                    RawParam::Integer(v) => i64::from(v),
                    RawParam::BigInt(v) => v,
                    _ => return slow_integer(raw, $type).and_then(|v| narrow::<$rust>(v, $type)),
                };
                match <$rust>::try_from(wide) {
                    Ok(v) if v != $null => Ok(v),
                    _ => narrow::<$rust>(wide, $type),
                }
            }
        }
    };
}

fn slow_integer(raw: &RawParam<'_>, to: Type) -> Result<i64, String> {
    match slow(raw, to)? {
        Value::TinyInt(v) => Ok(i64::from(v)),
        Value::SmallInt(v) => Ok(i64::from(v)),
        Value::Integer(v) => Ok(i64::from(v)),
        Value::BigInt(v) | Value::Timestamp(v) => Ok(v),
        other => Err(format!("{other:?} is not {to}")),
    }
}

#[cold]
fn narrow<T: TryFrom<i64>>(wide: i64, to: Type) -> Result<T, String> {
    // The smallest value of each integer type is its null.
    let smallest = match to {
        Type::TinyInt => i64::from(i8::MIN),
        Type::SmallInt => i64::from(i16::MIN),
        Type::Integer => i64::from(i32::MIN),
        _ => i64::MIN,
    };
    match T::try_from(wide) {
        Ok(v) if wide != smallest => Ok(v),
        _ => Err(format!("{wide} is out of range for {to}")),
    }
}

integer_parameter!(i8, Type::TinyInt, TinyInt, i8::MIN);
integer_parameter!(i16, Type::SmallInt, SmallInt, i16::MIN);
integer_parameter!(i32, Type::Integer, Integer, i32::MIN);
integer_parameter!(i64, Type::BigInt, BigInt, i64::MIN);

impl FromParameter for Timestamp {
    const TYPE: Type = Type::Timestamp;
    fn from_parameter(raw: &RawParam<'_>) -> Result<Self, String> {
        slow_integer(raw, Type::Timestamp).map(Timestamp)
    }
}

impl FromParameter for f64 {
    const TYPE: Type = Type::Float;
    fn from_parameter(raw: &RawParam<'_>) -> Result<Self, String> {
        match slow(raw, Type::Float)? {
            Value::Float(v) => Ok(v),
            other => Err(format!("{other:?} is not FLOAT")),
        }
    }
}

impl FromParameter for Decimal {
    const TYPE: Type = Type::Decimal;
    fn from_parameter(raw: &RawParam<'_>) -> Result<Self, String> {
        match slow(raw, Type::Decimal)? {
            Value::Decimal(v) => Ok(v),
            other => Err(format!("{other:?} is not DECIMAL")),
        }
    }
}

impl FromParameter for String {
    const TYPE: Type = VARCHAR_DEFAULT;
    fn from_parameter(raw: &RawParam<'_>) -> Result<Self, String> {
        // A parameter has no declared length: only the limit of any value holds.
        match slow(raw, Type::Varchar { max: VALUE_BYTES_MAX, in_bytes: true })? {
            Value::Varchar(v) => Ok(v),
            other => Err(format!("{other:?} is not VARCHAR")),
        }
    }
}

impl FromParameter for Vec<u8> {
    const TYPE: Type = Type::Varbinary { max: VALUE_BYTES_MAX };
    fn from_parameter(raw: &RawParam<'_>) -> Result<Self, String> {
        match slow(raw, Self::TYPE)? {
            Value::Varbinary(v) => Ok(v),
            other => Err(format!("{other:?} is not VARBINARY")),
        }
    }
}

impl<T: FromParameter> FromParameter for Option<T> {
    const TYPE: Type = T::TYPE;
    const NULLABLE: bool = true;
    fn from_parameter(raw: &RawParam<'_>) -> Result<Self, String> {
        if matches!(raw, RawParam::Null) { Ok(None) } else { T::from_parameter(raw).map(Some) }
    }
}
