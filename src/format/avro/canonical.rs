//! The canonical text of a schema, which leaves out what does not bear on its records' bytes, and its
//! fingerprint: Avro's "Parsing Canonical Form" and CRC-64-AVRO.

use super::schema::{Kind, Node, Schema};
use std::{collections::BTreeSet, fmt::Write};

/// The fingerprint of nothing; also the polynomial.
const EMPTY: u64 = 0xc15d_213a_a4d7_a795;

const TABLE: [u64; 256] = table();

const fn table() -> [u64; 256] {
    let mut table = [0; 256];
    let mut number = 0;
    while number < 256 {
        let mut fingerprint = number as u64;
        let mut bit = 0;
        while bit < 8 {
            fingerprint = fingerprint >> 1 ^ EMPTY & (fingerprint & 1).wrapping_neg();
            bit += 1;
        }
        table[number] = fingerprint;
        number += 1;
    }
    table
}

impl Schema {
    /// The same for all schemas whose records have the same bytes.
    pub fn canonical(&self) -> String {
        let mut out = String::new();
        self.write(&self.root, &mut BTreeSet::new(), &mut out);
        out
    }

    /// Of the canonical text.
    pub fn fingerprint(&self) -> u64 {
        let step = |sum: u64, byte: u8| sum >> 8 ^ TABLE[usize::from(sum as u8 ^ byte)];
        self.canonical().bytes().fold(EMPTY, step)
    }

    /// `written`: the named types that were written out before.
    fn write<'s>(&'s self, node: &'s Node, written: &mut BTreeSet<&'s str>, out: &mut String) {
        match node {
            Node::Primitive { primitive, .. } => quoted(primitive.name(), out),
            Node::Array(items) => {
                out.push_str("{\"type\":\"array\",\"items\":");
                self.write(items, written, out);
                out.push('}');
            }
            Node::Map(values) => {
                out.push_str("{\"type\":\"map\",\"values\":");
                self.write(values, written, out);
                out.push('}');
            }
            Node::Union(branches) => {
                list(branches, out, |branch, out| self.write(branch, written, out));
            }
            Node::Named(name) if !written.insert(name) => quoted(name, out),
            Node::Named(name) => self.write_definition(name, written, out),
        }
    }

    fn write_definition<'s>(&'s self, name: &'s str, written: &mut BTreeSet<&'s str>, out: &mut String) {
        out.push_str("{\"name\":");
        quoted(name, out);
        match &self.definition(name).kind {
            Kind::Record(fields) => {
                out.push_str(",\"type\":\"record\",\"fields\":");
                list(fields, out, |field, out| {
                    out.push_str("{\"name\":");
                    quoted(&field.name, out);
                    out.push_str(",\"type\":");
                    self.write(&field.node, written, out);
                    out.push('}');
                });
            }
            Kind::Enum { symbols, .. } => {
                out.push_str(",\"type\":\"enum\",\"symbols\":");
                list(symbols, out, |symbol, out| quoted(symbol, out));
            }
            // Writing to memory does not fail.
            Kind::Fixed { size, .. } => drop(write!(out, ",\"type\":\"fixed\",\"size\":{size}")),
        }
        out.push('}');
    }
}

/// Names need no escapes.
fn quoted(name: &str, out: &mut String) {
    out.push('"');
    out.push_str(name);
    out.push('"');
}

fn list<'s, T>(items: &'s [T], out: &mut String, mut write: impl FnMut(&'s T, &mut String)) {
    out.push('[');
    for (number, item) in items.iter().enumerate() {
        if number > 0 {
            out.push(',');
        }
        write(item, out);
    }
    out.push(']');
}
