//! A single value, away from its row. Used where speed does not matter: ad hoc SQL, loaders, HTTP, tests.

mod convert;
pub mod decimal;
mod display;
mod order;
pub mod timestamp;

pub use convert::{ConvertError, bytes_of_hex, check_binary_length, check_text_length, convert};
pub use order::compare;

/// Fixed point with 12 decimals: the number is `self.0 / 10^12`. `i128::MIN` is never a value (it is the
/// null).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Decimal(pub i128);

/// A value or NULL.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Null,
    TinyInt(i8),
    SmallInt(i16),
    Integer(i32),
    BigInt(i64),
    Float(f64),
    Decimal(Decimal),
    Varchar(String),
    Varbinary(Vec<u8>),
    /// Microseconds since 1970-01-01 UTC.
    Timestamp(i64),
}

/// VoltDB's nulls: the smallest value of each integer type; rows store them as they are.
pub const NULL_TINYINT: i8 = i8::MIN;
pub const NULL_SMALLINT: i16 = i16::MIN;
pub const NULL_INTEGER: i32 = i32::MIN;
pub const NULL_BIGINT: i64 = i64::MIN;
/// Written as this number; every FLOAT less than or equal to it reads as NULL.
pub const NULL_FLOAT: f64 = -1.7E308;
pub const NULL_DECIMAL: i128 = i128::MIN;

impl Value {
    /// The number of an integer of any width.
    pub fn as_integer(&self) -> Option<i64> {
        match self {
            Value::TinyInt(number) => Some(i64::from(*number)),
            Value::SmallInt(number) => Some(i64::from(*number)),
            Value::Integer(number) => Some(i64::from(*number)),
            Value::BigInt(number) => Some(*number),
            _ => None,
        }
    }

    /// The type's name in SQL, for messages.
    pub fn type_name(&self) -> &'static str {
        match self {
            Value::Null => "NULL",
            Value::TinyInt(_) => "TINYINT",
            Value::SmallInt(_) => "SMALLINT",
            Value::Integer(_) => "INTEGER",
            Value::BigInt(_) => "BIGINT",
            Value::Float(_) => "FLOAT",
            Value::Decimal(_) => "DECIMAL",
            Value::Varchar(_) => "VARCHAR",
            Value::Varbinary(_) => "VARBINARY",
            Value::Timestamp(_) => "TIMESTAMP",
        }
    }
}
