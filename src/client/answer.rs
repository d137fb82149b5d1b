//! What a call brought back, owned.

use super::error::Malformed;
use crate::wire::volt::{response::Response, status::Status};
use tollgate_schema::{codec::TableReader, value::Value};

/// How a call went, and its result tables.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    pub status: Status,
    /// Empty when the server said nothing.
    pub status_text: String,
    pub tables: Vec<ResultTable>,
}

/// A result table.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResultTable {
    /// Name and type code of each column.
    pub columns: Vec<(String, i8)>,
    pub rows: Vec<Vec<Value>>,
}

impl Answer {
    /// Reads the tables of a response.
    pub fn of(response: &Response<'_>) -> Result<Answer, Malformed> {
        let tables = response.tables.iter().map(|table| ResultTable::of(&table?));
        Ok(Answer {
            status: response.status,
            status_text: response.status_text.unwrap_or_default().to_string(),
            tables: tables.collect::<Result<_, Malformed>>()?,
        })
    }

    pub fn is_success(&self) -> bool {
        self.status == Status::Success
    }

    /// The first table, or an empty one.
    pub fn into_first_table(mut self) -> ResultTable {
        if self.tables.is_empty() { ResultTable::default() } else { self.tables.swap_remove(0) }
    }
}

impl ResultTable {
    fn of(table: &TableReader<'_>) -> Result<ResultTable, Malformed> {
        let columns = table.columns().map(|(name, code)| (name.to_string(), code)).collect();
        Ok(ResultTable { columns, rows: table.to_values()? })
    }

    /// The position of a column, by name in any case.
    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|(known, _)| known.eq_ignore_ascii_case(name))
    }

    /// The text in a column of a row; `None` for NULL, for no such column and for no text.
    pub fn text<'a>(&self, row: &'a [Value], name: &str) -> Option<&'a str> {
        match row.get(self.column(name)?)? {
            Value::Varchar(text) => Some(text),
            _ => None,
        }
    }

    /// The integer in a column of a row; `None` as above.
    pub fn integer(&self, row: &[Value], name: &str) -> Option<i64> {
        row.get(self.column(name)?)?.as_integer()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::volt::response::Tables;
    use tollgate_schema::{codec::TableHeader, types};

    #[test]
    fn tables_are_read_by_name() {
        let header = TableHeader::new([("ID", types::Type::BigInt), ("NAME", types::VARCHAR_DEFAULT)]);
        let mut bytes = Vec::new();
        header.one_row(&mut bytes, |row| {
            row.put_i64(7).put_str("Davis");
        });
        let response = Response::success(1, Tables { count: 1, bytes: &bytes });
        let answer = Answer::of(&response).unwrap();
        assert!(answer.is_success());
        let table = answer.into_first_table();
        assert_eq!(table.integer(&table.rows[0], "id"), Some(7));
        assert_eq!(table.text(&table.rows[0], "Name"), Some("Davis"));
        assert_eq!(table.integer(&table.rows[0], "name"), None);
        assert_eq!(table.integer(&table.rows[0], "other"), None);
    }

    #[test]
    fn a_broken_table_is_an_error() {
        let bytes = [0, 0, 0, 4, 0, 0, 0, 9];
        let response = Response::success(1, Tables { count: 1, bytes: &bytes });
        assert!(matches!(Answer::of(&response), Err(Malformed::Table(_))));
    }
}
