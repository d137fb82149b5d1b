//! `CREATE PROCEDURE`: its clauses; SQL in it is kept as text.

use sqlparser::tokenizer::Token;

use super::{
    super::{
        DdlError,
        statement::{CreateProcedure, Name, PartitionOn, Statement},
        tokens::Tokens,
    },
    roles,
};

/// `[DIRECTED] PROCEDURE [name] [clauses]`, after `CREATE`.
pub(super) fn create_procedure(tokens: &mut Tokens<'_>) -> Result<Statement, DdlError> {
    let directed = tokens.accept_word("DIRECTED");
    tokens.expect_word("PROCEDURE")?;
    let start = tokens.at();
    let unnamed = tokens.peek_words("PARTITION", "ON")
        || tokens.peek_words("FROM", "CLASS")
        || (tokens.peek_word("ALLOW") && matches!(tokens.peek_second(), Token::Word(_)));
    let mut name = if unnamed { None } else { Some(tokens.name_as_written("a procedure's name")?) };
    let (mut partition, mut allow, mut class, mut sql) = (None, Vec::new(), None, None);
    loop {
        if tokens.accept_word("PARTITION") {
            if directed {
                return Err(DdlError::at(
                    start,
                    "a DIRECTED procedure runs wherever it is sent: PARTITION ON is not for it",
                ));
            }
            partition = Some(partition_on(tokens)?);
        } else if tokens.accept_word("ALLOW") {
            allow = roles(tokens)?;
        } else if class.is_none() && sql.is_none() && tokens.accept_word("FROM") {
            tokens.expect_word("CLASS")?;
            class = Some(tokens.dotted_name("a class's name")?);
        } else if class.is_none() && sql.is_none() && tokens.accept_word("AS") {
            sql = Some(body(tokens)?);
        } else if tokens.at_end() || *tokens.peek() == Token::SemiColon {
            break;
        } else {
            return Err(tokens.expected("PARTITION ON, ALLOW, FROM CLASS, AS or `;`"));
        }
    }
    if name.is_none()
        && let Some(class) = &class
    {
        name = Some(last_part(class.clone()));
    }
    let Some(name) = name else {
        return Err(DdlError::at(start, "expected a procedure's name: only FROM CLASS gives one by itself"));
    };
    let class = class.map(|class| class.text);
    Ok(Statement::CreateProcedure(CreateProcedure { name, directed, partition, allow, class, sql }))
}

/// A class's own name, which is the procedure's when it has no other.
pub(super) fn last_part(class: Name) -> Name {
    let last = class.text.rsplit(['.', '$']).next().unwrap_or(&class.text);
    Name { text: last.to_owned(), at: class.at }
}

/// `ON TABLE t COLUMN c [PARAMETER n]`, after `PARTITION`.
fn partition_on(tokens: &mut Tokens<'_>) -> Result<PartitionOn, DdlError> {
    tokens.expect_word("ON")?;
    tokens.expect_word("TABLE")?;
    let table = tokens.name("a table's name")?;
    tokens.expect_word("COLUMN")?;
    let column = tokens.name("a column's name")?;
    let mut parameter = 0;
    if tokens.accept_word("PARAMETER") {
        const PARAMETERS_MAX: u64 = 1025;
        let error = tokens.expected("a parameter's position, from 0");
        parameter = tokens.number("a parameter's position, from 0")?;
        if parameter >= PARAMETERS_MAX {
            return Err(error);
        }
    }
    if tokens.peek_word("AND") {
        return Err(tokens.unsupported("a procedure of two partitions (AND ON TABLE)"));
    }
    Ok(PartitionOn { table, column, parameter: parameter as usize })
}

/// One statement up to its `;`, or `BEGIN … END` with statements between.
fn body(tokens: &mut Tokens<'_>) -> Result<String, DdlError> {
    let start = tokens.start_byte();
    if tokens.accept_word("BEGIN") {
        let mut open_blocks = 1;
        while open_blocks > 0 {
            if tokens.at_end() {
                return Err(tokens.expected("END"));
            } else if tokens.peek_word("CASE") {
                open_blocks += 1;
            } else if tokens.peek_word("END") {
                open_blocks -= 1;
            }
            tokens.skip();
        }
        return Ok(tokens.text_from(start).to_owned());
    }
    while !tokens.at_end() && *tokens.peek() != Token::SemiColon {
        tokens.skip();
    }
    if tokens.start_byte() == start {
        return Err(tokens.expected("SQL"));
    }
    Ok(tokens.text_from(start).to_owned())
}
