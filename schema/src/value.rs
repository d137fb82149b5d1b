//! A single value, away from its row. Used where speed does not matter: ad hoc SQL, loaders, HTTP, tests.

/// Fixed point with 12 decimals: the number is `self.0 / 10^12`. `i128::MIN` is never a value (it is the null).
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
