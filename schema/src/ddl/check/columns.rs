//! Columns, their defaults, and the rules on keys.

use super::super::{
    DdlError, Position,
    statement::{Column, Default, Literal, LiteralKind, Name},
};
use crate::{
    catalog::{ColumnDef, KeyDef, TableDef},
    types::{Type, VALUE_BYTES_MAX},
    value::{Decimal, Value, convert},
};

const COLUMNS_MAX: usize = 1024;
/// The longest row of a table: VoltDB's limit, which its clients know.
const ROW_BYTES_MAX: u64 = 2 << 20;

pub(super) fn columns(of: &Name, columns: &[Column]) -> Result<Vec<ColumnDef>, DdlError> {
    let mut checked: Vec<ColumnDef> = Vec::with_capacity(columns.len());
    let mut row_bytes = 0;
    if columns.is_empty() {
        return Err(DdlError::at(of.at, format!("{} has no column", of.text)));
    }
    for column in columns {
        let error = |message: String| Err(DdlError::at(column.name.at, message));
        if checked.iter().any(|known| known.name == column.name.text) {
            return error(format!("{} has a column {} already", of.text, column.name.text));
        }
        if checked.len() == COLUMNS_MAX {
            return error(format!("more than {COLUMNS_MAX} columns"));
        }
        row_bytes += bytes_max(column.column_type);
        if row_bytes > ROW_BYTES_MAX {
            return error(format!(
                "with this column a row may take {row_bytes} bytes; {ROW_BYTES_MAX} are allowed"
            ));
        }
        match (column.hidden, checked.last().is_some_and(|before| before.hidden)) {
            (false, true) => {
                return error("a hidden column can only be followed by hidden columns".to_string());
            }
            (true, _) if column.column_type.fixed_width().is_none() => {
                return error(format!("a hidden column has a fixed width, {} has not", column.column_type));
            }
            (true, _) if !column.nullable && column.default.is_none() => {
                return error("a hidden column that is NOT NULL needs a DEFAULT".to_string());
            }
            _ => {}
        }
        checked.push(checked_column(column)?);
    }
    Ok(checked)
}

fn bytes_max(column_type: Type) -> u64 {
    match column_type {
        Type::Varchar { max, in_bytes: false } => u64::from(max.saturating_mul(4).min(VALUE_BYTES_MAX)),
        Type::Varchar { max, .. } | Type::Varbinary { max } => u64::from(max),
        fixed => fixed.fixed_width().unwrap_or_default() as u64,
    }
}

fn checked_column(column: &Column) -> Result<ColumnDef, DdlError> {
    let (default, default_now) = match &column.default {
        None => (Value::Null, false),
        Some(Default::Now(at)) if column.column_type != Type::Timestamp => {
            let message =
                format!("DEFAULT NOW is for TIMESTAMP, and {} is {}", column.name.text, column.column_type);
            return Err(DdlError::at(*at, message));
        }
        Some(Default::Now(_)) => (Value::Null, true),
        Some(Default::Literal(literal)) => {
            let value = value_of(literal, column.column_type)?;
            if value == Value::Null && !column.nullable {
                return Err(DdlError::at(
                    literal.at,
                    format!("{} is NOT NULL, so NULL is no default", column.name.text),
                ));
            }
            (value, false)
        }
    };
    Ok(ColumnDef {
        name: column.name.text.clone(),
        column_type: column.column_type,
        nullable: column.nullable,
        default,
        default_now,
        hidden: column.hidden,
    })
}

/// A literal as a value of that type.
pub(super) fn value_of(literal: &Literal, wanted: Type) -> Result<Value, DdlError> {
    let malformed = || DdlError::at(literal.at, "expected a number of at most 26 digits before the point");
    let value = match &literal.kind {
        LiteralKind::Null => Value::Null,
        LiteralKind::Text(text) => Value::Varchar(text.clone()),
        LiteralKind::Binary(bytes) => Value::Varbinary(bytes.clone()),
        LiteralKind::Number(digits) if digits.contains(['e', 'E']) => {
            Value::Float(digits.parse().map_err(|_| malformed())?)
        }
        LiteralKind::Number(digits) => match digits.parse() {
            Ok(number) => Value::BigInt(number),
            Err(_) => Value::Decimal(digits.parse::<Decimal>().map_err(|_| malformed())?),
        },
    };
    convert(&value, wanted).map_err(|error| DdlError::at(literal.at, error.to_string()))
}

/// VoltDB's rule on partitioned tables: uniqueness can be checked only where all candidates are in one
/// partition.
pub(super) fn check_unique(
    table: &TableDef,
    what: &str,
    key_columns: &[usize],
    at: Position,
) -> Result<(), DdlError> {
    if !lacks_partition_column(table, key_columns) {
        return Ok(());
    }
    let column = &table.columns[table.partition_column.expect("a column that is lacking exists")].name;
    let message = format!("{what} of {} must contain its partitioning column {column}", table.name);
    Err(DdlError::at(
        at,
        if what.starts_with("the primary") { message } else { message + ", or be ASSUMEUNIQUE" },
    ))
}

fn lacks_partition_column(table: &TableDef, key_columns: &[usize]) -> bool {
    table.partition_column.is_some_and(|column| !key_columns.contains(&column))
}

/// Whether this unique key or index can only have been declared ASSUMEUNIQUE.
pub(in super::super) fn is_assumed_unique(table: &TableDef, key_columns: &[usize]) -> bool {
    lacks_partition_column(table, key_columns)
}

/// The name that VoltDB gives to a key that has none.
pub(super) fn generated_key_name(table: &TableDef, primary: bool, key_columns: &[usize]) -> String {
    let mut name = format!("VOLTDB_AUTOGEN_IDX_{}_{}", if primary { "PK" } else { "CT" }, table.name);
    for column in key_columns {
        name.push('_');
        name.push_str(&table.columns[*column].name);
    }
    name
}

/// A message's place for a key.
pub(super) fn name_of(key: &KeyDef) -> String {
    format!("the unique key {}", key.name)
}
