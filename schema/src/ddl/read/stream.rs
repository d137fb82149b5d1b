//! `CREATE STREAM`.

use super::{
    super::{
        DdlError,
        statement::{CreateStream, ExportTopic, Statement},
        tokens::Tokens,
    },
    column_names, table,
};

/// `name [PARTITION ON COLUMN c] [EXPORT TO {TOPIC t [WITH KEY (…)] [VALUE (…)] | TARGET t}] (columns)`.
pub(super) fn create_stream(tokens: &mut Tokens<'_>) -> Result<Statement, DdlError> {
    let name = tokens.name("a stream's name")?;
    let (mut partition_column, mut topic) = (None, None);
    loop {
        if tokens.accept_word("PARTITION") {
            tokens.expect_word("ON")?;
            tokens.expect_word("COLUMN")?;
            partition_column = Some(tokens.name("a column's name")?);
        } else if tokens.accept_word("EXPORT") {
            topic = export(tokens)?.or(topic);
        } else {
            break;
        }
    }
    let (columns, keys) = table::column_list(tokens)?;
    if let Some(key) = keys.first() {
        return Err(DdlError::at(key.at, "a stream keeps no rows, so it has no keys"));
    }
    Ok(Statement::CreateStream(CreateStream { name, partition_column, topic, columns }))
}

/// What follows `EXPORT`. A target is where the configuration sends the stream: the catalogue needs not know
/// it.
fn export(tokens: &mut Tokens<'_>) -> Result<Option<ExportTopic>, DdlError> {
    tokens.expect_word("TO")?;
    if tokens.accept_word("TARGET") {
        tokens.name("a target's name")?;
        return Ok(None);
    }
    if !tokens.accept_word("TOPIC") {
        return Err(tokens.expected("TOPIC or TARGET"));
    }
    let name = tokens.name_as_written("a topic's name")?;
    let (mut key, mut value) = (Vec::new(), Vec::new());
    let with = tokens.accept_word("WITH");
    if with && tokens.accept_word("KEY") {
        key = column_names(tokens)?;
    }
    if with && tokens.accept_word("VALUE") {
        value = column_names(tokens)?;
    }
    if with && key.is_empty() && value.is_empty() {
        return Err(tokens.expected("KEY or VALUE"));
    }
    Ok(Some(ExportTopic { name, key, value }))
}
