//! A text to statements: tokens between semicolons, with its `?` numbered. Bounds how deep a statement can
//! be.

use sqlparser::{
    dialect::GenericDialect,
    tokenizer::{Token, TokenWithSpan, Tokenizer, Word},
};
use tollgate_schema::ddl::Position;

use super::{SQL_BYTES_MAX, SqlError, error::position_of};

/// Parentheses and the like are nested at most this deep.
pub(super) const NESTING_MAX: usize = 60;

/// Words and operators in one statement, values and punctuation not counted. A chain such as `a OR b OR …`
/// becomes a tree as deep as it is long, and dropping a tree takes stack.
const WORDS_MAX: usize = 2_000;

/// A text, taken apart.
#[derive(Debug)]
pub(super) struct Script {
    pub(super) statements: Vec<Piece>,
    /// The text begins with DDL; then there are no statements here.
    pub(super) is_ddl: bool,
    /// Number of `?`.
    pub(super) placeholders: usize,
}

/// One statement.
#[derive(Debug)]
pub(super) struct Piece {
    /// `?` is numbered from 0: `?0`, `?1`, ….
    pub(super) tokens: Vec<TokenWithSpan>,
    pub(super) position: Option<Position>,
    /// It said UPSERT, a word the parser does not know; the tokens say INSERT.
    pub(super) is_upsert: bool,
}

pub(super) fn split(text: &str) -> Result<Script, SqlError> {
    if text.len() > SQL_BYTES_MAX {
        return Err(SqlError::anywhere(format!("the text is longer than {SQL_BYTES_MAX} bytes")));
    }
    let tokens = Tokenizer::new(&GenericDialect {}, text)
        .tokenize_with_location()
        .map_err(|e| SqlError::at(position_of(e.location), e.message))?;
    let mut script = Script { statements: Vec::new(), is_ddl: false, placeholders: 0 };
    for tokens in tokens.split(|t| t.token == Token::SemiColon) {
        let tokens: Vec<_> = tokens.iter().filter(|t| !is_blank(&t.token)).cloned().collect();
        let Some(first) = tokens.first() else { continue };
        if is_ddl(&first.token) {
            if !script.statements.is_empty() {
                return Err(SqlError::at_span(
                    first.span,
                    "DDL can't stand in one call with other statements",
                ));
            }
            script.is_ddl = true;
            return Ok(script);
        }
        script.statements.push(piece(tokens, &mut script.placeholders)?);
    }
    if script.statements.is_empty() {
        return Err(SqlError::anywhere("there is no statement"));
    }
    Ok(script)
}

/// `tokens` is not empty.
fn piece(mut tokens: Vec<TokenWithSpan>, placeholders: &mut usize) -> Result<Piece, SqlError> {
    let mut words = 0;
    for token in &mut tokens {
        if let Token::Placeholder(name) = &mut token.token {
            if name != "?" {
                return Err(SqlError::at_span(token.span, format!("{name}: parameters are written as ?")));
            }
            *name = format!("?{placeholders}");
            *placeholders += 1;
        }
        words += usize::from(is_counted(&token.token));
        if words > WORDS_MAX {
            return Err(SqlError::at_span(token.span, format!("more than {WORDS_MAX} words and operators")));
        }
    }
    let first = &mut tokens[0];
    let is_upsert = is_word(&first.token, "UPSERT");
    if is_upsert {
        first.token = Token::make_keyword("INSERT");
    }
    Ok(Piece { position: position_of(first.span.start), is_upsert, tokens })
}

fn is_blank(token: &Token) -> bool {
    // Comments are whitespace too.
    matches!(token, Token::Whitespace(_))
}

fn is_word(token: &Token, word: &str) -> bool {
    matches!(token, Token::Word(Word { value, quote_style: None, .. }) if value.eq_ignore_ascii_case(word))
}

fn is_ddl(token: &Token) -> bool {
    ["CREATE", "ALTER", "DROP", "PARTITION", "DR"].iter().any(|word| is_word(token, word))
}

/// Whether the token can make the tree deeper.
fn is_counted(token: &Token) -> bool {
    match token {
        Token::Comma
        | Token::LParen
        | Token::RParen
        | Token::Number(..)
        | Token::SingleQuotedString(_)
        | Token::HexStringLiteral(_)
        | Token::Placeholder(_) => false,
        word => !["NULL", "NOW", "CURRENT_TIMESTAMP", "DEFAULT"].iter().any(|value| is_word(word, value)),
    }
}
