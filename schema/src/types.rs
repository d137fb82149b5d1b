//! VoltDB's column types. Pure data; knows nothing of values' storage or of the wire.

use std::fmt;

/// The type of a column or of a procedure parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Type {
    TinyInt,
    SmallInt,
    Integer,
    BigInt,
    /// IEEE double.
    Float,
    /// 38 digits, 12 of them after the point.
    Decimal,
    /// At most `max` characters, or bytes when `in_bytes`.
    Varchar {
        max: u32,
        in_bytes: bool,
    },
    /// At most `max` bytes.
    Varbinary {
        max: u32,
    },
    /// Microseconds since 1970-01-01 UTC.
    Timestamp,
}

/// A value of VARCHAR or VARBINARY is never longer than this many bytes, whatever the column says.
pub const VALUE_BYTES_MAX: u32 = 1 << 20;

/// What VARCHAR without a length holds, in streams and procedure parameters (VoltDB's default).
pub const VARCHAR_DEFAULT: Type = Type::Varchar { max: 2048, in_bytes: false };

impl Type {
    /// Bytes in the fixed part of a row, or `None` for a type stored in the tail.
    pub const fn fixed_width(self) -> Option<usize> {
        match self {
            Type::TinyInt => Some(1),
            Type::SmallInt => Some(2),
            Type::Integer => Some(4),
            Type::BigInt | Type::Float | Type::Timestamp => Some(8),
            Type::Decimal => Some(16),
            Type::Varchar { .. } | Type::Varbinary { .. } => None,
        }
    }

    pub const fn is_integer(self) -> bool {
        matches!(self, Type::TinyInt | Type::SmallInt | Type::Integer | Type::BigInt)
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Type::TinyInt => f.write_str("TINYINT"),
            Type::SmallInt => f.write_str("SMALLINT"),
            Type::Integer => f.write_str("INTEGER"),
            Type::BigInt => f.write_str("BIGINT"),
            Type::Float => f.write_str("FLOAT"),
            Type::Decimal => f.write_str("DECIMAL"),
            Type::Varchar { max, in_bytes: true } => write!(f, "VARCHAR({max} BYTES)"),
            Type::Varchar { max, in_bytes: false } => write!(f, "VARCHAR({max})"),
            Type::Varbinary { max } => write!(f, "VARBINARY({max})"),
            Type::Timestamp => f.write_str("TIMESTAMP"),
        }
    }
}
