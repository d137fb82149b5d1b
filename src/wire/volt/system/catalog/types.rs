//! TYPEINFO: the types a column can have.

use tollgate_schema::types::{Type, VALUE_BYTES_MAX};

use super::jdbc;
use crate::wire::volt::system::tables::{INTEGER, ResultTables, SMALLINT, STRING, TINYINT};

const TYPES: [Type; 9] = [
    Type::TinyInt,
    Type::SmallInt,
    Type::Integer,
    Type::BigInt,
    Type::Float,
    Type::Decimal,
    Type::Timestamp,
    Type::Varchar { max: VALUE_BYTES_MAX, in_bytes: true },
    Type::Varbinary { max: VALUE_BYTES_MAX },
];

// JDBC's numbers for how a type can be searched.
const SEARCH_BUT_NOT_LIKE: i16 = 2;
const SEARCH_ALL: i16 = 3;

pub(super) fn type_info() -> ResultTables {
    let columns = [
        ("TYPE_NAME", STRING),
        ("DATA_TYPE", INTEGER),
        ("PRECISION", INTEGER),
        ("LITERAL_PREFIX", STRING),
        ("LITERAL_SUFFIX", STRING),
        ("CREATE_PARAMS", STRING),
        ("NULLABLE", SMALLINT),
        ("CASE_SENSITIVE", TINYINT),
        ("SEARCHABLE", SMALLINT),
        ("UNSIGNED_ATTRIBUTE", TINYINT),
        ("FIXED_PREC_SCALE", TINYINT),
        ("AUTO_INCREMENT", TINYINT),
        ("LOCAL_TYPE_NAME", STRING),
        ("MINIMUM_SCALE", SMALLINT),
        ("MAXIMUM_SCALE", SMALLINT),
        ("SQL_DATA_TYPE", INTEGER),
        ("SQL_DATETIME_SUB", INTEGER),
        ("NUM_PREC_RADIX", INTEGER),
    ];
    ResultTables::new().with(&columns, TYPES, |r, of| {
        let jdbc = jdbc::describe(of);
        let is_text = matches!(of, Type::Varchar { .. });
        let (prefix, suffix) = match of {
            Type::Varchar { .. } | Type::Timestamp => (Some("'"), Some("'")),
            Type::Varbinary { .. } => (Some("x'"), Some("'")),
            _ => (None, None),
        };
        r.put_str(jdbc.name).put_i32(jdbc.code).put_i32(jdbc.size).put_opt_str(prefix).put_opt_str(suffix);
        r.put_opt_str(jdbc.octets.map(|_| "max_length")).put_i16(1).put_i8(i8::from(is_text));
        r.put_i16(if is_text { SEARCH_ALL } else { SEARCH_BUT_NOT_LIKE });
        r.put_i8(0).put_i8(i8::from(jdbc.scale.is_some())).put_i8(0).put_str(jdbc.name);
        for _ in 0..2 {
            match jdbc.scale {
                Some(scale) => r.put_i16(scale as i16),
                None => r.put_null(),
            };
        }
        r.put_null().put_null();
        match jdbc.radix {
            Some(radix) => r.put_i32(radix),
            None => r.put_null(),
        };
    })
}

#[cfg(test)]
mod tests {
    use super::{super::super::testing::*, *};

    #[test]
    fn one_row_for_each_type() {
        let rendered = render(&type_info());
        assert_eq!(rendered.lines().count(), 1 + TYPES.len());
        let decimal = "  DECIMAL | 3 | 38 | NULL | NULL | NULL | 1 | 0 | 2 | 0 | 1 | 0 | DECIMAL | 12 | 12 | NULL | NULL | 10";
        assert!(rendered.lines().any(|l| l == decimal), "{rendered}");
        let varchar = "  VARCHAR | 12 | 1048576 | ' | ' | max_length | 1 | 1 | 3 | 0 | 0 | 0 | VARCHAR | NULL | NULL | NULL | NULL | NULL";
        assert!(rendered.lines().any(|l| l == varchar), "{rendered}");
    }
}
