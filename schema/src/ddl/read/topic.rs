//! `CREATE TOPIC`, in both of VoltDB's dialects: `KEYS` and `FORMAT` clauses, or `PROPERTIES`.

use sqlparser::tokenizer::Token;

use super::{
    super::{
        DdlError,
        statement::{CreateTopic, Property, Statement},
        tokens::Tokens,
    },
    column_names, roles,
};

/// `[OPAQUE [PARTITIONED]] TOPIC [USING STREAM] name [clauses]`, after `CREATE`.
pub(super) fn create_topic(tokens: &mut Tokens<'_>) -> Result<Statement, DdlError> {
    let opaque = tokens.accept_word("OPAQUE");
    let partitioned = opaque && tokens.accept_word("PARTITIONED");
    tokens.expect_word("TOPIC")?;
    let using_stream = tokens.peek_words("USING", "STREAM");
    if using_stream {
        tokens.skip();
        tokens.skip();
    }
    let name = tokens.name_as_written("a topic's name")?;
    let mut topic = CreateTopic {
        name,
        opaque,
        partitioned,
        using_stream,
        procedure: None,
        allow: Vec::new(),
        profile: None,
        keys: Vec::new(),
        properties: Vec::new(),
    };
    while clause(tokens, &mut topic)? {}
    Ok(Statement::CreateTopic(topic))
}

/// Reads one clause, if one is next.
fn clause(tokens: &mut Tokens<'_>, topic: &mut CreateTopic) -> Result<bool, DdlError> {
    let at = tokens.at();
    if tokens.accept_word("EXECUTE") {
        tokens.expect_word("PROCEDURE")?;
        topic.procedure = Some(tokens.dotted_name("a procedure's name")?);
    } else if tokens.accept_word("ALLOW") {
        topic.allow = roles(tokens)?;
    } else if tokens.accept_word("PROFILE") {
        topic.profile = Some(tokens.name_as_written("a profile's name")?.text);
    } else if tokens.accept_word("FORMAT") {
        let value = tokens.name_as_written("avro, csv or json")?.text.to_ascii_lowercase();
        topic.properties.push(Property { name: "topic.format".to_owned(), value, at });
    } else if tokens.accept_word("KEYS") || tokens.accept_word("KEY") {
        topic.keys = if *tokens.peek() == Token::LParen {
            column_names(tokens)?
        } else {
            vec![tokens.name("a column's name")?]
        };
    } else if tokens.accept_word("PROPERTIES") {
        topic.properties.extend(tokens.bracketed(property)?);
    } else {
        return Ok(false);
    }
    Ok(true)
}

/// `name = value`: the value is a text in quotes, or everything up to the next comma or bracket.
fn property(tokens: &mut Tokens<'_>) -> Result<Property, DdlError> {
    let name = tokens.dotted_name("a property's name")?;
    tokens.expect(&Token::Eq)?;
    if let Token::SingleQuotedString(text) = tokens.peek() {
        let value = text.clone();
        tokens.skip();
        return Ok(Property { name: name.text, value, at: name.at });
    }
    let start = tokens.start_byte();
    while !matches!(tokens.peek(), Token::Comma | Token::RParen | Token::SemiColon | Token::EOF) {
        tokens.skip();
    }
    if tokens.start_byte() == start {
        return Err(tokens.expected("a property's value"));
    }
    Ok(Property { name: name.text, value: tokens.text_from(start).to_owned(), at: name.at })
}
