//! A column's declaration: name, type, DEFAULT, NOT NULL, inline keys; and literals.

use sqlparser::tokenizer::Token;

use super::super::{
    DdlError,
    statement::{Column, Default, Key, KeyKind, Literal, LiteralKind},
    tokens::Tokens,
};
use crate::{
    types::{Type, VALUE_BYTES_MAX, VARCHAR_DEFAULT},
    value::bytes_of_hex,
};

/// A VARCHAR longer than this must be declared in bytes: a character may take four of them.
const VARCHAR_CHARACTERS_MAX: u32 = VALUE_BYTES_MAX / 4;

/// One column; the keys it declares inline go to `keys`.
pub(super) fn column(tokens: &mut Tokens<'_>, keys: &mut Vec<Key>) -> Result<Column, DdlError> {
    let name = tokens.name("a column's name")?;
    let column_type = column_type(tokens)?;
    let mut column = Column { name, column_type, nullable: true, default: None, hidden: false };
    loop {
        let at = tokens.at();
        if tokens.accept_word("NOT") {
            tokens.expect_word("NULL")?;
            column.nullable = false;
        } else if tokens.accept_word("NULL") {
            column.nullable = true;
        } else if tokens.accept_word("DEFAULT") {
            column.default = Some(default(tokens)?);
        } else if tokens.accept_word("HIDDEN") {
            column.hidden = true;
        } else if let Some(kind) = key_kind(tokens)? {
            keys.push(Key { kind, name: None, columns: vec![column.name.clone()], at });
        } else if ["REFERENCES", "CHECK", "GENERATED", "IDENTITY"].iter().any(|word| tokens.peek_word(word)) {
            return Err(tokens.unsupported(&tokens.found()));
        } else if matches!(tokens.peek(), Token::Comma | Token::RParen) {
            return Ok(column);
        } else {
            return Err(tokens.expected("NOT NULL, DEFAULT, PRIMARY KEY, UNIQUE, ASSUMEUNIQUE, `,` or `)`"));
        }
    }
}

/// `PRIMARY KEY`, `UNIQUE` or `ASSUMEUNIQUE`, when one of them is next.
pub(super) fn key_kind(tokens: &mut Tokens<'_>) -> Result<Option<KeyKind>, DdlError> {
    if tokens.accept_word("PRIMARY") {
        tokens.expect_word("KEY")?;
        Ok(Some(KeyKind::Primary))
    } else if tokens.accept_word("UNIQUE") {
        Ok(Some(KeyKind::Unique))
    } else if tokens.accept_word("ASSUMEUNIQUE") {
        Ok(Some(KeyKind::AssumeUnique))
    } else {
        Ok(None)
    }
}

fn column_type(tokens: &mut Tokens<'_>) -> Result<Type, DdlError> {
    const TYPES: &str =
        "a type (TINYINT, SMALLINT, INTEGER, BIGINT, FLOAT, DECIMAL, VARCHAR, VARBINARY or TIMESTAMP)";
    if ["GEOGRAPHY", "GEOGRAPHY_POINT", "DATE"].iter().any(|word| tokens.peek_word(word)) {
        return Err(tokens.unsupported(&format!("the type {}", tokens.found())));
    }
    let Token::Word(word) = tokens.peek() else {
        return Err(tokens.expected(TYPES));
    };
    let plain = match word.value.to_ascii_uppercase().as_str() {
        "TINYINT" => Type::TinyInt,
        "SMALLINT" => Type::SmallInt,
        "INTEGER" | "INT" => Type::Integer,
        "BIGINT" => Type::BigInt,
        "FLOAT" => Type::Float,
        "DECIMAL" => Type::Decimal,
        "TIMESTAMP" => Type::Timestamp,
        "VARCHAR" | "STRING" => VARCHAR_DEFAULT,
        "VARBINARY" => Type::Varbinary { max: 2048 },
        _ => return Err(tokens.expected(TYPES)),
    };
    tokens.skip();
    if *tokens.peek() != Token::LParen {
        return Ok(plain);
    }
    match plain {
        Type::Varchar { .. } => varchar_length(tokens),
        Type::Varbinary { .. } => {
            tokens.skip();
            let max = length(tokens, VALUE_BYTES_MAX)?;
            tokens.expect(&Token::RParen)?;
            Ok(Type::Varbinary { max })
        }
        Type::Decimal => decimal_precision(tokens),
        _ => Err(tokens.expected("NOT NULL, DEFAULT, PRIMARY KEY, UNIQUE, ASSUMEUNIQUE, `,` or `)`")),
    }
}

fn varchar_length(tokens: &mut Tokens<'_>) -> Result<Type, DdlError> {
    tokens.expect(&Token::LParen)?;
    let at = tokens.at();
    let max = length(tokens, VALUE_BYTES_MAX)?;
    let in_bytes = tokens.accept_word("BYTES");
    if !in_bytes && max > VARCHAR_CHARACTERS_MAX {
        let message = format!("more than {VARCHAR_CHARACTERS_MAX} must be declared in BYTES");
        return Err(DdlError::at(at, message));
    }
    if !tokens.accept(&Token::RParen) {
        return Err(tokens.expected(if in_bytes { "`)`" } else { "BYTES or `)`" }));
    }
    Ok(Type::Varchar { max, in_bytes })
}

fn length(tokens: &mut Tokens<'_>, max: u32) -> Result<u32, DdlError> {
    let error = tokens.expected(&format!("a length from 1 to {max}"));
    match u32::try_from(tokens.number("a length")?) {
        Ok(length) if (1..=max).contains(&length) => Ok(length),
        _ => Err(error),
    }
}

fn decimal_precision(tokens: &mut Tokens<'_>) -> Result<Type, DdlError> {
    tokens.expect(&Token::LParen)?;
    let at = tokens.at();
    let precision = tokens.number("38")?;
    tokens.expect(&Token::Comma)?;
    let scale = tokens.number("12")?;
    tokens.expect(&Token::RParen)?;
    if (precision, scale) != (38, 12) {
        let message =
            format!("DECIMAL({precision}, {scale}) is not supported; every DECIMAL is DECIMAL(38, 12)");
        return Err(DdlError::at(at, message));
    }
    Ok(Type::Decimal)
}

fn default(tokens: &mut Tokens<'_>) -> Result<Default, DdlError> {
    let at = tokens.at();
    if tokens.accept_word("NOW") || tokens.accept_word("CURRENT_TIMESTAMP") {
        if tokens.accept(&Token::LParen) {
            tokens.expect(&Token::RParen)?;
        }
        return Ok(Default::Now(at));
    }
    literal(tokens).map(Default::Literal)
}

/// A number with its sign, a text, NULL, or `x'…'`.
pub(super) fn literal(tokens: &mut Tokens<'_>) -> Result<Literal, DdlError> {
    const LITERAL: &str = "a number, a text in single quotes, or NULL";
    let at = tokens.at();
    let negative = tokens.accept(&Token::Minus);
    if !negative {
        tokens.accept(&Token::Plus);
    }
    let kind = match tokens.peek() {
        Token::Number(digits, _) => {
            LiteralKind::Number(if negative { format!("-{digits}") } else { digits.clone() })
        }
        _ if negative => return Err(tokens.expected("a number")),
        Token::SingleQuotedString(text) => LiteralKind::Text(text.clone()),
        Token::HexStringLiteral(digits) => match bytes_of_hex(digits) {
            Some(bytes) => LiteralKind::Binary(bytes),
            None => return Err(tokens.expected("an even number of hexadecimal digits")),
        },
        _ if tokens.peek_word("NULL") => LiteralKind::Null,
        _ => return Err(tokens.expected(LITERAL)),
    };
    tokens.skip();
    Ok(Literal { kind, at })
}
