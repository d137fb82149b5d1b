//! Cells as a CSV record.

use super::super::{
    cells::{Cell, Cells, Column},
    options::CsvOptions,
    text,
};
use super::read::NULL_TEXT;

/// Bytes of a text that are looked at together.
const BLOCK: usize = 16;

/// Writes records.
#[derive(Clone, Debug)]
pub(in super::super) struct CsvWriter {
    options: CsvOptions,
    /// Bytes that an unquoted field cannot have, each as often as bytes are looked at together.
    special: [[u8; BLOCK]; 4],
    null: Vec<u8>,
    /// Whether numbers and moments are never quoted: a moment has a blank, and a number may be what stands
    /// for NULL.
    has_bare_numbers: bool,
}

impl CsvWriter {
    pub(in super::super) fn new(options: &CsvOptions) -> CsvWriter {
        let special = [options.separator, options.quote, b'\n', b'\r'].map(|byte| [byte; BLOCK]);
        let null = options.null_text().as_bytes().to_vec();
        let has_bare_numbers = !options.quote_all && options.separator != b' ' && null.is_empty();
        CsvWriter { options: options.clone(), special, null, has_bare_numbers }
    }

    /// The row must be one of the columns' table.
    pub(in super::super) fn record(&self, columns: &[Column], mut cells: Cells<'_>, out: &mut Vec<u8>) {
        for (position, column) in columns.iter().enumerate() {
            if position > 0 {
                out.push(self.options.separator);
            }
            match cells.read(column) {
                Cell::Null => out.extend_from_slice(&self.null),
                Cell::Text(bytes) if self.options.quote_all || self.needs_quotes(bytes) => {
                    self.quoted(bytes, out)
                }
                Cell::Text(bytes) => out.extend_from_slice(bytes),
                Cell::Integer(number) if self.has_bare_numbers => text::put_integer(number, out),
                Cell::Timestamp(micros) if self.has_bare_numbers => text::put_timestamp(micros, out),
                cell if self.options.quote_all => {
                    out.push(self.options.quote);
                    put_bare(cell, out);
                    out.push(self.options.quote);
                }
                cell => {
                    let start = out.len();
                    put_bare(cell, out);
                    self.quote_if_misread(start, out);
                }
            }
        }
    }

    /// A moment has a blank, no bytes at all are nothing, and either may be what the options give another
    /// meaning.
    fn quote_if_misread(&self, start: usize, out: &mut Vec<u8>) {
        let written = &out[start..];
        if written.is_empty() || self.options.separator == b' ' || written == self.null {
            let written = out.split_off(start);
            self.quoted(&written, out);
        }
    }

    /// Whether an unquoted text would be read as something else.
    fn needs_quotes(&self, text: &[u8]) -> bool {
        let (Some(first), Some(last)) = (text.first(), text.last()) else { return true };
        matches!(first, b' ' | b'\t')
            || matches!(last, b' ' | b'\t')
            || self.options.strict_quotes
            || self.is_null_text(text)
            || self.has_special(text)
    }

    /// Most are too long to be.
    #[inline]
    fn is_null_text(&self, text: &[u8]) -> bool {
        text.len() <= self.null.len().max(NULL_TEXT.len()) && (text == self.null || text == NULL_TEXT)
    }

    /// Looks at several bytes at once, without a branch for each; at some twice, so that none is left over.
    #[inline]
    fn has_special(&self, text: &[u8]) -> bool {
        if let Some(last) = text.last_chunk::<BLOCK>() {
            let (blocks, _) = text.as_chunks::<BLOCK>();
            return blocks.iter().any(|block| self.is_special_in(block)) || self.is_special_in(last);
        }
        let mut block = [0; BLOCK];
        if let (Some(first), Some(last)) = (text.first_chunk::<8>(), text.last_chunk::<8>()) {
            block[..8].copy_from_slice(first);
            block[8..].copy_from_slice(last);
        } else {
            return text.iter().any(|byte| self.special.iter().any(|special| special[0] == *byte));
        }
        self.is_special_in(&block)
    }

    #[inline(always)]
    fn is_special_in(&self, bytes: &[u8; BLOCK]) -> bool {
        let [a, b, c, d] = &self.special;
        let special = a.iter().zip(b).zip(c.iter().zip(d));
        bytes.iter().zip(special).fold(false, |found, (byte, ((a, b), (c, d)))| {
            found | (byte == a) | (byte == b) | (byte == c) | (byte == d)
        })
    }

    fn quoted(&self, text: &[u8], out: &mut Vec<u8>) {
        let CsvOptions { quote, .. } = self.options;
        let escape = self.options.escape.unwrap_or(quote);
        out.push(quote);
        for &byte in text {
            if byte == quote || byte == escape {
                out.push(escape);
            }
            out.push(byte);
        }
        out.push(quote);
    }
}

/// A value's text without quotes; nothing for NULL.
pub(in super::super) fn put_bare(cell: Cell<'_>, out: &mut Vec<u8>) {
    match cell {
        Cell::Null => {}
        Cell::Integer(number) => text::put_integer(number, out),
        Cell::Float(number) => text::put_float(number, out),
        Cell::Decimal(number) => text::put_decimal(number, out),
        Cell::Text(bytes) => out.extend_from_slice(bytes),
        Cell::Binary(bytes) => text::put_hex(bytes, out),
        Cell::Timestamp(micros) => text::put_timestamp(micros, out),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Beside looking at each byte: texts of each length up to some blocks, with nothing special or with one
    /// such byte at each place.
    #[test]
    fn special_bytes_are_found_wherever_they_are() {
        let writer = CsvWriter::new(&CsvOptions { separator: b';', ..CsvOptions::default() });
        for length in 0..70 {
            let plain = vec![b'x'; length];
            assert!(!writer.has_special(&plain));
            for place in 0..length {
                for byte in 0..=255 {
                    let mut text = plain.clone();
                    text[place] = byte;
                    let expected = b";\"\r\n".contains(&byte);
                    assert_eq!(writer.has_special(&text), expected, "{byte} at {place} of {length}");
                }
            }
        }
    }
}
