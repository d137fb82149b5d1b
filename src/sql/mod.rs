//! Ad hoc SQL over one table at a time: `SELECT`, `INSERT … VALUES` and `UPSERT … VALUES`; DDL is recognised
//! and handed on. A text becomes plans ([`plan`]); a plan of a query is fed rows and gives a result
//! ([`Execution`]). Pure: knows nothing of partitions, of where rows come from, of time, of the wire. Runs on
//! the thread of the caller, over frozen views, never on an executor.
//!
//! In reading order: [`split`], a text to statements; [`bind`], their expressions checked against a table and
//! turned into [`expr`]; [`select`] and [`insert`], plans; [`eval`] and [`aggregate`], what they compute;
//! [`execute`]; [`merge`], views of which each partition has a part.
//!
//! Not here, and refused by name: joins, subqueries, set operations, functions other than aggregates, UPDATE,
//! DELETE.

mod aggregate;
mod bind;
mod error;
mod eval;
mod execute;
mod expr;
mod insert;
mod like;
mod merge;
mod select;
mod split;
#[cfg(test)]
mod tests;

pub use error::SqlError;
pub use eval::{Row, StoredRow};
pub use execute::{Execution, Progress, QueryResult};
pub use insert::{InsertCell, InsertPlan};
pub use merge::ViewMerge;
pub use select::SelectPlan;

use sqlparser::{
    ast::Statement,
    dialect::GenericDialect,
    parser::{Parser, ParserError},
    tokenizer::Token,
};
use tollgate_schema::{catalog::Catalog, value::Value};

/// A text is at most this long.
pub const SQL_BYTES_MAX: usize = 1 << 20;

/// A result takes at most about this many bytes, below what one response can carry.
pub const RESULT_BYTES_MAX: usize = 40 << 20;

/// What a statement asks for.
#[derive(Clone, Debug, PartialEq)]
pub enum Plan {
    Select(Box<SelectPlan>),
    Insert(InsertPlan),
    /// The whole text, which is DDL: [`tollgate_schema::ddl::statement_is_in`] judges it.
    Ddl(String),
}

/// Plans each statement of `text`. `params` are the values of its `?`, in order.
pub fn plan(text: &str, params: &[Value], catalog: &Catalog) -> Result<Vec<Plan>, SqlError> {
    let script = split::split(text)?;
    if script.is_ddl {
        return Ok(vec![Plan::Ddl(text.to_owned())]);
    }
    if script.placeholders != params.len() {
        return Err(SqlError::anywhere(format!(
            "the statement has {} parameters, {} values were given",
            script.placeholders,
            params.len()
        )));
    }
    script.statements.into_iter().map(|statement| plan_one(statement, params, catalog)).collect()
}

fn plan_one(statement: split::Piece, params: &[Value], catalog: &Catalog) -> Result<Plan, SqlError> {
    let position = statement.position;
    let mut parser = Parser::new(&GenericDialect {})
        .with_recursion_limit(split::NESTING_MAX)
        .with_tokens_with_locations(statement.tokens);
    let parsed = parser.parse_statement().map_err(parse_error)?;
    let next = parser.peek_token();
    if next.token != Token::EOF {
        return Err(SqlError::at_span(next.span, format!("unexpected {}", next.token)));
    }
    match parsed {
        Statement::Query(query) => Ok(Plan::Select(Box::new(select::plan(&query, params, catalog)?))),
        Statement::Insert(insert) => {
            Ok(Plan::Insert(insert::plan(&insert, statement.is_upsert, params, catalog)?))
        }
        Statement::Update { .. } | Statement::Delete(_) | Statement::Truncate { .. } => {
            Err(SqlError::at(position, "ad hoc SQL changes rows by INSERT and UPSERT only: call a procedure"))
        }
        _ => Err(SqlError::at(position, "expected SELECT, INSERT, UPSERT or DDL")),
    }
}

/// The parser tells the place at the end of its message.
fn parse_error(error: ParserError) -> SqlError {
    match error {
        ParserError::TokenizerError(message) | ParserError::ParserError(message) => {
            SqlError::from_parser(&message)
        }
        ParserError::RecursionLimitExceeded => SqlError::anywhere("the statement is nested too deeply"),
    }
}
