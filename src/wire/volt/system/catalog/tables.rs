//! TABLES, COLUMNS, INDEXINFO, PRIMARYKEYS.

use serde_json::json;
use tollgate_schema::{
    catalog::{Catalog, ColumnDef, KeyDef, TableDef, TableKind},
    codec::RowWriter,
    value::Value,
};

use super::jdbc;
use crate::wire::volt::system::tables::{INTEGER, ResultTables, SMALLINT, STRING, TINYINT};

/// Those that are not the server's own.
fn shown(catalog: &Catalog) -> impl Iterator<Item = &TableDef> {
    catalog.tables.iter().filter(|table| !table.is_internal())
}

/// `RowWriter` with the cells JDBC has but we have nothing for.
fn nulls<'r, 'w>(r: &'r mut RowWriter<'w>, count: usize) -> &'r mut RowWriter<'w> {
    for _ in 0..count {
        r.put_null();
    }
    r
}

fn maybe<'r, 'w>(r: &'r mut RowWriter<'w>, number: Option<i32>) -> &'r mut RowWriter<'w> {
    match number {
        Some(number) => r.put_i32(number),
        None => r.put_null(),
    }
}

pub(super) fn tables(catalog: &Catalog) -> ResultTables {
    let columns = [
        ("TABLE_CAT", STRING),
        ("TABLE_SCHEM", STRING),
        ("TABLE_NAME", STRING),
        ("TABLE_TYPE", STRING),
        ("REMARKS", STRING),
        ("TYPE_CAT", STRING),
        ("TYPE_SCHEM", STRING),
        ("TYPE_NAME", STRING),
        ("SELF_REFERENCING_COL_NAME", STRING),
        ("REF_GENERATION", STRING),
    ];
    ResultTables::new().with(&columns, shown(catalog), |r, table| {
        let kind = match table.kind {
            TableKind::Table(_) => "TABLE",
            TableKind::Stream { .. } => "EXPORT",
            TableKind::View(_) => "VIEW",
        };
        nulls(r, 2).put_str(&table.name).put_str(kind).put_opt_str(remarks(catalog, table).as_deref());
        nulls(r, 5);
    })
}

/// The partitioning column and a view's source, as a JSON object; none if there is neither.
fn remarks(catalog: &Catalog, table: &TableDef) -> Option<String> {
    let mut remarks = serde_json::Map::new();
    if let Some(column) = table.partition_column {
        remarks.insert("partitionColumn".into(), json!(table.columns[column].name));
    }
    if let TableKind::View(view) = &table.kind {
        remarks.insert("sourceTable".into(), json!(catalog.table(view.source).name));
    }
    (!remarks.is_empty()).then(|| serde_json::Value::Object(remarks).to_string())
}

pub(super) fn columns(catalog: &Catalog) -> ResultTables {
    let columns = [
        ("TABLE_CAT", STRING),
        ("TABLE_SCHEM", STRING),
        ("TABLE_NAME", STRING),
        ("COLUMN_NAME", STRING),
        ("DATA_TYPE", INTEGER),
        ("TYPE_NAME", STRING),
        ("COLUMN_SIZE", INTEGER),
        ("BUFFER_LENGTH", INTEGER),
        ("DECIMAL_DIGITS", INTEGER),
        ("NUM_PREC_RADIX", INTEGER),
        ("NULLABLE", INTEGER),
        ("REMARKS", STRING),
        ("COLUMN_DEF", STRING),
        ("SQL_DATA_TYPE", INTEGER),
        ("SQL_DATETIME_SUB", INTEGER),
        ("CHAR_OCTET_LENGTH", INTEGER),
        ("ORDINAL_POSITION", INTEGER),
        ("IS_NULLABLE", STRING),
        ("SCOPE_CATALOG", STRING),
        ("SCOPE_SCHEMA", STRING),
        ("SCOPE_TABLE", STRING),
        ("SOURCE_DATA_TYPE", SMALLINT),
        ("IS_AUTOINCREMENT", STRING),
    ];
    let rows = shown(catalog).flat_map(|t| t.visible().iter().enumerate().map(move |(i, c)| (t, i, c)));
    ResultTables::new().with(&columns, rows, |r, (table, position, column)| {
        let jdbc = jdbc::describe(column.column_type);
        nulls(r, 2).put_str(&table.name).put_str(&column.name).put_i32(jdbc.code).put_str(jdbc.name);
        r.put_i32(jdbc.size).put_null();
        maybe(maybe(r, jdbc.scale), jdbc.radix).put_i32(i32::from(column.nullable));
        r.put_opt_str((table.partition_column == Some(position)).then_some("PARTITION_COLUMN"));
        r.put_opt_str(default_text(column).as_deref());
        maybe(nulls(r, 2), jdbc.octets).put_i32(position as i32 + 1);
        r.put_str(if column.nullable { "YES" } else { "NO" });
        nulls(r, 4).put_str("NO");
    })
}

/// A default as SQL text.
fn default_text(column: &ColumnDef) -> Option<String> {
    if column.default_now {
        return Some("CURRENT_TIMESTAMP".to_owned());
    }
    Some(match &column.default {
        Value::Null => return None,
        Value::TinyInt(v) => v.to_string(),
        Value::SmallInt(v) => v.to_string(),
        Value::Integer(v) => v.to_string(),
        Value::BigInt(v) | Value::Timestamp(v) => v.to_string(),
        Value::Float(v) => v.to_string(),
        Value::Decimal(v) => {
            const ONE: u128 = 1_000_000_000_000;
            let sign = if v.0 < 0 { "-" } else { "" };
            let digits = v.0.unsigned_abs();
            format!("{sign}{}.{:012}", digits / ONE, digits % ONE)
        }
        Value::Varchar(v) => format!("'{}'", v.replace('\'', "''")),
        Value::Varbinary(v) => format!("x'{}'", v.iter().map(|b| format!("{b:02X}")).collect::<String>()),
    })
}

/// `java.sql.DatabaseMetaData`'s number of an index that is neither statistics, clustered nor hashed.
const INDEX_OTHER: i16 = 3;

pub(super) fn index_info(catalog: &Catalog) -> ResultTables {
    let columns = [
        ("TABLE_CAT", STRING),
        ("TABLE_SCHEM", STRING),
        ("TABLE_NAME", STRING),
        ("NON_UNIQUE", TINYINT),
        ("INDEX_QUALIFIER", STRING),
        ("INDEX_NAME", STRING),
        ("TYPE", SMALLINT),
        ("ORDINAL_POSITION", SMALLINT),
        ("COLUMN_NAME", STRING),
        ("ASC_OR_DESC", STRING),
        ("CARDINALITY", INTEGER),
        ("PAGES", INTEGER),
        ("FILTER_CONDITION", STRING),
    ];
    let rows = shown(catalog).flat_map(|table| {
        let unique = table.primary_key.iter().chain(&table.uniques);
        let unique = unique.map(|k| (&k.name, &k.columns, true));
        let indexes = unique.chain(table.indexes.iter().map(|i| (&i.name, &i.columns, i.unique)));
        indexes.flat_map(move |(name, columns, unique)| {
            columns.iter().enumerate().map(move |(i, column)| (table, name, unique, i, *column))
        })
    });
    ResultTables::new().with(&columns, rows, |r, (table, name, unique, position, column)| {
        nulls(r, 2).put_str(&table.name).put_i8(i8::from(!unique)).put_null().put_str(name);
        r.put_i16(INDEX_OTHER).put_i16(position as i16 + 1).put_str(&table.columns[column].name);
        nulls(r.put_str("A"), 3);
    })
}

pub(super) fn primary_keys(catalog: &Catalog) -> ResultTables {
    let columns = [
        ("TABLE_CAT", STRING),
        ("TABLE_SCHEM", STRING),
        ("TABLE_NAME", STRING),
        ("COLUMN_NAME", STRING),
        ("KEY_SEQ", SMALLINT),
        ("PK_NAME", STRING),
    ];
    let rows = shown(catalog).flat_map(|table| {
        let columns = |key: &'_ KeyDef| key.columns.clone();
        let key = table.primary_key.as_ref();
        let name = key.map_or("", |k| k.name.as_str());
        key.map(columns).unwrap_or_default().into_iter().enumerate().map(move |(i, c)| (table, name, i, c))
    });
    ResultTables::new().with(&columns, rows, |r, (table, name, position, column)| {
        nulls(r, 2).put_str(&table.name).put_str(&table.columns[column].name);
        r.put_i16(position as i16 + 1).put_str(name);
    })
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use tollgate_schema::{
        catalog::{Organisation, ViewDef},
        row::Layout,
        types::Type,
        value::Decimal,
    };

    use super::{super::super::testing::*, *};

    fn column(name: &str, column_type: Type, nullable: bool, default: Value) -> ColumnDef {
        ColumnDef { name: name.into(), column_type, nullable, default, default_now: false, hidden: false }
    }

    fn catalog() -> Catalog {
        let columns = vec![
            column("ID", Type::Integer, false, Value::Null),
            column("NAME", Type::Varchar { max: 25, in_bytes: false }, true, Value::Varchar("it's".into())),
            column("LIMIT_", Type::Decimal, true, Value::Decimal(Decimal(-1_500_000_000_000))),
        ];
        let layout = Layout::new(columns.iter().map(|c| c.column_type));
        let cards = TableDef {
            name: "CARDS".into(),
            columns,
            layout,
            kind: TableKind::Table(Organisation::Keyed),
            partition_column: Some(0),
            primary_key: Some(KeyDef { name: "PK".into(), columns: vec![0] }),
            uniques: vec![],
            indexes: vec![tollgate_schema::catalog::IndexDef {
                name: "BY_NAME".into(),
                columns: vec![1, 0],
                unique: false,
            }],
            ttl: None,
        };
        let view = TableDef {
            name: "NAMES".into(),
            columns: vec![cards.columns[1].clone()],
            kind: TableKind::View(ViewDef { source: 0, groups: vec![], aggregates: vec![], filter: vec![] }),
            partition_column: None,
            primary_key: None,
            indexes: vec![],
            ..cards.clone()
        };
        let own = TableDef { name: "TOLLGATE_SESSIONS".into(), ..cards.clone() };
        Catalog { tables: vec![cards, view, own], ..Catalog::default() }
    }

    #[test]
    fn tables_with_remarks() {
        expect![[r#"
            TABLE_CAT | TABLE_SCHEM | TABLE_NAME | TABLE_TYPE | REMARKS | TYPE_CAT | TYPE_SCHEM | TYPE_NAME | SELF_REFERENCING_COL_NAME | REF_GENERATION
              NULL | NULL | CARDS | TABLE | {"partitionColumn":"ID"} | NULL | NULL | NULL | NULL | NULL
              NULL | NULL | NAMES | VIEW | {"sourceTable":"CARDS"} | NULL | NULL | NULL | NULL | NULL
        "#]]
        .assert_eq(&render(&tables(&catalog())));
    }

    #[test]
    fn columns_as_jdbc_sees_them() {
        expect![[r#"
            TABLE_CAT | TABLE_SCHEM | TABLE_NAME | COLUMN_NAME | DATA_TYPE | TYPE_NAME | COLUMN_SIZE | BUFFER_LENGTH | DECIMAL_DIGITS | NUM_PREC_RADIX | NULLABLE | REMARKS | COLUMN_DEF | SQL_DATA_TYPE | SQL_DATETIME_SUB | CHAR_OCTET_LENGTH | ORDINAL_POSITION | IS_NULLABLE | SCOPE_CATALOG | SCOPE_SCHEMA | SCOPE_TABLE | SOURCE_DATA_TYPE | IS_AUTOINCREMENT
              NULL | NULL | CARDS | ID | 4 | INTEGER | 31 | NULL | NULL | 2 | 0 | PARTITION_COLUMN | NULL | NULL | NULL | NULL | 1 | NO | NULL | NULL | NULL | NULL | NO
              NULL | NULL | CARDS | NAME | 12 | VARCHAR | 25 | NULL | NULL | NULL | 1 | NULL | 'it''s' | NULL | NULL | 100 | 2 | YES | NULL | NULL | NULL | NULL | NO
              NULL | NULL | CARDS | LIMIT_ | 3 | DECIMAL | 38 | NULL | 12 | 10 | 1 | NULL | -1.500000000000 | NULL | NULL | NULL | 3 | YES | NULL | NULL | NULL | NULL | NO
              NULL | NULL | NAMES | NAME | 12 | VARCHAR | 25 | NULL | NULL | NULL | 1 | NULL | 'it''s' | NULL | NULL | 100 | 1 | YES | NULL | NULL | NULL | NULL | NO
        "#]]
        .assert_eq(&render(&columns(&catalog())));
    }

    #[test]
    fn keys_and_indexes() {
        expect![[r#"
            TABLE_CAT | TABLE_SCHEM | TABLE_NAME | NON_UNIQUE | INDEX_QUALIFIER | INDEX_NAME | TYPE | ORDINAL_POSITION | COLUMN_NAME | ASC_OR_DESC | CARDINALITY | PAGES | FILTER_CONDITION
              NULL | NULL | CARDS | 0 | NULL | PK | 3 | 1 | ID | A | NULL | NULL | NULL
              NULL | NULL | CARDS | 1 | NULL | BY_NAME | 3 | 1 | NAME | A | NULL | NULL | NULL
              NULL | NULL | CARDS | 1 | NULL | BY_NAME | 3 | 2 | ID | A | NULL | NULL | NULL
            TABLE_CAT | TABLE_SCHEM | TABLE_NAME | COLUMN_NAME | KEY_SEQ | PK_NAME
              NULL | NULL | CARDS | ID | 1 | PK
        "#]]
        .assert_eq(&render(&index_info(&catalog()).and(primary_keys(&catalog()))));
    }
}
