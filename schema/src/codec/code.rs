//! The one-byte codes that name a type on the wire, and their relation to [`Type`].

use crate::types::{Type, VALUE_BYTES_MAX};

/// A parameter that is NULL without a type; no bytes follow.
pub const NULL: i8 = 1;
pub const TINYINT: i8 = 3;
pub const SMALLINT: i8 = 4;
pub const INTEGER: i8 = 5;
pub const BIGINT: i8 = 6;
pub const FLOAT: i8 = 8;
pub const STRING: i8 = 9;
pub const TIMESTAMP: i8 = 11;
/// Only clients of 2025 and later know it; no column of ours has it.
pub const DATE: i8 = 12;
pub const TABLE: i8 = 21;
pub const DECIMAL: i8 = 22;
/// Never a column's type; read as a TINYINT.
pub const BOOLEAN: i8 = 23;
pub const VARBINARY: i8 = 25;
pub const GEOGRAPHY_POINT: i8 = 26;
pub const GEOGRAPHY: i8 = 27;
/// In front of an element type: an array parameter.
pub const ARRAY: i8 = -99;

/// The code of a column of this type.
pub const fn of(column_type: Type) -> i8 {
    match column_type {
        Type::TinyInt => TINYINT,
        Type::SmallInt => SMALLINT,
        Type::Integer => INTEGER,
        Type::BigInt => BIGINT,
        Type::Float => FLOAT,
        Type::Decimal => DECIMAL,
        Type::Varchar { .. } => STRING,
        Type::Varbinary { .. } => VARBINARY,
        Type::Timestamp => TIMESTAMP,
    }
}

/// The type a code stands for. The wire says nothing of lengths, so VARCHAR and VARBINARY come back as wide
/// as a value can be. `None` for a code that no column of ours can have.
pub const fn to_type(code: i8) -> Option<Type> {
    Some(match code {
        TINYINT | BOOLEAN => Type::TinyInt,
        SMALLINT => Type::SmallInt,
        INTEGER => Type::Integer,
        BIGINT => Type::BigInt,
        FLOAT => Type::Float,
        DECIMAL => Type::Decimal,
        STRING => Type::Varchar { max: VALUE_BYTES_MAX, in_bytes: true },
        VARBINARY => Type::Varbinary { max: VALUE_BYTES_MAX },
        TIMESTAMP => Type::Timestamp,
        _ => return None,
    })
}

/// The name a person knows the code by.
pub const fn name(code: i8) -> &'static str {
    match code {
        NULL => "NULL",
        TINYINT => "TINYINT",
        SMALLINT => "SMALLINT",
        INTEGER => "INTEGER",
        BIGINT => "BIGINT",
        FLOAT => "FLOAT",
        STRING => "VARCHAR",
        TIMESTAMP => "TIMESTAMP",
        DATE => "DATE",
        TABLE => "VOLTTABLE",
        DECIMAL => "DECIMAL",
        BOOLEAN => "BOOLEAN",
        VARBINARY => "VARBINARY",
        GEOGRAPHY_POINT => "GEOGRAPHY_POINT",
        GEOGRAPHY => "GEOGRAPHY",
        ARRAY => "array",
        _ => "unknown",
    }
}
