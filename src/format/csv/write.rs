//! Cells as a CSV record.

use super::super::{
    cells::{Cell, Cells, Column},
    options::CsvOptions,
    text,
};

/// Writes records.
#[derive(Clone, Debug)]
pub(in super::super) struct CsvWriter {
    options: CsvOptions,
    /// Bytes that an unquoted field cannot have.
    special: [u8; 4],
    null: Vec<u8>,
}

impl CsvWriter {
    pub(in super::super) fn new(options: &CsvOptions) -> CsvWriter {
        let special = [options.separator, options.quote, b'\n', b'\r'];
        CsvWriter { options: options.clone(), special, null: options.null_text().as_bytes().to_vec() }
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
        b" \t".contains(first)
            || b" \t".contains(last)
            || self.options.strict_quotes
            || text == self.null
            || text == super::read::NULL_TEXT
            || self.has_special(text)
    }

    /// Looks at several bytes at once, without a branch for each; at some twice, so that none is left over.
    fn has_special(&self, text: &[u8]) -> bool {
        if let Some(last) = text.last_chunk::<16>() {
            let (blocks, _) = text.as_chunks::<16>();
            blocks.iter().any(|block| self.is_special_in(block)) || self.is_special_in(last)
        } else if let (Some(first), Some(last)) = (text.first_chunk::<8>(), text.last_chunk::<8>()) {
            self.is_special_in(first) | self.is_special_in(last)
        } else {
            text.iter().any(|byte| self.special.contains(byte))
        }
    }

    #[inline]
    fn is_special_in<const N: usize>(&self, bytes: &[u8; N]) -> bool {
        let [a, b, c, d] = self.special;
        bytes.iter().fold(false, |found, &byte| found | (byte == a) | (byte == b) | (byte == c) | (byte == d))
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
