//! The plan of `INSERT … VALUES` and `UPSERT … VALUES`.

use sqlparser::ast::{self, SetExpr, Spanned, TableObject};
use tollgate_schema::{
    catalog::{Catalog, ColumnDef, TableDef, TableId},
    value::{Value, convert},
};

use super::{SqlError, bind::Binder, eval::Input, select::find_table};

/// Rows to write, checked and converted.
#[derive(Clone, Debug, PartialEq)]
pub struct InsertPlan {
    pub table: TableId,
    /// Rows whose primary key is there already are replaced.
    pub is_upsert: bool,
    /// Each with a cell for each of the table's columns, in their order.
    pub rows: Vec<Vec<InsertCell>>,
}

/// A cell to write.
#[derive(Clone, Debug, PartialEq)]
pub enum InsertCell {
    /// Of the column's type, or NULL where that is allowed.
    Value(Value),
    /// The time of the transaction that will write it.
    TransactionTime,
}

impl InsertPlan {
    /// The rows as a transaction of that time writes them.
    pub fn values(&self, transaction_us: i64) -> impl Iterator<Item = Vec<Value>> + '_ {
        self.rows.iter().map(move |row| {
            row.iter()
                .map(|cell| match cell {
                    InsertCell::Value(value) => value.clone(),
                    InsertCell::TransactionTime => Value::Timestamp(transaction_us),
                })
                .collect()
        })
    }
}

pub(super) fn plan(
    insert: &ast::Insert,
    is_upsert: bool,
    params: &[Value],
    catalog: &Catalog,
) -> Result<InsertPlan, SqlError> {
    let refuse =
        || Err(SqlError::at_span(insert.span(), "expected INSERT INTO table [(columns)] VALUES (values)"));
    let ast::Insert {
        or: None,
        ignore: false,
        table: TableObject::TableName(name),
        table_alias: None,
        columns,
        overwrite: false,
        source: Some(source),
        assignments,
        partitioned: None,
        after_columns,
        on: None,
        returning: None,
        replace_into: false,
        priority: None,
        insert_alias: None,
        settings: None,
        format_clause: None,
        ..
    } = insert
    else {
        return refuse();
    };
    let ast::Query { with: None, body, order_by: None, limit_clause: None, fetch: None, .. } = &**source
    else {
        return refuse();
    };
    let SetExpr::Values(values) = &**body else { return refuse() };
    if !assignments.is_empty() || !after_columns.is_empty() {
        return refuse();
    }
    let table = find_table(name, catalog)?;
    let def = catalog.table(table);
    if def.is_view() {
        return Err(SqlError::at_span(name.span(), format!("{} is a view: it can't be written", def.name)));
    }
    if is_upsert && def.primary_key.is_none() {
        return Err(SqlError::at_span(name.span(), format!("{} has no primary key to upsert by", def.name)));
    }
    let targets = targets(columns, def)?;
    let rows =
        values.rows.iter().map(|row| plan_row(row, &targets, def, params)).collect::<Result<_, _>>()?;
    Ok(InsertPlan { table, is_upsert, rows })
}

/// The columns that values are given for; without a list all of them.
fn targets(columns: &[ast::Ident], def: &TableDef) -> Result<Vec<usize>, SqlError> {
    if columns.is_empty() {
        return Ok((0..def.visible().len()).collect());
    }
    let mut targets = Vec::new();
    for name in columns {
        let Some(column) = def.column(&name.value).filter(|&column| !def.columns[column].hidden) else {
            return Err(SqlError::at_span(name.span, format!("{} has no column {}", def.name, name.value)));
        };
        if targets.contains(&column) {
            return Err(SqlError::at_span(name.span, format!("{} is named twice", def.columns[column].name)));
        }
        targets.push(column);
    }
    Ok(targets)
}

/// A row as callers know it: without hidden columns, which get their defaults where the row is written.
fn plan_row(
    row: &[ast::Expr],
    targets: &[usize],
    def: &TableDef,
    params: &[Value],
) -> Result<Vec<InsertCell>, SqlError> {
    let span = row.first().map_or(sqlparser::tokenizer::Span::empty(), Spanned::span);
    if row.len() != targets.len() {
        return Err(SqlError::at_span(
            span,
            format!("expected {} values for {}, found {}", targets.len(), def.name, row.len()),
        ));
    }
    let mut cells: Vec<InsertCell> = def.visible().iter().map(default_of).collect();
    for (expr, target) in row.iter().zip(targets) {
        cells[*target] = cell(expr, &def.columns[*target], params)?;
    }
    for (cell, column) in cells.iter().zip(def.visible()) {
        if *cell == InsertCell::Value(Value::Null) && !column.nullable {
            return Err(SqlError::at_span(span, format!("{}.{} is NOT NULL", def.name, column.name)));
        }
    }
    Ok(cells)
}

fn default_of(column: &ColumnDef) -> InsertCell {
    if column.default_now { InsertCell::TransactionTime } else { InsertCell::Value(column.default.clone()) }
}

fn cell(expr: &ast::Expr, column: &ColumnDef, params: &[Value]) -> Result<InsertCell, SqlError> {
    if is_called(expr, "DEFAULT") {
        return Ok(default_of(column));
    }
    if is_called(expr, "NOW") || is_called(expr, "CURRENT_TIMESTAMP") {
        return Ok(InsertCell::TransactionTime);
    }
    let mut binder = Binder { table: None, params, aggregates: None };
    let value = binder.value(expr)?.expr.value(&Input::Nothing)?;
    convert(&value, column.column_type)
        .map(InsertCell::Value)
        .map_err(|e| SqlError::at_span(expr.span(), format!("{}: {e}", column.name)))
}

/// Whether the expression is that word, with or without empty parentheses.
fn is_called(expr: &ast::Expr, word: &str) -> bool {
    match expr {
        ast::Expr::Identifier(name) => name.quote_style.is_none() && name.value.eq_ignore_ascii_case(word),
        ast::Expr::Function(function) => {
            let arguments = match &function.args {
                ast::FunctionArguments::None => true,
                ast::FunctionArguments::List(list) => list.args.is_empty(),
                ast::FunctionArguments::Subquery(_) => false,
            };
            arguments && function.name.to_string().eq_ignore_ascii_case(word)
        }
        _ => false,
    }
}
