//! `CREATE VIEW`: one table or stream, grouped.

use sqlparser::tokenizer::Token;

use super::{
    super::{
        DdlError,
        statement::{
            ColumnRef, Condition, CreateView, Item, ItemExpr, ItemKind, Literal, LiteralKind, Name, Statement,
        },
        tokens::{Tokens, is_word},
    },
    column_names, columns,
};
use crate::catalog::{CompareOp, TimeUnit};

/// `name [(columns)] AS SELECT items FROM source [WHERE …] GROUP BY groups`.
pub(super) fn create_view(tokens: &mut Tokens<'_>) -> Result<Statement, DdlError> {
    let name = tokens.name("a view's name")?;
    let column_names = if *tokens.peek() == Token::LParen { column_names(tokens)? } else { Vec::new() };
    tokens.expect_word("AS")?;
    tokens.expect_word("SELECT")?;
    if tokens.peek_word("DISTINCT") {
        return Err(
            tokens.unsupported("SELECT DISTINCT in a view (GROUP BY without an aggregate says the same)")
        );
    }
    let items = comma_separated(tokens, item)?;
    tokens.expect_word("FROM")?;
    let source = tokens.name("a table's or a stream's name")?;
    let source_alias = source_alias(tokens)?;
    let filter = if tokens.accept_word("WHERE") { conditions(tokens)? } else { Vec::new() };
    if tokens.at_end() || *tokens.peek() == Token::SemiColon {
        return Err(tokens.unsupported("a view without GROUP BY"));
    }
    tokens.expect_word("GROUP")?;
    tokens.expect_word("BY")?;
    let groups = comma_separated(tokens, expression)?;
    if ["HAVING", "ORDER", "LIMIT"].iter().any(|word| tokens.peek_word(word)) {
        return Err(tokens.unsupported(&format!("{} in a view", tokens.found())));
    }
    Ok(Statement::CreateView(CreateView { name, column_names, items, source, source_alias, filter, groups }))
}

fn comma_separated<T>(
    tokens: &mut Tokens<'_>,
    mut one: impl FnMut(&mut Tokens<'_>) -> Result<T, DdlError>,
) -> Result<Vec<T>, DdlError> {
    let mut all = vec![one(tokens)?];
    while tokens.accept(&Token::Comma) {
        all.push(one(tokens)?);
    }
    Ok(all)
}

fn source_alias(tokens: &mut Tokens<'_>) -> Result<Option<Name>, DdlError> {
    const JOINS: [&str; 6] = ["JOIN", "INNER", "LEFT", "RIGHT", "FULL", "CROSS"];
    if *tokens.peek() == Token::Comma || JOINS.iter().any(|word| tokens.peek_word(word)) {
        return Err(tokens.unsupported("a view over more than one table"));
    }
    let has_alias = tokens.accept_word("AS")
        || (matches!(tokens.peek(), Token::Word(_))
            && !tokens.peek_word("WHERE")
            && !tokens.peek_word("GROUP"));
    if has_alias { tokens.name("an alias").map(Some) } else { Ok(None) }
}

/// An expression and its alias.
fn item(tokens: &mut Tokens<'_>) -> Result<Item, DdlError> {
    let expr = expression(tokens)?;
    let has_alias =
        tokens.accept_word("AS") || (matches!(tokens.peek(), Token::Word(_)) && !tokens.peek_word("FROM"));
    let alias = if has_alias { Some(tokens.name("an alias")?) } else { None };
    Ok(Item { expr, alias })
}

/// A column, TRUNCATE, TIME_WINDOW or an aggregate.
fn expression(tokens: &mut Tokens<'_>) -> Result<ItemExpr, DdlError> {
    let at = tokens.at();
    let kind = if *tokens.peek_second() == Token::LParen && matches!(tokens.peek(), Token::Word(_)) {
        call(tokens)?
    } else {
        ItemKind::Column(column_ref(tokens)?)
    };
    refuse_operator(tokens)?;
    Ok(ItemExpr { kind, at })
}

fn call(tokens: &mut Tokens<'_>) -> Result<ItemKind, DdlError> {
    let names = ["TRUNCATE", "TIME_WINDOW", "COUNT", "SUM", "MIN", "MAX"];
    let Some(name) = names.into_iter().find(|name| tokens.peek_word(name)) else {
        return Err(tokens.expected("COUNT, SUM, MIN, MAX, TRUNCATE, TIME_WINDOW or a column's name"));
    };
    tokens.skip();
    tokens.expect(&Token::LParen)?;
    let kind = match name {
        "TRUNCATE" => {
            let unit = time_unit(tokens)?;
            tokens.expect(&Token::Comma)?;
            ItemKind::Truncate { unit, column: column_ref(tokens)? }
        }
        "TIME_WINDOW" => time_window(tokens)?,
        "COUNT" if tokens.accept(&Token::Mul) => ItemKind::CountAll,
        "COUNT" if tokens.accept_word("DISTINCT") => ItemKind::CountDistinct(column_ref(tokens)?),
        "COUNT" => ItemKind::Count(column_ref(tokens)?),
        "SUM" => ItemKind::Sum(column_ref(tokens)?),
        "MIN" => ItemKind::Min(column_ref(tokens)?),
        _ => ItemKind::Max(column_ref(tokens)?),
    };
    tokens.expect(&Token::RParen)?;
    Ok(kind)
}

/// `unit, count, column [, START | END]`.
fn time_window(tokens: &mut Tokens<'_>) -> Result<ItemKind, DdlError> {
    let unit = time_unit(tokens)?;
    tokens.expect(&Token::Comma)?;
    let error = tokens.expected("a number from 1");
    let count =
        u32::try_from(tokens.number("a number from 1")?).ok().filter(|count| *count > 0).ok_or(error)?;
    tokens.expect(&Token::Comma)?;
    let column = column_ref(tokens)?;
    let mut end = false;
    if tokens.accept(&Token::Comma) {
        end = tokens.accept_word("END");
        if !end && !tokens.accept_word("START") {
            return Err(tokens.expected("START or END"));
        }
    }
    Ok(ItemKind::TimeWindow { unit, count, column, end })
}

fn time_unit(tokens: &mut Tokens<'_>) -> Result<TimeUnit, DdlError> {
    let units = [
        ("MICROSECOND", TimeUnit::Microsecond),
        ("MICROS", TimeUnit::Microsecond),
        ("MILLISECOND", TimeUnit::Millisecond),
        ("MILLIS", TimeUnit::Millisecond),
        ("SECOND", TimeUnit::Second),
        ("MINUTE", TimeUnit::Minute),
        ("HOUR", TimeUnit::Hour),
        ("DAY", TimeUnit::Day),
        ("WEEK", TimeUnit::Week),
        ("MONTH", TimeUnit::Month),
        ("QUARTER", TimeUnit::Quarter),
        ("YEAR", TimeUnit::Year),
    ];
    let found = units.into_iter().find(|(word, _)| tokens.accept_word(word));
    found.map(|(_, unit)| unit).ok_or_else(|| tokens.expected("a unit of time (MICROSECOND to YEAR)"))
}

fn column_ref(tokens: &mut Tokens<'_>) -> Result<ColumnRef, DdlError> {
    let first = tokens.name("a column's name")?;
    if tokens.accept(&Token::Period) {
        return Ok(ColumnRef { table: Some(first), column: tokens.name("a column's name")? });
    }
    if *tokens.peek() == Token::LParen {
        return Err(tokens.unsupported("an expression in a view"));
    }
    refuse_operator(tokens)?;
    Ok(ColumnRef { table: None, column: first })
}

fn refuse_operator(tokens: &Tokens<'_>) -> Result<(), DdlError> {
    let is_operator =
        matches!(tokens.peek(), Token::Plus | Token::Minus | Token::Mul | Token::Div | Token::StringConcat);
    if is_operator { Err(tokens.unsupported("an expression in a view")) } else { Ok(()) }
}

/// `column op literal [AND …]`.
fn conditions(tokens: &mut Tokens<'_>) -> Result<Vec<Condition>, DdlError> {
    let mut conditions = vec![condition(tokens)?];
    loop {
        if tokens.accept_word("AND") {
            conditions.push(condition(tokens)?);
        } else if is_word(tokens.peek(), "OR") {
            return Err(tokens.unsupported("OR in a view"));
        } else {
            return Ok(conditions);
        }
    }
}

fn condition(tokens: &mut Tokens<'_>) -> Result<Condition, DdlError> {
    let column = column_ref(tokens)?;
    let at = tokens.at();
    if tokens.accept_word("IS") {
        let op = if tokens.accept_word("NOT") { CompareOp::IsNotNull } else { CompareOp::IsNull };
        tokens.expect_word("NULL")?;
        return Ok(Condition { column, op, literal: Literal { kind: LiteralKind::Null, at } });
    }
    let op = match tokens.peek() {
        Token::Eq => CompareOp::Equal,
        Token::Neq => CompareOp::NotEqual,
        Token::Lt => CompareOp::Less,
        Token::LtEq => CompareOp::LessOrEqual,
        Token::Gt => CompareOp::Greater,
        Token::GtEq => CompareOp::GreaterOrEqual,
        _ => return Err(tokens.expected("=, <>, <, <=, >, >= or IS")),
    };
    tokens.skip();
    Ok(Condition { column, op, literal: columns::literal(tokens)? })
}
