//! Tokens to statements: one file a kind of statement. Looks nothing up.

mod columns;
mod procedure;
mod stream;
mod table;
mod topic;
mod view;

use sqlparser::tokenizer::Token;

use super::{
    DdlError,
    statement::{Drop, DropKind, KeyKind, Name, Statement},
    tokens::Tokens,
};

/// All statements of a text.
pub(super) fn statements(text: &str) -> Result<Vec<Statement>, DdlError> {
    let mut tokens = Tokens::new(text)?;
    let mut statements = Vec::new();
    loop {
        while tokens.accept(&Token::SemiColon) {}
        if tokens.at_end() {
            return Ok(statements);
        }
        statements.push(statement(&mut tokens)?);
        if !tokens.at_end() && !tokens.accept(&Token::SemiColon) {
            return Err(tokens.expected("`;`"));
        }
    }
}

fn statement(tokens: &mut Tokens<'_>) -> Result<Statement, DdlError> {
    if tokens.accept_word("CREATE") {
        create(tokens)
    } else if tokens.accept_word("PARTITION") {
        partition(tokens)
    } else if tokens.accept_word("DROP") {
        drop(tokens)
    } else if tokens.peek_word("ALTER") || tokens.peek_word("DR") || tokens.peek_word("SET") {
        Err(tokens.unsupported(&tokens.found()))
    } else if ["LOAD", "FILE", "EXEC", "EXECUTE"].iter().any(|word| tokens.peek_word(word)) {
        Err(DdlError::at(tokens.at(), format!("{} is a command of sqlcmd, no DDL", tokens.found())))
    } else {
        Err(tokens.expected("CREATE, PARTITION or DROP"))
    }
}

fn create(tokens: &mut Tokens<'_>) -> Result<Statement, DdlError> {
    if tokens.accept_word("TABLE") {
        table::create_table(tokens)
    } else if tokens.accept_word("STREAM") {
        stream::create_stream(tokens)
    } else if tokens.accept_word("VIEW") {
        view::create_view(tokens)
    } else if tokens.accept_word("INDEX") {
        table::create_index(tokens, None)
    } else if tokens.peek_words("UNIQUE", "INDEX") || tokens.peek_words("ASSUMEUNIQUE", "INDEX") {
        let kind = if tokens.peek_word("UNIQUE") { KeyKind::Unique } else { KeyKind::AssumeUnique };
        tokens.skip();
        tokens.skip();
        table::create_index(tokens, Some(kind))
    } else if tokens.peek_word("TOPIC") || tokens.peek_word("OPAQUE") {
        topic::create_topic(tokens)
    } else if tokens.peek_word("PROCEDURE") || tokens.peek_words("DIRECTED", "PROCEDURE") {
        procedure::create_procedure(tokens)
    } else if ["ROLE", "FUNCTION", "AGGREGATE", "TASK", "COMPOUND"].iter().any(|word| tokens.peek_word(word))
    {
        Err(tokens.unsupported(&format!("CREATE {}", tokens.found())))
    } else {
        Err(tokens.expected("TABLE, STREAM, VIEW, INDEX, TOPIC or PROCEDURE"))
    }
}

/// `PARTITION TABLE t ON COLUMN c`.
fn partition(tokens: &mut Tokens<'_>) -> Result<Statement, DdlError> {
    tokens.expect_word("TABLE")?;
    let table = tokens.name("a table's name")?;
    tokens.expect_word("ON")?;
    tokens.expect_word("COLUMN")?;
    Ok(Statement::PartitionTable { table, column: tokens.name("a column's name")? })
}

/// `DROP kind name [IF EXISTS] [CASCADE]`.
fn drop(tokens: &mut Tokens<'_>) -> Result<Statement, DdlError> {
    let kinds = [
        ("TABLE", DropKind::Table),
        ("VIEW", DropKind::View),
        ("STREAM", DropKind::Stream),
        ("TOPIC", DropKind::Topic),
        ("PROCEDURE", DropKind::Procedure),
        ("INDEX", DropKind::Index),
    ];
    let Some((_, kind)) = kinds.into_iter().find(|(word, _)| tokens.accept_word(word)) else {
        return Err(tokens.expected("TABLE, VIEW, STREAM, TOPIC, PROCEDURE or INDEX"));
    };
    let name = match kind {
        DropKind::Procedure => procedure::last_part(tokens.dotted_name("a procedure's name")?),
        _ => tokens.name(&format!("a {}'s name", kind.word()))?,
    };
    let (mut if_exists, mut cascade) = (false, false);
    loop {
        if tokens.accept_word("IF") {
            tokens.expect_word("EXISTS")?;
            if_exists = true;
        } else if tokens.accept_word("CASCADE") {
            cascade = true;
        } else {
            return Ok(Statement::Drop(Drop { kind, name, if_exists, cascade }));
        }
    }
}

/// `ALLOW role, …`.
fn roles(tokens: &mut Tokens<'_>) -> Result<Vec<String>, DdlError> {
    let mut roles = vec![tokens.name_as_written("a role's name")?.text];
    while tokens.accept(&Token::Comma) {
        roles.push(tokens.name_as_written("a role's name")?.text);
    }
    Ok(roles)
}

fn column_names(tokens: &mut Tokens<'_>) -> Result<Vec<Name>, DdlError> {
    tokens.bracketed(|tokens| tokens.name("a column's name"))
}
