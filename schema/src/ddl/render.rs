//! A catalogue as canonical DDL: reading it back gives the same catalogue.

use std::fmt::{self, Write};

use super::check::{is_assumed_unique, is_key_property};
use crate::{
    catalog::{
        Aggregate, Catalog, ColumnDef, CompareOp, GroupExpr, TableDef, TableKind, TimeUnit, TopicDef,
        TopicSource, Ttl, ViewDef,
    },
    value::{Value, timestamp},
};

/// One statement a line, each ended by a semicolon: tables, streams and views in their order, each with its
/// partitioning and indexes, then topics, then procedures.
pub fn render(catalog: &Catalog) -> String {
    let mut text = String::new();
    write_catalog(&mut text, catalog).expect("a String takes all that is written to it");
    text
}

fn write_catalog(out: &mut String, catalog: &Catalog) -> fmt::Result {
    for table in &catalog.tables {
        match &table.kind {
            TableKind::Table(_) => write_table(out, table)?,
            TableKind::Stream { key, topic } => {
                let topic = topic.as_ref().and_then(|name| catalog.topics.iter().find(|t| t.name == *name));
                write_stream(out, table, key, topic)?;
            }
            TableKind::View(view) => write_view(out, table, view, catalog.table(view.source))?,
        }
        write_indexes(out, table)?;
    }
    for topic in &catalog.topics {
        write_topic(out, topic, catalog)?;
    }
    for procedure in &catalog.procedures {
        out.write_str(if procedure.directed { "CREATE DIRECTED PROCEDURE " } else { "CREATE PROCEDURE " })?;
        out.write_str(&procedure.name)?;
        if let Some(clause) = &procedure.partition {
            let table = catalog.table(clause.table);
            let column = &table.columns[clause.column].name;
            write!(out, " PARTITION ON TABLE {} COLUMN {column} PARAMETER {}", table.name, clause.parameter)?;
        }
        write_roles(out, &procedure.allow)?;
        write_optional(out, " FROM CLASS ", procedure.class.as_deref())?;
        write_optional(out, " AS ", procedure.sql.as_deref())?;
        out.write_str(";\n")?;
    }
    Ok(())
}

fn write_table(out: &mut String, table: &TableDef) -> fmt::Result {
    write!(out, "CREATE TABLE {} (", table.name)?;
    write_columns(out, &table.columns)?;
    let keys = table.primary_key.iter().map(|key| ("PRIMARY KEY", key));
    let uniques = table
        .uniques
        .iter()
        .map(|key| (if is_assumed_unique(table, &key.columns) { "ASSUMEUNIQUE" } else { "UNIQUE" }, key));
    for (kind, key) in keys.chain(uniques) {
        write!(out, ", CONSTRAINT {} {kind} ({})", key.name, names(table, &key.columns))?;
    }
    out.write_char(')')?;
    if let Some(Ttl { period_us, column, unit_us, batch_size, max_frequency }) = table.ttl {
        const UNITS: [(i64, &str); 4] = [(1, "SECONDS"), (60, "MINUTES"), (3600, "HOURS"), (86_400, "DAYS")];
        // A TIMESTAMP does not care in what unit the period is written.
        let unit = UNITS.into_iter().find(|(seconds, _)| seconds * 1_000_000 == unit_us).unwrap_or(UNITS[0]);
        let (period, column) = (period_us / 1_000_000 / unit.0, &table.columns[column].name);
        write!(out, " USING TTL {period} {} ON COLUMN {column}", unit.1)?;
        write!(out, " BATCH_SIZE {batch_size} MAX_FREQUENCY {max_frequency}")?;
    }
    out.write_str(";\n")?;
    if let Some(column) = table.partition_column {
        writeln!(out, "PARTITION TABLE {} ON COLUMN {};", table.name, table.columns[column].name)?;
    }
    Ok(())
}

fn write_columns(out: &mut String, columns: &[ColumnDef]) -> fmt::Result {
    for (position, column) in columns.iter().enumerate() {
        write!(out, "{}{} {}", separator(position), column.name, column.column_type)?;
        if column.default_now {
            out.write_str(" DEFAULT NOW")?;
        } else if column.default != Value::Null {
            out.write_str(" DEFAULT ")?;
            write_literal(out, &column.default)?;
        }
        if !column.nullable {
            out.write_str(" NOT NULL")?;
        }
        if column.hidden {
            out.write_str(" HIDDEN")?;
        }
    }
    Ok(())
}

fn write_literal(out: &mut String, value: &Value) -> fmt::Result {
    match value {
        Value::Varchar(text) => write!(out, "'{}'", text.replace('\'', "''")),
        Value::Varbinary(_) => write!(out, "x'{value}'"),
        Value::Timestamp(micros) => write!(out, "'{}'", timestamp::Display(*micros)),
        Value::Float(number) => write!(out, "{number:e}"),
        other => write!(out, "{other}"),
    }
}

fn write_stream(out: &mut String, stream: &TableDef, key: &[usize], topic: Option<&TopicDef>) -> fmt::Result {
    write!(out, "CREATE STREAM {}", stream.name)?;
    if let Some(column) = stream.partition_column {
        write!(out, " PARTITION ON COLUMN {}", stream.columns[column].name)?;
    }
    if let Some(topic) = topic.filter(|topic| is_exported(stream, topic)) {
        write!(out, " EXPORT TO TOPIC {}", topic.name)?;
        let value =
            topic.properties.iter().find(|(name, _)| name == "consumer.value").map(|(_, value)| value);
        if !key.is_empty() || value.is_some() {
            out.write_str(" WITH")?;
        }
        if !key.is_empty() {
            write!(out, " KEY ({})", names(stream, key))?;
        }
        if let Some(value) = value {
            write!(out, " VALUE ({value})")?;
        }
    }
    out.write_str(" (")?;
    write_columns(out, &stream.columns)?;
    out.write_str(");\n")
}

/// Whether the topic was declared by its stream: a topic USING STREAM has its name.
fn is_exported(stream: &TableDef, topic: &TopicDef) -> bool {
    !topic.name.eq_ignore_ascii_case(&stream.name)
}

fn write_view(out: &mut String, table: &TableDef, view: &ViewDef, source: &TableDef) -> fmt::Result {
    let column_names: Vec<&str> = table.columns.iter().map(|column| column.name.as_str()).collect();
    write!(out, "CREATE VIEW {} ({}) AS SELECT ", table.name, column_names.join(", "))?;
    write_groups(out, &view.groups, source)?;
    for aggregate in &view.aggregates {
        out.write_str(", ")?;
        write_aggregate(out, *aggregate, source)?;
    }
    write!(out, " FROM {}", source.name)?;
    for (position, comparison) in view.filter.iter().enumerate() {
        let word = if position == 0 { "WHERE" } else { "AND" };
        write!(out, " {word} {} {}", source.columns[comparison.column].name, operator(comparison.op))?;
        if !matches!(comparison.op, CompareOp::IsNull | CompareOp::IsNotNull) {
            out.write_char(' ')?;
            write_literal(out, &comparison.value)?;
        }
    }
    out.write_str(" GROUP BY ")?;
    write_groups(out, &view.groups, source)?;
    out.write_str(";\n")
}

fn write_groups(out: &mut String, groups: &[GroupExpr], source: &TableDef) -> fmt::Result {
    let name = |column: &usize| &source.columns[*column].name;
    for (position, group) in groups.iter().enumerate() {
        out.write_str(separator(position))?;
        match group {
            GroupExpr::Column(column) => out.write_str(name(column))?,
            GroupExpr::Truncate { unit, column } => {
                write!(out, "TRUNCATE({}, {})", unit_word(*unit), name(column))?
            }
            GroupExpr::TimeWindow { unit, count, column, end } => {
                let end = if *end { "END" } else { "START" };
                write!(out, "TIME_WINDOW({}, {count}, {}, {end})", unit_word(*unit), name(column))?;
            }
        }
    }
    Ok(())
}

fn write_aggregate(out: &mut String, aggregate: Aggregate, source: &TableDef) -> fmt::Result {
    let name = |column: usize| &source.columns[column].name;
    match aggregate {
        Aggregate::CountAll => out.write_str("COUNT(*)"),
        Aggregate::Count(column) => write!(out, "COUNT({})", name(column)),
        Aggregate::CountDistinct(column) => write!(out, "COUNT(DISTINCT {})", name(column)),
        Aggregate::Sum(column) => write!(out, "SUM({})", name(column)),
        Aggregate::Min(column) => write!(out, "MIN({})", name(column)),
        Aggregate::Max(column) => write!(out, "MAX({})", name(column)),
    }
}

fn write_indexes(out: &mut String, table: &TableDef) -> fmt::Result {
    for index in &table.indexes {
        let kind = match (index.unique, is_assumed_unique(table, &index.columns)) {
            (false, _) => "",
            (true, false) => "UNIQUE ",
            (true, true) => "ASSUMEUNIQUE ",
        };
        writeln!(
            out,
            "CREATE {kind}INDEX {} ON {} ({});",
            index.name,
            table.name,
            names(table, &index.columns)
        )?;
    }
    Ok(())
}

fn write_topic(out: &mut String, topic: &TopicDef, catalog: &Catalog) -> fmt::Result {
    let mut keys = String::new();
    match &topic.source {
        TopicSource::Stream(stream) => {
            let Some(stream) = catalog.find(stream).map(|id| catalog.table(id)) else {
                return Ok(());
            };
            if is_exported(stream, topic) {
                return Ok(());
            }
            write!(out, "CREATE TOPIC USING STREAM {}", topic.name)?;
            if let TableKind::Stream { key, .. } = &stream.kind
                && !key.is_empty()
                && !topic.properties.iter().any(|(name, _)| is_key_property(name))
            {
                keys = format!(" KEYS ({})", names(stream, key));
            }
        }
        TopicSource::Procedure(procedure) => {
            write!(out, "CREATE TOPIC {} EXECUTE PROCEDURE {procedure}", topic.name)?
        }
        TopicSource::Opaque { partitioned } => {
            let partitioned = if *partitioned { " PARTITIONED" } else { "" };
            write!(out, "CREATE OPAQUE{partitioned} TOPIC {}", topic.name)?;
        }
    }
    write_roles(out, &topic.allow)?;
    write_optional(out, " PROFILE ", topic.profile.as_deref())?;
    out.write_str(&keys)?;
    for (position, (name, value)) in topic.properties.iter().enumerate() {
        let opening = if position == 0 { " PROPERTIES (" } else { ", " };
        write!(out, "{opening}{name}='{}'", value.replace('\'', "''"))?;
    }
    out.write_str(if topic.properties.is_empty() { ";\n" } else { ");\n" })
}

fn write_roles(out: &mut String, roles: &[String]) -> fmt::Result {
    if roles.is_empty() { Ok(()) } else { write!(out, " ALLOW {}", roles.join(", ")) }
}

fn write_optional(out: &mut String, words: &str, text: Option<&str>) -> fmt::Result {
    text.map_or(Ok(()), |text| write!(out, "{words}{text}"))
}

fn separator(position: usize) -> &'static str {
    if position == 0 { "" } else { ", " }
}

fn names(table: &TableDef, columns: &[usize]) -> String {
    let names: Vec<&str> = columns.iter().map(|column| table.columns[*column].name.as_str()).collect();
    names.join(", ")
}

fn operator(op: CompareOp) -> &'static str {
    match op {
        CompareOp::Equal => "=",
        CompareOp::NotEqual => "<>",
        CompareOp::Less => "<",
        CompareOp::LessOrEqual => "<=",
        CompareOp::Greater => ">",
        CompareOp::GreaterOrEqual => ">=",
        CompareOp::IsNull => "IS NULL",
        CompareOp::IsNotNull => "IS NOT NULL",
    }
}

fn unit_word(unit: TimeUnit) -> &'static str {
    match unit {
        TimeUnit::Microsecond => "MICROSECOND",
        TimeUnit::Millisecond => "MILLISECOND",
        TimeUnit::Second => "SECOND",
        TimeUnit::Minute => "MINUTE",
        TimeUnit::Hour => "HOUR",
        TimeUnit::Day => "DAY",
        TimeUnit::Week => "WEEK",
        TimeUnit::Month => "MONTH",
        TimeUnit::Quarter => "QUARTER",
        TimeUnit::Year => "YEAR",
    }
}
