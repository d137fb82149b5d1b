//! Which field of a line is which column, and a line's fields as the columns' values. Pure.

use crate::client::declared::Declared;
use anyhow::{Result, bail, ensure};
use csv::StringRecord;
use tollgate_schema::value::Value;

/// Whether the first line names the columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Header {
    /// If every field of it is the name of a column.
    Auto,
    Yes,
    No,
}

/// Where each column's value comes from, in the table's order.
#[derive(Debug)]
pub(super) struct ColumnMap {
    columns: Vec<(Declared, Origin)>,
    fields: usize,
}

#[derive(Debug)]
enum Origin {
    Field(usize),
    Default(Value),
}

impl ColumnMap {
    /// From the first line; says whether that line was a header.
    pub(super) fn new(
        columns: &[Declared],
        first: &StringRecord,
        header: Header,
    ) -> Result<(ColumnMap, bool)> {
        let position = |field: &str| {
            let field = field.trim().trim_start_matches('\u{feff}');
            columns.iter().position(|column| column.name.eq_ignore_ascii_case(field))
        };
        let named: Vec<Option<usize>> = first.iter().map(position).collect();
        let is_header = match header {
            Header::No => false,
            Header::Auto => !named.is_empty() && named.iter().all(Option::is_some),
            Header::Yes => {
                if let Some(unknown) = named.iter().position(Option::is_none) {
                    let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
                    bail!(
                        "the header's {:?} is no column; the columns are {}",
                        &first[unknown],
                        names.join(", ")
                    );
                }
                true
            }
        };
        let origin = |column: usize, declared: &Declared| -> Result<Origin> {
            if !is_header {
                return Ok(Origin::Field(column));
            }
            let mut fields = (0..named.len()).filter(|&field| named[field] == Some(column));
            let field = fields.next();
            ensure!(fields.next().is_none(), "the header names {} twice", declared.name);
            Ok(field.map_or_else(
                || Origin::Default(declared.default.clone().unwrap_or(Value::Null)),
                Origin::Field,
            ))
        };
        let origins = columns.iter().enumerate().map(|(n, column)| Ok((column.clone(), origin(n, column)?)));
        let fields = if is_header { named.len() } else { columns.len() };
        Ok((ColumnMap { columns: origins.collect::<Result<_>>()?, fields }, is_header))
    }

    /// A line's values in the table's order, or what is wrong with it.
    pub(super) fn values(&self, record: &StringRecord) -> Result<Vec<Value>, String> {
        if record.len() != self.fields {
            return Err(format!("{} fields, {} expected", record.len(), self.fields));
        }
        let value = |(declared, origin): &(Declared, Origin)| match origin {
            Origin::Default(value) => Ok(value.clone()),
            Origin::Field(field) => match &record[*field] {
                "" | "\\N" => Ok(Value::Null),
                text => declared.parse(text),
            },
        };
        self.columns.iter().map(value).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tollgate_schema::types::Type;

    fn stations() -> Vec<Declared> {
        let column =
            |name: &str, declared_type, default| Declared { name: name.to_string(), declared_type, default };
        vec![
            column("STATION_ID", Type::SmallInt, None),
            column("NAME", Type::Varchar { max: 9, in_bytes: true }, None),
            column("FARE", Type::SmallInt, Some(Value::SmallInt(250))),
        ]
    }

    fn record(fields: &[&str]) -> StringRecord {
        StringRecord::from(fields.to_vec())
    }

    #[test]
    fn a_header_is_told_from_a_row() {
        let is_header =
            |fields: &[&str], header| ColumnMap::new(&stations(), &record(fields), header).unwrap().1;
        assert!(is_header(&["name", " Station_ID "], Header::Auto));
        assert!(is_header(&["\u{feff}name", "station_id"], Header::Auto), "a byte order mark");
        assert!(!is_header(&["1", "Alewife", "250"], Header::Auto));
        assert!(!is_header(&["name", "1"], Header::Auto));
        assert!(!is_header(&["station_id", "name", "fare"], Header::No));
        let error = ColumnMap::new(&stations(), &record(&["1", "Alewife"]), Header::Yes).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the header's \"1\" is no column; the columns are STATION_ID, NAME, FARE"
        );
        let error = ColumnMap::new(&stations(), &record(&["name", "NAME"]), Header::Auto).unwrap_err();
        assert_eq!(error.to_string(), "the header names NAME twice");
    }

    #[test]
    fn fields_become_values() {
        let (map, _) = ColumnMap::new(&stations(), &record(&["name", "station_id"]), Header::Auto).unwrap();
        let alewife = [Value::SmallInt(1), Value::Varchar("Alewife".to_string()), Value::SmallInt(250)];
        assert_eq!(map.values(&record(&["Alewife", "1"])).unwrap(), alewife);
        assert_eq!(map.values(&record(&["", "1"])).unwrap()[1], Value::Null);
        assert_eq!(map.values(&record(&["\\N", "1"])).unwrap()[1], Value::Null);
        for (fields, reason) in
            [(&["Alewife"][..], "1 fields, 2 expected"), (&["Alewife", "1", "2"], "3 fields, 2 expected")]
        {
            assert_eq!(map.values(&record(fields)).unwrap_err(), reason);
        }
        for (fields, prefix) in [(["Alewife", "x"], "STATION_ID: "), (["Massachusetts", "1"], "NAME: ")] {
            let reason = map.values(&record(&fields)).unwrap_err();
            assert!(reason.starts_with(prefix), "{reason}");
        }
    }
}
