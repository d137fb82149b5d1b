//! Cells as a JSON object.

use super::super::{
    cells::{Cell, Cells, Column},
    text,
};

/// Writes objects.
#[derive(Clone, Debug)]
pub(in super::super) struct JsonWriter {
    /// `{"A":`, then `,"B":` and so on.
    openings: Vec<Vec<u8>>,
}

impl JsonWriter {
    pub(in super::super) fn new(columns: &[Column]) -> JsonWriter {
        let opening = |(position, column): (usize, &Column)| {
            let mut opening = vec![if position == 0 { b'{' } else { b',' }];
            put_text(column.name.as_bytes(), &mut opening);
            opening.push(b':');
            opening
        };
        JsonWriter { openings: columns.iter().enumerate().map(opening).collect() }
    }

    /// The columns are those it was made for, the row is one of their table.
    pub(in super::super) fn object(&self, columns: &[Column], mut cells: Cells<'_>, out: &mut Vec<u8>) {
        if columns.is_empty() {
            out.push(b'{');
        }
        for (opening, column) in self.openings.iter().zip(columns) {
            out.extend_from_slice(opening);
            put_cell(cells.read(column), out);
        }
        out.push(b'}');
    }
}

fn put_cell(cell: Cell<'_>, out: &mut Vec<u8>) {
    match cell {
        Cell::Null => out.extend_from_slice(b"null"),
        Cell::Integer(number) => text::put_integer(number, out),
        Cell::Decimal(number) => text::put_decimal(number, out),
        Cell::Float(number) if number.is_finite() => text::put_float(number, out),
        Cell::Text(bytes) => put_text(bytes, out),
        // JSON has no numbers that are none: they are texts, as what follows.
        other => {
            out.push(b'"');
            super::super::csv::put_bare(other, out);
            out.push(b'"');
        }
    }
}

/// A string, with what must be escaped escaped.
fn put_text(text: &[u8], out: &mut Vec<u8>) {
    const HEX_DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.push(b'"');
    let mut taken = 0;
    for (at, &byte) in text.iter().enumerate() {
        if byte >= b' ' && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.extend_from_slice(&text[taken..at]);
        taken = at + 1;
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            _ => {
                let (high, low) = (HEX_DIGITS[usize::from(byte >> 4)], HEX_DIGITS[usize::from(byte & 15)]);
                out.extend_from_slice(&[b'\\', b'u', b'0', b'0', high, low]);
            }
        }
    }
    out.extend_from_slice(&text[taken..]);
    out.push(b'"');
}
