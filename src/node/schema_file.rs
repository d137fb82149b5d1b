//! The schema that a data directory was written with, beside its data as `schema.sql`: for people, and for
//! what is told when a binary with another schema is started on it. Whether data can be read is decided by
//! the [fingerprints](super::fingerprint) in the data, never by this file.

use super::{
    directory::DataDirectory,
    fingerprint::{organisation, view_over_stream_before},
};
use anyhow::Result;
use tollgate_schema::{
    catalog::{Catalog, ColumnDef, TableDef, TableKind},
    ddl,
};

const HEADER: &str = "-- The schema of this data, as the server wrote it. Nothing reads it but a server that cannot read the data.\n";

/// The schema of the directory; `None` if there is none yet, or none that this binary understands.
pub(super) fn read(directory: &DataDirectory) -> Option<Catalog> {
    ddl::parse(&std::fs::read_to_string(directory.schema()).ok()?).ok()
}

/// Writes down the schema that the directory has from now on, and logs what is new. `before`: what was read.
pub(super) fn keep(directory: &DataDirectory, before: Option<&Catalog>, catalog: &Catalog) -> Result<()> {
    if before == Some(catalog) {
        return Ok(());
    }
    let known = before.map_or(catalog.tables.len(), |before| before.tables.len());
    for table in catalog.tables.iter().skip(known) {
        tracing::info!("the schema has a new {}: {}", kind_word(table), table.name);
    }
    directory.write(&directory.schema(), &format!("{HEADER}{}", ddl::render(catalog)))
}

/// An error of recovery, with the reason if it is that the schema was changed.
pub(super) fn explain(error: anyhow::Error, before: Option<&Catalog>, catalog: &Catalog) -> anyhow::Error {
    match before.and_then(|before| first_difference(before, catalog)) {
        None => error,
        Some(difference) => error.context(format!(
            "the data was written with another schema: {difference}. Data goes on with a schema that has what it had \
             before, in the same order, and what is new behind that"
        )),
    }
}

/// Why data of the one catalogue cannot go on with the other.
fn first_difference(was: &Catalog, is: &Catalog) -> Option<String> {
    for (place, old) in was.tables.iter().enumerate() {
        let Some(new) = is.tables.get(place) else { return Some(format!("{} is gone", named(old))) };
        if old.name != new.name {
            let place = format!("in its place stands {}", named(new));
            let verb = if is.find(&old.name).is_some() { "was moved" } else { "is gone" };
            return Some(format!("{} {verb}, {place}", named(old)));
        }
        if let Some(difference) = table_difference(was, old, is, new) {
            return Some(difference);
        }
    }
    let view = view_over_stream_before(is, was.tables.len())?;
    Some(format!(
        "{} is over a stream that was there before it, whose first rows may have been trimmed; a view over a stream \
         comes with the stream",
        named(view)
    ))
}

fn table_difference(was: &Catalog, old: &TableDef, is: &Catalog, new: &TableDef) -> Option<String> {
    let name = named(old);
    if kind_word(old) != kind_word(new) {
        return Some(format!("{name} is a {} now", kind_word(new)));
    }
    for (old, new) in old.columns.iter().zip(&new.columns) {
        let (old, new) = (column_text(old), column_text(new));
        if old != new {
            return Some(format!("a column of {name} was {old}, it is {new} now"));
        }
    }
    if let Some(column) = old.columns.get(new.columns.len()) {
        return Some(format!("column {} of {name} is gone", column.name));
    }
    if let Some(column) = new.columns.get(old.columns.len()) {
        return Some(format!("{name} has a new column, {}", column.name));
    }
    let (before, now) = (partitioned(old), partitioned(new));
    if before != now {
        return Some(format!("{name} was {before}, it is {now} now"));
    }
    let (before, now) = (primary_key(old), primary_key(new));
    if before != now {
        return Some(format!("the primary key of {name} was {before}, it is {now} now"));
    }
    if organisation(old) != organisation(new) {
        return Some(format!("by its indexes, the rows of {name} are kept in another way now"));
    }
    if let (TableKind::View(old), TableKind::View(new)) = (&old.kind, &new.kind) {
        let same_source = was.table(old.source).name == is.table(new.source).name;
        let same = (&old.groups, &old.aggregates, &old.filter) == (&new.groups, &new.aggregates, &new.filter);
        return (!same || !same_source).then(|| format!("{name} is made in another way now"));
    }
    None
}

fn kind_word(table: &TableDef) -> &'static str {
    match table.kind {
        TableKind::Table(_) => "table",
        TableKind::Stream { .. } => "stream",
        TableKind::View(_) => "view",
    }
}

fn named(table: &TableDef) -> String {
    format!("{} {}", kind_word(table), table.name)
}

fn column_text(column: &ColumnDef) -> String {
    let null = if column.nullable { "" } else { " NOT NULL" };
    let hidden = if column.hidden { " HIDDEN" } else { "" };
    format!("{} {}{null}{hidden}", column.name, column.column_type)
}

fn partitioned(table: &TableDef) -> String {
    match table.partition_column {
        Some(column) => format!("partitioned on {}", table.columns[column].name),
        None => "not partitioned".to_string(),
    }
}

fn primary_key(table: &TableDef) -> String {
    let Some(key) = &table.primary_key else { return "none".to_string() };
    let names: Vec<&str> = key.columns.iter().map(|&column| table.columns[column].name.as_str()).collect();
    format!("({})", names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::{
        super::fingerprint::{Fingerprints, fingerprint},
        *,
    };

    const TABLE: &str =
        "CREATE TABLE t (a INTEGER NOT NULL, b TIMESTAMP NOT NULL, c VARCHAR(9), PRIMARY KEY (a));";
    const STREAM: &str = "CREATE STREAM s PARTITION ON COLUMN a (a INTEGER NOT NULL);";
    const VIEW: &str = "CREATE VIEW v AS SELECT a, COUNT(*) FROM t GROUP BY a;";
    const HEAP: &str =
        "CREATE TABLE h (a INTEGER NOT NULL, b TIMESTAMP NOT NULL); PARTITION TABLE h ON COLUMN a;";

    fn parse(ddl: &str) -> Catalog {
        ddl::parse(ddl).unwrap_or_else(|error| panic!("{error}: {ddl}"))
    }

    fn difference(was: &str, is: &str) -> String {
        first_difference(&parse(was), &parse(is)).unwrap_or_default()
    }

    #[test]
    fn the_first_difference_is_named() {
        let check = |was: &str, is: &str, expected: &str| assert_eq!(difference(was, is), expected);
        check(TABLE, &format!("{TABLE}{STREAM}{VIEW}"), "");
        check(&format!("{TABLE}{STREAM}"), TABLE, "stream S is gone");
        check(
            &format!("{TABLE}{STREAM}"),
            &format!("{STREAM}{TABLE}"),
            "table T was moved, in its place stands stream S",
        );
        check(TABLE, STREAM, "table T is gone, in its place stands stream S");
        check(
            TABLE,
            &TABLE.replace("c VARCHAR(9)", "c VARCHAR(10)"),
            "a column of table T was C VARCHAR(9), it is C VARCHAR(10) now",
        );
        check(
            TABLE,
            &TABLE.replace("b TIMESTAMP NOT NULL", "b TIMESTAMP"),
            "a column of table T was B TIMESTAMP NOT NULL, it is B TIMESTAMP now",
        );
        check(TABLE, &TABLE.replace(", c VARCHAR(9)", ""), "column C of table T is gone");
        check(TABLE, &TABLE.replace("c VARCHAR(9)", "c VARCHAR(9), d FLOAT"), "table T has a new column, D");
        check(
            TABLE,
            &TABLE.replace("KEY (a)", "KEY (a, b)"),
            "the primary key of table T was (A), it is (A, B) now",
        );
        check(
            TABLE,
            &format!("{TABLE} PARTITION TABLE t ON COLUMN a;"),
            "table T was not partitioned, it is partitioned on A now",
        );
        check(
            HEAP,
            &format!("{HEAP} CREATE INDEX i ON h (a, b);"),
            "by its indexes, the rows of table H are kept in another way now",
        );
        let other_view = VIEW.replace("FROM t", "FROM t WHERE a > 1");
        check(
            &format!("{TABLE}{VIEW}"),
            &format!("{TABLE}{other_view}"),
            "view V is made in another way now",
        );
        let over_stream = "CREATE VIEW w AS SELECT a, COUNT(*) FROM s GROUP BY a;";
        assert!(difference(STREAM, &format!("{STREAM}{over_stream}")).starts_with("view W is over a stream"));
    }

    /// What the file says and what the data says come to the same, for any two of many schemas.
    #[test]
    fn there_is_a_difference_exactly_if_the_data_cannot_be_read() {
        let parts = [TABLE, STREAM, VIEW, HEAP];
        let mut schemas: Vec<String> = (0..=parts.len()).map(|count| parts[..count].concat()).collect();
        let more = [
            "CREATE INDEX i ON h (a, b);",
            "CREATE INDEX i ON t (b);",
            "CREATE VIEW w AS SELECT a, COUNT(*) FROM s GROUP BY a;",
            "CREATE VIEW x AS SELECT a, COUNT(*) FROM h GROUP BY a; CREATE TABLE y (a FLOAT);",
            "PARTITION TABLE t ON COLUMN a;",
            "CREATE TOPIC USING STREAM s;",
        ];
        schemas.extend(more.iter().map(|statement| [&parts.concat(), *statement].concat()));
        schemas.extend([
            [HEAP, TABLE].concat(),
            [TABLE, HEAP].concat(),
            TABLE.replace("INTEGER", "BIGINT"),
            TABLE.replace("INTEGER NOT NULL", "INTEGER DEFAULT 7 NOT NULL"),
            TABLE.replace("KEY (a)", "KEY (b)"),
            [TABLE, STREAM, &VIEW.replace("FROM t", "FROM s")].concat(),
            [TABLE, STREAM, &VIEW.replace("COUNT(*)", "MAX(b)")].concat(),
        ]);
        for was in &schemas {
            for is in &schemas {
                let (old, new) = (parse(was), parse(is));
                let reads = Fingerprints::of(&new).reads(fingerprint(&old));
                let difference = first_difference(&old, &new);
                assert_eq!(difference.is_none(), reads, "{difference:?}\nfrom {was}\nto {is}");
            }
        }
    }

    #[test]
    fn the_product_s_own_schema_reads_back() {
        let registry = crate::product_registry();
        let text = format!("{HEADER}{}", ddl::render(registry.catalog()));
        assert_eq!(parse(&text), *registry.catalog());
    }
}
