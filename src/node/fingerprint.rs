//! Tells whether the positions in blocks and snapshots mean what this binary means by them: one number of a
//! catalogue (`docs/FORMAT.md`, "Fingerprint of a catalogue"). Pure.

use std::fmt::Write as _;
use tollgate_schema::{
    catalog::{Catalog, Organisation, TableDef, TableKind},
    ddl,
    value::Value,
};

/// The same for two catalogues exactly if a row of the one is that row of the other: the same tables in the
/// same places, with the same columns, primary keys and organisation. Indexes, defaults, TTLs, topics and
/// procedures may differ.
pub fn fingerprint(catalog: &Catalog) -> u32 {
    let mut bare = Catalog { topics: Vec::new(), procedures: Vec::new(), ..catalog.clone() };
    bare.tables.iter_mut().for_each(strip);
    let mut text = ddl::render(&bare);
    for table in &catalog.tables {
        // An index can decide it, and those are not in the text.
        writeln!(text, "{}", organisation(table)).expect("a String takes all that is written to it");
    }
    crc32c::crc32c(text.as_bytes())
}

/// How the rows of a table lie together.
pub(super) fn organisation(table: &TableDef) -> String {
    match table.kind {
        TableKind::Table(Organisation::Keyed) => "keyed".to_string(),
        TableKind::Table(Organisation::History { key, time }) => format!("history {key} {time}"),
        TableKind::Table(Organisation::Heap) => "heap".to_string(),
        TableKind::Stream { .. } => "stream".to_string(),
        TableKind::View(_) => "view".to_string(),
    }
}

/// Which catalogues' rows this binary reads: those of its own, and of each that its own continues with
/// tables, streams and views at the end, which move nothing of what was there before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fingerprints {
    own: u32,
    continued: Vec<u32>,
}

impl Fingerprints {
    pub fn of(catalog: &Catalog) -> Fingerprints {
        let shorter = (0..catalog.tables.len()).filter(|&tables| continues(catalog, tables));
        let first = |tables: usize| Catalog {
            tables: catalog.tables[..tables].to_vec(),
            topics: Vec::new(),
            procedures: Vec::new(),
        };
        Fingerprints {
            own: fingerprint(catalog),
            continued: shorter.map(|tables| fingerprint(&first(tables))).collect(),
        }
    }

    /// What is written goes by this one.
    pub fn own(&self) -> u32 {
        self.own
    }

    /// Whether what was written by that one can be read.
    pub fn reads(&self, other: u32) -> bool {
        other == self.own || self.continued.contains(&other)
    }
}

/// Whether what comes behind the first so many tables can be added to data that has only those: a view over a
/// stream that was there cannot, for the stream's first rows may have been trimmed.
fn continues(catalog: &Catalog, tables: usize) -> bool {
    view_over_stream_before(catalog, tables).is_none()
}

/// The first view, behind so many tables, over a stream among them.
pub(super) fn view_over_stream_before(catalog: &Catalog, tables: usize) -> Option<&TableDef> {
    catalog.tables[tables..].iter().find(|def| match &def.kind {
        TableKind::View(view) => usize::from(view.source) < tables && catalog.table(view.source).is_stream(),
        _ => false,
    })
}

/// Takes out what does not say where a value of a row is.
pub(super) fn strip(table: &mut TableDef) {
    table.indexes.clear();
    table.uniques.clear();
    table.ttl = None;
    if let Some(key) = &mut table.primary_key {
        key.name = "K".to_string();
    }
    if let TableKind::Stream { key, topic } = &mut table.kind {
        key.clear();
        *topic = None;
    }
    for column in &mut table.columns {
        column.default = Value::Null;
        column.default_now = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tollgate_procedures::transit::metro;

    fn of(ddl: &str) -> u32 {
        fingerprint(&ddl::parse(ddl).expect("a schema"))
    }

    const TABLE: &str = "CREATE TABLE t (a INTEGER NOT NULL, b TIMESTAMP NOT NULL, PRIMARY KEY (a));";

    #[test]
    fn what_says_where_a_value_is_tells_catalogues_apart() {
        let others = [
            "CREATE TABLE u (a INTEGER NOT NULL, b TIMESTAMP NOT NULL, PRIMARY KEY (a));",
            "CREATE TABLE t (a INTEGER NOT NULL, c TIMESTAMP NOT NULL, PRIMARY KEY (a));",
            "CREATE TABLE t (a BIGINT NOT NULL, b TIMESTAMP NOT NULL, PRIMARY KEY (a));",
            "CREATE TABLE t (a INTEGER NOT NULL, b TIMESTAMP, PRIMARY KEY (a));",
            "CREATE TABLE t (b TIMESTAMP NOT NULL, a INTEGER NOT NULL, PRIMARY KEY (a));",
            "CREATE TABLE t (a INTEGER NOT NULL, b TIMESTAMP NOT NULL, PRIMARY KEY (b));",
            "CREATE TABLE t (a INTEGER NOT NULL, b TIMESTAMP NOT NULL);",
            "CREATE STREAM t (a INTEGER NOT NULL, b TIMESTAMP NOT NULL);",
        ];
        let mut all: Vec<u32> = others.into_iter().chain([TABLE]).map(of).collect();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), others.len() + 1);
    }

    /// The same columns, but an index makes it a history.
    #[test]
    fn how_rows_lie_together_tells_catalogues_apart() {
        let heap = "CREATE TABLE t (a INTEGER NOT NULL, b TIMESTAMP NOT NULL);
            PARTITION TABLE t ON COLUMN a;";
        assert_ne!(of(heap), of(&format!("{heap} CREATE INDEX i ON t (a, b);")));
        assert_eq!(of(heap), of(&format!("{heap} CREATE INDEX i ON t (b);")));
    }

    #[test]
    fn what_may_be_changed_is_no_part_of_it() {
        let changed = "CREATE TABLE t (a INTEGER DEFAULT 5 NOT NULL, b TIMESTAMP DEFAULT NOW NOT NULL,
                CONSTRAINT named PRIMARY KEY (a), UNIQUE (b)) USING TTL 1 HOURS ON COLUMN b;
            CREATE INDEX i ON t (b);";
        assert_eq!(of(TABLE), of(changed));
    }

    #[test]
    fn a_catalogue_that_continues_another_reads_its_rows() {
        let all = format!(
            "{TABLE} CREATE STREAM s (a INTEGER); CREATE VIEW v AS SELECT a, COUNT(*) FROM t GROUP BY a;
             CREATE TABLE last (a INTEGER);"
        );
        let reads = |newer: &str, older: &str| {
            Fingerprints::of(&ddl::parse(newer).expect("a schema")).reads(of(older))
        };
        let statements: Vec<&str> = all.split_inclusive(';').collect();
        for tables in 0..=statements.len() {
            assert!(reads(&all, &statements[..tables].concat()), "the first {tables}");
        }
        assert!(!reads(&statements[..2].concat(), &all), "what a shorter one lacks is not read");
        let moved = [statements[1], statements[0]].concat();
        assert!(!reads(&all, &moved));
        // Over a table it is computed; of a stream the first rows may be gone.
        let view = format!("{all} CREATE VIEW w AS SELECT a, COUNT(*) FROM s GROUP BY a;");
        assert!(!reads(&view, &all) && reads(&view, &view));
        assert!(reads(&view, TABLE), "stream and view came together");
        assert!(reads(&format!("{view} CREATE TABLE more (a INTEGER);"), &view));
        let index = format!("{TABLE} PARTITION TABLE t ON COLUMN a; CREATE TABLE u (a INTEGER);");
        assert!(!reads(&index, TABLE), "partitioning moves rows");
    }

    /// Data directories outlive binaries: this number may change only with the versions of blocks and
    /// sections.
    #[test]
    fn metro_has_the_fingerprint_it_always_had() {
        assert_eq!(of(metro::DDL), 0x8eb0_8e8d);
    }
}
