//! What the server says of its tables and procedures (`@SystemCatalog`): the types that text from a command
//! line or a file is converted to.

use super::{Connection, ResultTable};
use anyhow::{Context as _, Result, bail, ensure};
use tollgate_schema::{
    types::Type,
    value::{Value, convert},
};

/// A column of a table, or a parameter of a procedure.
#[derive(Clone, Debug, PartialEq)]
pub struct Declared {
    pub name: String,
    pub declared_type: Type,
    /// What a column gets when nothing is given, if it is a constant.
    pub default: Option<Value>,
}

/// A table with its columns in order.
#[derive(Clone, Debug, PartialEq)]
pub struct DeclaredTable {
    /// As the server spells it.
    pub name: String,
    pub columns: Vec<Declared>,
}

/// A procedure with its parameters in order.
#[derive(Clone, Debug, PartialEq)]
pub struct DeclaredProcedure {
    /// As the server spells it.
    pub name: String,
    pub parameters: Vec<Declared>,
}

impl Declared {
    /// A value of this type from its text.
    pub fn parse(&self, text: &str) -> Result<Value, String> {
        let value = convert(&Value::Varchar(text.to_string()), self.declared_type);
        value.map_err(|error| format!("{}: {error}", self.name))
    }
}

/// The table of that name, in any case.
pub fn table(connection: &mut Connection, name: &str) -> Result<DeclaredTable> {
    let columns = catalog(connection, "COLUMNS")?;
    let (spelt, declared) = named(&columns, "TABLE_NAME", name)?;
    match spelt {
        Some(name) => Ok(DeclaredTable { name, columns: declared }),
        None => bail!("there is no table {name}; there are {}", names(&columns, "TABLE_NAME")),
    }
}

/// The procedure of that name, exactly or else in any case.
pub fn procedure(connection: &mut Connection, name: &str) -> Result<DeclaredProcedure> {
    let known = catalog(connection, "PROCEDURES")?;
    let spelt = known
        .rows
        .iter()
        .filter_map(|row| known.text(row, "PROCEDURE_NAME"))
        .filter(|known| known.eq_ignore_ascii_case(name))
        .max_by_key(|known| *known == name);
    let Some(spelt) = spelt else {
        bail!("there is no procedure {name}; there are {}", names(&known, "PROCEDURE_NAME"));
    };
    let columns = catalog(connection, "PROCEDURECOLUMNS")?;
    let (_, parameters) = named(&columns, "PROCEDURE_NAME", spelt)?;
    Ok(DeclaredProcedure { name: spelt.to_string(), parameters })
}

fn catalog(connection: &mut Connection, selector: &str) -> Result<ResultTable> {
    let answer = connection.call("@SystemCatalog", &[Value::Varchar(selector.to_string())])?;
    ensure!(answer.is_success(), "@SystemCatalog {selector}: {}", answer.status_text);
    Ok(answer.into_first_table())
}

/// The columns that belong to `owner`, in order, and how the server spells it if there are any.
fn named(columns: &ResultTable, owner_column: &str, owner: &str) -> Result<(Option<String>, Vec<Declared>)> {
    let mut spelt = None;
    let mut found = Vec::new();
    for row in &columns.rows {
        let Some(name) = columns.text(row, owner_column) else { continue };
        if !name.eq_ignore_ascii_case(owner) {
            continue;
        }
        spelt.get_or_insert_with(|| name.to_string());
        let position =
            columns.integer(row, "ORDINAL_POSITION").context("a column without ORDINAL_POSITION")?;
        let name = columns.text(row, "COLUMN_NAME").context("a column without COLUMN_NAME")?.to_string();
        let declared_type = type_of(columns, row)?;
        let default = columns.text(row, "COLUMN_DEF").and_then(|text| constant(text, declared_type));
        found.push((position, Declared { name, declared_type, default }));
    }
    found.sort_by_key(|(position, _)| *position);
    Ok((spelt, found.into_iter().map(|(_, declared)| declared).collect()))
}

/// A default as the catalogue writes it: a number, or a text in quotes.
fn constant(text: &str, declared_type: Type) -> Option<Value> {
    let quoted = text.strip_prefix("x'").or_else(|| text.strip_prefix('\''));
    let text = quoted.and_then(|q| q.strip_suffix('\'')).map_or(text.to_string(), |q| q.replace("''", "'"));
    convert(&Value::Varchar(text), declared_type).ok()
}

fn type_of(columns: &ResultTable, row: &[Value]) -> Result<Type> {
    // COLUMNS calls it COLUMN_SIZE, PROCEDURECOLUMNS calls it PRECISION.
    let size = columns.integer(row, "COLUMN_SIZE").or_else(|| columns.integer(row, "PRECISION"));
    let max = size.and_then(|size| u32::try_from(size).ok());
    let octets = columns.integer(row, "CHAR_OCTET_LENGTH");
    let name = columns.text(row, "TYPE_NAME").context("a column without TYPE_NAME")?;
    Ok(match (name, max) {
        ("TINYINT", _) => Type::TinyInt,
        ("SMALLINT", _) => Type::SmallInt,
        ("INTEGER", _) => Type::Integer,
        ("BIGINT", _) => Type::BigInt,
        ("FLOAT", _) => Type::Float,
        ("DECIMAL", _) => Type::Decimal,
        ("TIMESTAMP", _) => Type::Timestamp,
        ("VARCHAR", Some(max)) => Type::Varchar { max, in_bytes: octets == Some(i64::from(max)) },
        ("VARBINARY", Some(max)) => Type::Varbinary { max },
        _ => bail!("values of type {name} are not known to this tool"),
    })
}

/// Different names, in order, shortened when there are many.
fn names(table: &ResultTable, column: &str) -> String {
    const SHOWN_MAX: usize = 40;
    let mut names: Vec<&str> = table.rows.iter().filter_map(|row| table.text(row, column)).collect();
    names.dedup();
    let shown = names.iter().take(SHOWN_MAX).copied().collect::<Vec<_>>().join(", ");
    if names.len() > SHOWN_MAX { format!("{shown} and {} more", names.len() - SHOWN_MAX) } else { shown }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tollgate_schema::codec::code;

    fn columns() -> ResultTable {
        let text = |t: &str| Value::Varchar(t.to_string());
        let row = |table, name, type_name, size, octets, position| {
            vec![
                text(table),
                text(name),
                text(type_name),
                Value::Integer(size),
                octets,
                Value::Integer(position),
            ]
        };
        let names = [
            "TABLE_NAME",
            "COLUMN_NAME",
            "TYPE_NAME",
            "COLUMN_SIZE",
            "CHAR_OCTET_LENGTH",
            "ORDINAL_POSITION",
        ];
        ResultTable {
            columns: names.map(|name| (name.to_string(), code::STRING)).to_vec(),
            rows: vec![
                row("STATIONS", "NAME", "VARCHAR", 25, Value::Integer(25), 2),
                row("STATIONS", "STATION_ID", "SMALLINT", 15, Value::Null, 1),
                row("TRAINS", "NAME", "VARCHAR", 25, Value::Integer(100), 1),
            ],
        }
    }

    #[test]
    fn columns_come_in_order_with_their_types() {
        let (spelt, found) = named(&columns(), "TABLE_NAME", "stations").unwrap();
        assert_eq!(spelt.as_deref(), Some("STATIONS"));
        let types: Vec<_> = found.iter().map(|c| (c.name.as_str(), c.declared_type)).collect();
        let name_type = Type::Varchar { max: 25, in_bytes: true };
        assert_eq!(types, [("STATION_ID", Type::SmallInt), ("NAME", name_type)]);
        assert!(found.iter().all(|column| column.default.is_none()));
        let (_, trains) = named(&columns(), "TABLE_NAME", "TRAINS").unwrap();
        assert_eq!(trains[0].declared_type, Type::Varchar { max: 25, in_bytes: false });
        assert_eq!(named(&columns(), "TABLE_NAME", "MOON").unwrap(), (None, vec![]));
        assert_eq!(names(&columns(), "TABLE_NAME"), "STATIONS, TRAINS");
    }

    #[test]
    fn defaults_are_constants() {
        let text = Type::Varchar { max: 9, in_bytes: false };
        assert_eq!(constant("250", Type::SmallInt), Some(Value::SmallInt(250)));
        assert_eq!(constant("'it''s'", text), Some(Value::Varchar("it's".to_string())));
        assert_eq!(constant("x'0AFF'", Type::Varbinary { max: 9 }), Some(Value::Varbinary(vec![10, 255])));
        assert_eq!(constant("CURRENT_TIMESTAMP", Type::Timestamp), None);
    }

    #[test]
    fn text_becomes_a_value_or_an_error_that_names_the_column() {
        let column = Declared { name: "FARE".to_string(), declared_type: Type::SmallInt, default: None };
        assert_eq!(column.parse("250"), Ok(Value::SmallInt(250)));
        assert!(column.parse("40000").unwrap_err().starts_with("FARE: "));
        assert!(column.parse("much").unwrap_err().starts_with("FARE: "));
    }
}
