//! A cursor over sqlparser's tokens, without white space and comments. Knows no statement.

use sqlparser::{
    dialect::Dialect,
    tokenizer::{Location, Token, Tokenizer, Word},
};

use super::{DDL_BYTES_MAX, DdlError, Position, statement::Name};

/// VoltDB's lexical rules: names of letters, digits, `_` and `$`, double quotes around names, `--` and `/*
/// */`.
#[derive(Debug)]
struct VoltDialect;

impl Dialect for VoltDialect {
    fn is_identifier_start(&self, ch: char) -> bool {
        ch.is_ascii_alphabetic() || ch == '_'
    }

    fn is_identifier_part(&self, ch: char) -> bool {
        ch.is_ascii_alphanumeric() || ch == '_' || ch == '$'
    }
}

#[derive(Debug)]
struct Spanned {
    token: Token,
    at: Position,
    /// Byte positions in the text.
    start: usize,
    end: usize,
}

/// The tokens of a text, and how far they are read. The last one is always `EOF`.
#[derive(Debug)]
pub(super) struct Tokens<'a> {
    text: &'a str,
    tokens: Vec<Spanned>,
    next: usize,
}

impl<'a> Tokens<'a> {
    pub(super) fn new(text: &'a str) -> Result<Tokens<'a>, DdlError> {
        if text.len() > DDL_BYTES_MAX {
            let message = format!("the text is {} bytes long; {DDL_BYTES_MAX} are allowed", text.len());
            return Err(DdlError::at(Position { line: 1, column: 1 }, message));
        }
        let read = Tokenizer::new(&VoltDialect, text)
            .tokenize_with_location()
            .map_err(|error| DdlError::at(position(error.location), error.message))?;
        let mut walker = Walker::new(text);
        let mut tokens = Vec::with_capacity(read.len() / 2);
        for token in read {
            let (start, end) = (walker.byte_at(token.span.start), walker.byte_at(token.span.end));
            if !matches!(token.token, Token::Whitespace(_)) {
                tokens.push(Spanned { token: token.token, at: position(token.span.start), start, end });
            }
        }
        let at = walker.end_of_text();
        tokens.push(Spanned { token: Token::EOF, at, start: text.len(), end: text.len() });
        Ok(Tokens { text, tokens, next: 0 })
    }

    fn current(&self) -> &Spanned {
        &self.tokens[self.next]
    }

    pub(super) fn peek(&self) -> &Token {
        &self.current().token
    }

    /// The token after the next one.
    pub(super) fn peek_second(&self) -> &Token {
        self.tokens.get(self.next + 1).map_or(&Token::EOF, |spanned| &spanned.token)
    }

    /// Where the next token stands.
    pub(super) fn at(&self) -> Position {
        self.current().at
    }

    pub(super) fn at_end(&self) -> bool {
        *self.peek() == Token::EOF
    }

    /// Steps over one token; the end stays the end.
    pub(super) fn skip(&mut self) {
        if !self.at_end() {
            self.next += 1;
        }
    }

    /// Where the next token begins, in bytes.
    pub(super) fn start_byte(&self) -> usize {
        self.current().start
    }

    /// The text from that byte to the end of the last token read.
    pub(super) fn text_from(&self, start: usize) -> &'a str {
        let end = self.tokens[..self.next].last().map_or(start, |spanned| spanned.end);
        self.text.get(start..end).unwrap_or_default()
    }

    pub(super) fn peek_word(&self, word: &str) -> bool {
        is_word(self.peek(), word)
    }

    pub(super) fn peek_words(&self, first: &str, second: &str) -> bool {
        self.peek_word(first) && is_word(self.peek_second(), second)
    }

    pub(super) fn accept_word(&mut self, word: &str) -> bool {
        let is_next = self.peek_word(word);
        if is_next {
            self.skip();
        }
        is_next
    }

    pub(super) fn accept(&mut self, token: &Token) -> bool {
        let is_next = self.peek() == token;
        if is_next {
            self.skip();
        }
        is_next
    }

    pub(super) fn expect_word(&mut self, word: &str) -> Result<(), DdlError> {
        if self.accept_word(word) { Ok(()) } else { Err(self.expected(word)) }
    }

    pub(super) fn expect(&mut self, token: &Token) -> Result<(), DdlError> {
        if self.accept(token) { Ok(()) } else { Err(self.expected(&format!("`{token}`"))) }
    }

    /// A name of something, folded to upper case.
    pub(super) fn name(&mut self, of_what: &str) -> Result<Name, DdlError> {
        let written = self.name_as_written(of_what)?;
        Ok(Name { text: written.text.to_ascii_uppercase(), at: written.at })
    }

    /// A name whose case is kept.
    pub(super) fn name_as_written(&mut self, of_what: &str) -> Result<Name, DdlError> {
        const NAME_BYTES_MAX: usize = 128;
        let at = self.at();
        let Token::Word(Word { value, .. }) = self.peek() else {
            return Err(self.expected(of_what));
        };
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let starts_well = value.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        if !starts_well || !value.chars().all(plain) || value.len() > NAME_BYTES_MAX {
            let rule = format!("a name is at most {NAME_BYTES_MAX} letters, digits and `_`, no digit first");
            return Err(DdlError::at(at, format!("expected {of_what}, found {}; {rule}", self.found())));
        }
        let text = value.clone();
        self.skip();
        Ok(Name { text, at })
    }

    /// Names joined by points, as written: a class, a default procedure, a property.
    pub(super) fn dotted_name(&mut self, of_what: &str) -> Result<Name, DdlError> {
        let (at, start) = (self.at(), self.start_byte());
        loop {
            if !matches!(self.peek(), Token::Word(_)) {
                return Err(self.expected(of_what));
            }
            self.skip();
            if !self.accept(&Token::Period) {
                let text = self.text_from(start).replace(|c: char| c.is_whitespace(), "");
                return Ok(Name { text, at });
            }
        }
    }

    /// A whole number.
    pub(super) fn number(&mut self, of_what: &str) -> Result<u64, DdlError> {
        match self.peek() {
            Token::Number(digits, _) => match digits.parse() {
                Ok(number) => {
                    self.skip();
                    Ok(number)
                }
                Err(_) => Err(self.expected(of_what)),
            },
            _ => Err(self.expected(of_what)),
        }
    }

    /// `( item, … )` with at least one item; a comma before the closing bracket is let pass.
    pub(super) fn bracketed<T>(
        &mut self,
        mut item: impl FnMut(&mut Self) -> Result<T, DdlError>,
    ) -> Result<Vec<T>, DdlError> {
        self.expect(&Token::LParen)?;
        let mut items = vec![item(self)?];
        loop {
            if self.accept(&Token::Comma) {
                if self.accept(&Token::RParen) {
                    return Ok(items);
                }
                items.push(item(self)?);
            } else if self.accept(&Token::RParen) {
                return Ok(items);
            } else {
                return Err(self.expected("`,` or `)`"));
            }
        }
    }

    /// The error that says what should stand where the next token stands.
    pub(super) fn expected(&self, what: &str) -> DdlError {
        DdlError::at(self.at(), format!("expected {what}, found {}", self.found()))
    }

    /// The error that names what is not supported.
    pub(super) fn unsupported(&self, what: &str) -> DdlError {
        DdlError::at(self.at(), format!("{what} is not supported"))
    }

    /// The next token as a message shows it.
    pub(super) fn found(&self) -> String {
        const SHOWN_CHARACTERS_MAX: usize = 40;
        let Spanned { start, end, .. } = *self.current();
        let text = self.text.get(start..end).unwrap_or_default();
        if self.at_end() {
            "the end of the text".to_owned()
        } else if text.chars().count() > SHOWN_CHARACTERS_MAX {
            format!("`{}…`", text.chars().take(SHOWN_CHARACTERS_MAX).collect::<String>())
        } else {
            format!("`{text}`")
        }
    }
}

/// Quoted words are names, never keywords.
pub(super) fn is_word(token: &Token, wanted: &str) -> bool {
    matches!(token, Token::Word(Word { value, quote_style: None, .. }) if value.eq_ignore_ascii_case(wanted))
}

fn position(location: Location) -> Position {
    let narrow = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
    Position { line: narrow(location.line), column: narrow(location.column) }
}

/// Turns the tokenizer's lines and columns, which only grow, into bytes.
struct Walker<'a> {
    chars: std::str::CharIndices<'a>,
    length: usize,
    line: u64,
    column: u64,
}

impl<'a> Walker<'a> {
    fn new(text: &'a str) -> Walker<'a> {
        Walker { chars: text.char_indices(), length: text.len(), line: 1, column: 1 }
    }

    fn byte_at(&mut self, wanted: Location) -> usize {
        while (self.line, self.column) < (wanted.line, wanted.column) && self.step() {}
        self.chars.clone().next().map_or(self.length, |(byte, _)| byte)
    }

    fn step(&mut self) -> bool {
        match self.chars.next() {
            Some((_, '\n')) => (self.line, self.column) = (self.line + 1, 1),
            Some(_) => self.column += 1,
            None => return false,
        }
        true
    }

    fn end_of_text(mut self) -> Position {
        while self.step() {}
        position(Location { line: self.line, column: self.column })
    }
}
