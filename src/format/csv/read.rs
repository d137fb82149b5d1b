//! A CSV record as the parameters of a procedure, in their order.

use super::super::{decoder::Field, error::DecodeError, options::CsvOptions, parameter::shown};
use std::borrow::Cow;
use tollgate_schema::{codec::ParamWriter, types::Type};

/// Read as NULL besides the empty field, unless the options name another text.
pub(in super::super) const NULL_TEXT: &[u8] = b"\\N";

/// Reads records.
#[derive(Clone, Debug)]
pub(in super::super) struct CsvReader {
    options: CsvOptions,
}

/// A field's text, its quotes taken off.
struct FieldText<'a> {
    text: Cow<'a, [u8]>,
    quoted: bool,
}

impl CsvReader {
    pub(in super::super) fn new(options: &CsvOptions) -> CsvReader {
        CsvReader { options: options.clone() }
    }

    /// Appends one parameter for each of `fields`.
    pub(in super::super) fn record(
        &self,
        value: &[u8],
        fields: &[Field],
        writer: &mut ParamWriter<'_>,
    ) -> Result<(), DecodeError> {
        let mut rest = Some(without_line_end(value));
        for (number, field) in fields.iter().enumerate() {
            let Some(bytes) = rest else {
                let (name, position) = (field.name.clone(), field.position);
                return Err(DecodeError::Missing { name, position, got: number });
            };
            let (text, after) = self.next(bytes).map_err(|reason| field.wrong(reason))?;
            self.put(&text, field, writer).map_err(|reason| field.wrong(reason))?;
            rest = after;
        }
        match (rest, fields.last()) {
            (None, _) | (Some(b""), None) => Ok(()),
            (Some(_), Some(last)) => {
                Err(DecodeError::Extra { expected: fields.len(), last: last.name.clone() })
            }
            (Some(rest), None) => {
                let reason = format!("no fields are expected, it has {:?}", shown(rest));
                Err(DecodeError::Malformed { reason })
            }
        }
    }

    #[inline]
    fn put(&self, field: &FieldText<'_>, to: &Field, writer: &mut ParamWriter<'_>) -> Result<(), String> {
        let wanted = to.wanted;
        if !field.quoted {
            if self.is_null(&field.text) {
                return wanted.null(writer);
            }
            let is_text = matches!(wanted.parameter_type, Type::Varchar { .. });
            if self.options.strict_quotes && is_text {
                return Err(format!("{:?} is not quoted (config.csv.strictQuotes)", shown(&field.text)));
            }
        }
        wanted.text(&field.text, writer)
    }

    fn is_null(&self, text: &[u8]) -> bool {
        match &self.options.null {
            None => text.is_empty() || text == NULL_TEXT,
            Some(null) => text == null.as_bytes(),
        }
    }

    /// The first field, and what follows its separator; `None` after the last.
    #[inline]
    fn next<'a>(&self, bytes: &'a [u8]) -> Result<(FieldText<'a>, Option<&'a [u8]>), String> {
        let CsvOptions { separator, quote, ignore_blanks, .. } = self.options;
        let start = if ignore_blanks { self.blanks(bytes) } else { 0 };
        if bytes.get(start) == Some(&quote) {
            return self.next_quoted(&bytes[start + 1..]);
        }
        let is_end = |byte: &u8| *byte == separator || *byte == b'\n' || *byte == b'\r';
        let end = bytes.iter().position(is_end).unwrap_or(bytes.len());
        let rest = match bytes.get(end) {
            None => None,
            Some(byte) if *byte == separator => Some(&bytes[end + 1..]),
            Some(_) => return Err("a line ends in it, a message is one record".to_owned()),
        };
        // Blanks that are all of the field end at its end.
        let mut text = &bytes[start.min(end)..end];
        if ignore_blanks {
            while let [head @ .., b' ' | b'\t'] = text {
                text = head;
            }
        }
        Ok((FieldText { text: Cow::Borrowed(text), quoted: false }, rest))
    }

    /// How many blanks are in front; a separator is none.
    fn blanks(&self, bytes: &[u8]) -> usize {
        let is_blank = |byte: &&u8| matches!(byte, b' ' | b'\t') && **byte != self.options.separator;
        bytes.iter().take_while(is_blank).count()
    }

    /// The same after an opening quote.
    fn next_quoted<'a>(&self, bytes: &'a [u8]) -> Result<(FieldText<'a>, Option<&'a [u8]>), String> {
        let CsvOptions { separator, quote, escape, .. } = self.options;
        let escape = escape.filter(|escape| *escape != quote);
        let mut text: Cow<'a, [u8]> = Cow::Borrowed(b"");
        // From where on bytes were not taken over.
        let mut taken = 0;
        let mut at = 0;
        loop {
            let Some(&byte) = bytes.get(at) else { return Err("its quote is not closed".to_owned()) };
            let after = bytes.get(at + 1);
            let is_escaped = |after: &u8| *after == quote || Some(*after) == escape;
            if Some(byte) == escape && after.is_some_and(is_escaped) || byte == quote && after == Some(&quote)
            {
                // The second of the two is taken over with what follows it.
                text.to_mut().extend_from_slice(&bytes[taken..at]);
                taken = at + 1;
                at += 2;
            } else if byte == quote {
                break;
            } else {
                at += 1;
            }
        }
        if taken == 0 {
            text = Cow::Borrowed(&bytes[..at]);
        } else {
            text.to_mut().extend_from_slice(&bytes[taken..at]);
        }
        let mut rest = &bytes[at + 1..];
        if self.options.ignore_blanks {
            rest = &rest[self.blanks(rest)..];
        }
        let rest = match rest.split_first() {
            None => None,
            Some((byte, rest)) if *byte == separator => Some(rest),
            Some(_) => return Err(format!("{:?} follows its closing quote", shown(rest))),
        };
        Ok((FieldText { text, quoted: true }, rest))
    }
}

/// One end of a line at the end is no part of the record.
fn without_line_end(value: &[u8]) -> &[u8] {
    let value = value.strip_suffix(b"\n").unwrap_or(value);
    value.strip_suffix(b"\r").unwrap_or(value)
}
