//! Rows as lists of values, for whoever knows the table only at run time: ad hoc SQL, loaders, default
//! procedures. Never knows how rows are kept.

use thiserror::Error;

use crate::{
    catalog::{ColumnDef, TableDef},
    row::{RowRef, Slot, TAIL_NULL},
    types::Type,
    value::{
        ConvertError, Decimal, NULL_BIGINT, NULL_DECIMAL, NULL_FLOAT, NULL_INTEGER, NULL_SMALLINT,
        NULL_TINYINT, Value, check_binary_length, check_text_length, convert,
    },
};

/// Why values are no row of a table.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RowError {
    #[error("{table} has {columns} columns, {given} values were given")]
    TooManyValues { table: String, columns: usize, given: usize },
    #[error("{table}.{column} is NOT NULL")]
    NotNull { table: String, column: String },
    #[error("{table}.{column}: {error}")]
    Convert { table: String, column: String, error: ConvertError },
}

/// What a column holds when an INSERT does not name it. `now_us`: the transaction's time.
pub fn default_value(column: &ColumnDef, now_us: i64) -> Value {
    if column.default_now { Value::Timestamp(now_us) } else { column.default.clone() }
}

/// Appends a row's image to `fixed` and `tail`. The values are in the order of the columns and are converted
/// to their types; columns beyond them get their defaults. On an error nothing is appended.
pub fn encode_row(
    table: &TableDef,
    values: &[Value],
    now_us: i64,
    fixed: &mut Vec<u8>,
    tail: &mut Vec<u8>,
) -> Result<(), RowError> {
    if values.len() > table.columns.len() {
        return Err(RowError::TooManyValues {
            table: table.name.clone(),
            columns: table.columns.len(),
            given: values.len(),
        });
    }
    let before = (fixed.len(), tail.len());
    for (position, column) in table.columns.iter().enumerate() {
        let result = match values.get(position) {
            Some(value) => encode(table, column, value, fixed, tail),
            None => encode(table, column, &default_value(column, now_us), fixed, tail),
        };
        if let Err(error) = result {
            fixed.truncate(before.0);
            tail.truncate(before.1);
            return Err(error);
        }
    }
    debug_assert_eq!(fixed.len(), before.0 + table.layout.fixed_width);
    Ok(())
}

/// Checks a value and appends it to the part of the row it belongs to.
fn encode(
    table: &TableDef,
    column: &ColumnDef,
    value: &Value,
    fixed: &mut Vec<u8>,
    tail: &mut Vec<u8>,
) -> Result<(), RowError> {
    let converted;
    let value = if is_of_type(value, column.column_type) {
        value
    } else {
        converted = convert(value, column.column_type).map_err(|error| refused(table, column, error))?;
        &converted
    };
    if *value == Value::Null && !column.nullable {
        return Err(RowError::NotNull { table: table.name.clone(), column: column.name.clone() });
    }
    match (value, column.column_type) {
        (Value::Varchar(text), Type::Varchar { max, in_bytes }) => {
            check_text_length(text, max, in_bytes).map_err(|error| refused(table, column, error))?;
        }
        (Value::Varbinary(bytes), Type::Varbinary { max }) => {
            check_binary_length(bytes, max).map_err(|error| refused(table, column, error))?;
        }
        _ => {}
    }
    write(value, column.column_type, fixed, tail);
    Ok(())
}

fn refused(table: &TableDef, column: &ColumnDef, error: ConvertError) -> RowError {
    RowError::Convert { table: table.name.clone(), column: column.name.clone(), error }
}

/// Whether [`convert`] can be spared: numbers that may be a NULL in disguise go through it.
fn is_of_type(value: &Value, column_type: Type) -> bool {
    match (value, column_type) {
        (Value::Null, _)
        | (Value::Varchar(_), Type::Varchar { .. })
        | (Value::Varbinary(_), Type::Varbinary { .. }) => true,
        (Value::TinyInt(number), Type::TinyInt) => *number != NULL_TINYINT,
        (Value::SmallInt(number), Type::SmallInt) => *number != NULL_SMALLINT,
        (Value::Integer(number), Type::Integer) => *number != NULL_INTEGER,
        (Value::BigInt(number), Type::BigInt) | (Value::Timestamp(number), Type::Timestamp) => {
            *number != NULL_BIGINT
        }
        _ => false,
    }
}

/// Appends a value that is of the column's type, or NULL.
pub(crate) fn write(value: &Value, column_type: Type, fixed: &mut Vec<u8>, tail: &mut Vec<u8>) {
    match value {
        Value::Null => write_null(column_type, fixed, tail),
        Value::TinyInt(number) => fixed.extend_from_slice(&number.to_le_bytes()),
        Value::SmallInt(number) => fixed.extend_from_slice(&number.to_le_bytes()),
        Value::Integer(number) => fixed.extend_from_slice(&number.to_le_bytes()),
        Value::BigInt(number) | Value::Timestamp(number) => fixed.extend_from_slice(&number.to_le_bytes()),
        Value::Float(number) => fixed.extend_from_slice(&number.to_le_bytes()),
        Value::Decimal(Decimal(unscaled)) => fixed.extend_from_slice(&unscaled.to_le_bytes()),
        Value::Varchar(text) => write_tail(text.as_bytes(), tail),
        Value::Varbinary(bytes) => write_tail(bytes, tail),
    }
}

fn write_tail(bytes: &[u8], tail: &mut Vec<u8>) {
    tail.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
    tail.extend_from_slice(bytes);
}

fn write_null(column_type: Type, fixed: &mut Vec<u8>, tail: &mut Vec<u8>) {
    match column_type {
        Type::TinyInt => fixed.extend_from_slice(&NULL_TINYINT.to_le_bytes()),
        Type::SmallInt => fixed.extend_from_slice(&NULL_SMALLINT.to_le_bytes()),
        Type::Integer => fixed.extend_from_slice(&NULL_INTEGER.to_le_bytes()),
        Type::BigInt | Type::Timestamp => fixed.extend_from_slice(&NULL_BIGINT.to_le_bytes()),
        Type::Float => fixed.extend_from_slice(&NULL_FLOAT.to_le_bytes()),
        Type::Decimal => fixed.extend_from_slice(&NULL_DECIMAL.to_le_bytes()),
        Type::Varchar { .. } | Type::Varbinary { .. } => tail.extend_from_slice(&TAIL_NULL.to_le_bytes()),
    }
}

/// All values of a row, in the order of the columns. The row must be one of the table's.
pub fn decode_row(table: &TableDef, row: RowRef<'_>) -> Vec<Value> {
    (0..table.columns.len()).map(|column| column_value(table, row, column)).collect()
}

/// One column's value. The row must be one of the table's, `column` a position in it.
pub fn column_value(table: &TableDef, row: RowRef<'_>, column: usize) -> Value {
    let column_type = table.columns[column].column_type;
    match table.layout.slots[column] {
        Slot::Fixed { offset } => fixed_value(row, offset as usize, column_type),
        Slot::Tail { ordinal } => match (row.tail_value(ordinal as usize), column_type) {
            (None, _) => Value::Null,
            (Some(bytes), Type::Varbinary { .. }) => Value::Varbinary(bytes.to_vec()),
            // Only text is ever written to a VARCHAR.
            (Some(bytes), _) => Value::Varchar(String::from_utf8_lossy(bytes).into_owned()),
        },
    }
}

fn fixed_value(row: RowRef<'_>, offset: usize, column_type: Type) -> Value {
    let width = column_type.fixed_width().expect("a column in the fixed part is of a fixed width");
    let is_integer = column_type.is_integer() || column_type == Type::Timestamp;
    if is_integer {
        let number = row.integer(offset, width);
        let is_null = number == i64::MIN >> (64 - 8 * width);
        return match column_type {
            _ if is_null => Value::Null,
            Type::TinyInt => Value::TinyInt(number as i8),
            Type::SmallInt => Value::SmallInt(number as i16),
            Type::Integer => Value::Integer(number as i32),
            Type::Timestamp => Value::Timestamp(number),
            _ => Value::BigInt(number),
        };
    }
    let bytes = &row.fixed[offset..offset + width];
    if column_type == Type::Float {
        let number = f64::from_le_bytes(bytes.try_into().expect("a FLOAT is eight bytes"));
        return if number <= NULL_FLOAT { Value::Null } else { Value::Float(number) };
    }
    let unscaled = i128::from_le_bytes(bytes.try_into().expect("a DECIMAL is sixteen bytes"));
    if unscaled == NULL_DECIMAL { Value::Null } else { Value::Decimal(Decimal(unscaled)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ddl;
    use proptest::prelude::*;

    const DDL: &str = "CREATE TABLE t (a TINYINT, b SMALLINT DEFAULT 7 NOT NULL, c INTEGER, d BIGINT, e FLOAT,
        f DECIMAL, g VARCHAR(5), h VARBINARY(3), i TIMESTAMP DEFAULT NOW, j VARCHAR(2 BYTES) DEFAULT 'é' NOT NULL)";

    fn encoded(values: &[Value]) -> Result<Vec<Value>, String> {
        let catalog = ddl::parse(DDL).unwrap();
        let table = catalog.table(0);
        let (mut fixed, mut tail) = (vec![9], vec![9]);
        let result = encode_row(table, values, 1_000, &mut fixed, &mut tail);
        if let Err(error) = result {
            assert_eq!((fixed, tail), (vec![9], vec![9]), "an error leaves nothing behind");
            return Err(error.to_string());
        }
        let image = [&fixed[1..], &tail[1..]].concat();
        let (row, rest) = table.layout.split(&image).unwrap();
        assert_eq!(rest, b"");
        Ok(decode_row(table, row))
    }

    #[test]
    fn defaults() {
        let nulls = || std::iter::repeat_n(Value::Null, 6);
        let mut expected = vec![Value::Integer(1).into_tiny(), Value::SmallInt(7)];
        expected.extend(nulls());
        expected.extend([Value::Timestamp(1_000), Value::Varchar("é".to_owned())]);
        assert_eq!(encoded(&[Value::Integer(1)]), Ok(expected));
    }

    impl Value {
        fn into_tiny(self) -> Value {
            convert(&self, Type::TinyInt).unwrap()
        }
    }

    #[test]
    fn refusals_name_the_column() {
        let check = |values: &[Value], error: &str| assert_eq!(encoded(values), Err(error.to_owned()));
        let null = Value::Null;
        check(&[null.clone(), null.clone()], "T.B is NOT NULL");
        check(&[Value::Integer(128)], "T.A: 128 is out of range for TINYINT");
        check(&[Value::TinyInt(-128)], "T.A: -128 is out of range for TINYINT");
        let mut long = vec![Value::TinyInt(1); 6];
        long.push(Value::Varchar("sieben".to_owned()));
        check(&long, "T.G: a value of 6 characters is too long for VARCHAR(5)");
        check(&vec![Value::Varchar("1".to_owned()); 11], "T has 10 columns, 11 values were given");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            a in any::<i8>(), b in -32_767_i16.., c in any::<i32>(), d in any::<i64>(), e in any::<f64>(),
            f in -(10_i128.pow(38)) + 1..10_i128.pow(38), g in "[é-ö]{0,5}", h in proptest::collection::vec(any::<u8>(), 0..4),
            i in any::<i64>(), nulls in any::<u16>(),
        ) {
            let or_null = |bit: u16, is_null: bool, value: Value| {
                if is_null || nulls >> bit & 1 == 1 { Value::Null } else { value }
            };
            let row = vec![
                or_null(0, a == i8::MIN, Value::TinyInt(a)),
                Value::SmallInt(b),
                or_null(2, c == i32::MIN, Value::Integer(c)),
                or_null(3, d == i64::MIN, Value::BigInt(d)),
                or_null(4, e <= NULL_FLOAT, Value::Float(e)),
                or_null(5, false, Value::Decimal(Decimal(f))),
                or_null(6, false, Value::Varchar(g)),
                or_null(7, false, Value::Varbinary(h)),
                or_null(8, i == i64::MIN, Value::Timestamp(i)),
                Value::Varchar("ab".to_owned()),
            ];
            prop_assert_eq!(encoded(&row), Ok(row));
        }
    }
}
