//! `CREATE TABLE` with `USING TTL`, and `CREATE INDEX`.

use sqlparser::tokenizer::Token;

use super::{
    super::{
        DdlError,
        statement::{Column, CreateIndex, CreateTable, Key, KeyKind, Statement, TtlClause},
        tokens::Tokens,
    },
    column_names, columns,
};

/// VoltDB's defaults for a TTL clause that says neither.
const TTL_BATCH_SIZE: u32 = 1000;
const TTL_MAX_FREQUENCY: u32 = 1;

pub(super) fn create_table(tokens: &mut Tokens<'_>) -> Result<Statement, DdlError> {
    let name = tokens.name("a table's name")?;
    if tokens.peek_word("MIGRATE") || tokens.peek_word("EXPORT") {
        return Err(tokens.unsupported(&format!("{} on a table", tokens.found())));
    }
    let (columns, keys) = column_list(tokens)?;
    let ttl = if tokens.accept_word("USING") { Some(ttl(tokens)?) } else { None };
    if tokens.peek_word("MIGRATE") || tokens.peek_word("EXPORT") {
        return Err(tokens.unsupported(&format!("{} on a table", tokens.found())));
    }
    Ok(Statement::CreateTable(CreateTable { name, columns, keys, ttl }))
}

/// The columns in their brackets, and the keys among them.
pub(super) fn column_list(tokens: &mut Tokens<'_>) -> Result<(Vec<Column>, Vec<Key>), DdlError> {
    let (mut columns, mut keys) = (Vec::new(), Vec::new());
    tokens.bracketed(|tokens| {
        if begins_constraint(tokens) {
            keys.push(constraint(tokens)?);
        } else {
            columns.push(columns::column(tokens, &mut keys)?);
        }
        Ok(())
    })?;
    Ok((columns, keys))
}

fn begins_constraint(tokens: &Tokens<'_>) -> bool {
    const WORDS: [&str; 7] = ["CONSTRAINT", "PRIMARY", "UNIQUE", "ASSUMEUNIQUE", "FOREIGN", "CHECK", "LIMIT"];
    // A column may be called by most of these words: then its type follows, and not what follows them here.
    WORDS.iter().any(|word| tokens.peek_word(word))
        && (matches!(tokens.peek_second(), Token::LParen)
            || tokens.peek_word("CONSTRAINT")
            || tokens.peek_words("PRIMARY", "KEY")
            || tokens.peek_words("FOREIGN", "KEY")
            || tokens.peek_words("LIMIT", "PARTITION"))
}

/// `[CONSTRAINT name] {PRIMARY KEY | UNIQUE | ASSUMEUNIQUE} (columns)`.
fn constraint(tokens: &mut Tokens<'_>) -> Result<Key, DdlError> {
    let at = tokens.at();
    let name =
        if tokens.accept_word("CONSTRAINT") { Some(tokens.name("a constraint's name")?) } else { None };
    if ["FOREIGN", "CHECK", "LIMIT"].iter().any(|word| tokens.peek_word(word)) {
        return Err(tokens.unsupported(&format!("the constraint {}", tokens.found())));
    }
    let Some(kind) = columns::key_kind(tokens)? else {
        return Err(tokens.expected("PRIMARY KEY, UNIQUE or ASSUMEUNIQUE"));
    };
    Ok(Key { kind, name, columns: column_names(tokens)?, at })
}

/// `TTL n [unit] ON COLUMN c [BATCH_SIZE n] [MAX_FREQUENCY n]`, after `USING`.
fn ttl(tokens: &mut Tokens<'_>) -> Result<TtlClause, DdlError> {
    tokens.expect_word("TTL")?;
    let at = tokens.at();
    let period = tokens.number("a number")?;
    const UNITS: [(&str, i64); 4] = [("SECOND", 1), ("MINUTE", 60), ("HOUR", 3600), ("DAY", 86_400)];
    let unit = UNITS
        .into_iter()
        .find(|(unit, _)| tokens.accept_word(unit) || tokens.accept_word(&format!("{unit}S")));
    let unit_us = unit.map_or(1, |(_, seconds)| seconds) * 1_000_000;
    if unit.is_none() && !tokens.peek_word("ON") {
        return Err(tokens.expected("SECONDS, MINUTES, HOURS, DAYS or ON"));
    }
    tokens.expect_word("ON")?;
    tokens.expect_word("COLUMN")?;
    let column = tokens.name("a column's name")?;
    let (mut batch_size, mut max_frequency) = (TTL_BATCH_SIZE, TTL_MAX_FREQUENCY);
    loop {
        if tokens.accept_word("BATCH_SIZE") {
            batch_size = positive(tokens)?;
        } else if tokens.accept_word("MAX_FREQUENCY") {
            max_frequency = positive(tokens)?;
        } else {
            return Ok(TtlClause { period, unit_us, at, column, batch_size, max_frequency });
        }
    }
}

fn positive(tokens: &mut Tokens<'_>) -> Result<u32, DdlError> {
    let error = tokens.expected("a number from 1");
    match u32::try_from(tokens.number("a number from 1")?) {
        Ok(number) if number > 0 => Ok(number),
        _ => Err(error),
    }
}

/// What follows `CREATE [UNIQUE | ASSUMEUNIQUE] INDEX`.
pub(super) fn create_index(tokens: &mut Tokens<'_>, unique: Option<KeyKind>) -> Result<Statement, DdlError> {
    let name = tokens.name("an index's name")?;
    tokens.expect_word("ON")?;
    let table = tokens.name("a table's or a view's name")?;
    let columns = tokens.bracketed(|tokens| {
        if matches!(tokens.peek_second(), Token::LParen) {
            return Err(tokens.unsupported("an index on an expression"));
        }
        tokens.name("a column's name")
    })?;
    if tokens.peek_word("WHERE") {
        return Err(tokens.unsupported("an index on a part of the rows (WHERE)"));
    }
    Ok(Statement::CreateIndex(CreateIndex { name, table, columns, unique }))
}
