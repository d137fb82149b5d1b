//! How JDBC describes our types: the numbers of `java.sql.Types`, sizes and radixes.

use tollgate_schema::types::Type;

/// What JDBC says of a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct JdbcType {
    /// The number in `java.sql.Types`.
    pub(super) code: i32,
    /// Without the length.
    pub(super) name: &'static str,
    /// Bits or digits, without the sign; the declared length of VARCHAR and VARBINARY.
    pub(super) size: i32,
    /// Of `size`; none where that counts characters or bytes.
    pub(super) radix: Option<i32>,
    /// Digits after the point.
    pub(super) scale: Option<i32>,
    /// Most bytes of a value of VARCHAR or VARBINARY.
    pub(super) octets: Option<i32>,
}

pub(super) fn describe(of: Type) -> JdbcType {
    let number =
        |code, name, bits| JdbcType { code, name, size: bits, radix: Some(2), scale: None, octets: None };
    match of {
        Type::TinyInt => number(-6, "TINYINT", 7),
        Type::SmallInt => number(5, "SMALLINT", 15),
        Type::Integer => number(4, "INTEGER", 31),
        Type::BigInt => number(-5, "BIGINT", 63),
        Type::Float => number(6, "FLOAT", 53),
        Type::Timestamp => number(93, "TIMESTAMP", 63),
        Type::Decimal => {
            JdbcType { code: 3, name: "DECIMAL", size: 38, radix: Some(10), scale: Some(12), octets: None }
        }
        Type::Varchar { max, in_bytes } => {
            let octets = if in_bytes { max } else { max.saturating_mul(4) };
            let octets = i32::try_from(octets).unwrap_or(i32::MAX);
            let size = i32::try_from(max).unwrap_or(i32::MAX);
            JdbcType { code: 12, name: "VARCHAR", size, radix: None, scale: None, octets: Some(octets) }
        }
        Type::Varbinary { max } => {
            let size = i32::try_from(max).unwrap_or(i32::MAX);
            JdbcType { code: -3, name: "VARBINARY", size, radix: None, scale: None, octets: Some(size) }
        }
    }
}
