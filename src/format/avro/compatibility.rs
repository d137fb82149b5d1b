//! Whether records that one schema wrote can be read by another: Avro's schema resolution.

use super::schema::{Kind, Node, Primitive, Schema, short_name};
use std::collections::{BTreeMap, BTreeSet};

/// Types that are compared before it is given up: unions of types that differ deep within take a product of
/// attempts.
const STEPS_MAX: u32 = 50_000;
/// Types within types that are compared.
const DEPTH_MAX: u32 = 200;

const TOO_COMPLEX: &str = "TOO_COMPLEX";

/// One reason why they cannot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incompatibility {
    /// As Confluent's registry names it.
    pub kind: &'static str,
    /// Where in the reader's schema.
    pub path: String,
    pub description: String,
}

/// All reasons why `reader` cannot read what `writer` wrote; none: it can.
pub fn incompatibilities(reader: &Schema, writer: &Schema) -> Vec<Incompatibility> {
    let (seen, seen_order, found) = (BTreeSet::new(), Vec::new(), Vec::new());
    let mut check = Check { reader, writer, seen, seen_order, found, steps: 0, depth: 0 };
    check.node(&reader.root, &writer.root, "");
    check.found
}

struct Check<'s> {
    reader: &'s Schema,
    writer: &'s Schema,
    /// Pairs of named types that were looked at, or are being.
    seen: BTreeSet<(&'s str, &'s str)>,
    seen_order: Vec<(&'s str, &'s str)>,
    found: Vec<Incompatibility>,
    steps: u32,
    depth: u32,
}

impl<'s> Check<'s> {
    fn add(&mut self, kind: &'static str, path: &str, description: String) {
        let path = if path.is_empty() { "/".to_owned() } else { path.to_owned() };
        self.found.push(Incompatibility { kind, path, description });
    }

    fn node(&mut self, reader: &'s Node, writer: &'s Node, path: &str) {
        self.steps += 1;
        if self.steps > STEPS_MAX || self.depth > DEPTH_MAX {
            // Once said is enough.
            if self.found.last().is_none_or(|last| last.kind != TOO_COMPLEX) {
                self.add(TOO_COMPLEX, path, format!("The types at path '{path}' are too many to compare"));
            }
            return;
        }
        self.depth += 1;
        self.resolve(reader, writer, path);
        self.depth -= 1;
    }

    fn resolve(&mut self, reader: &'s Node, writer: &'s Node, path: &str) {
        match (reader, writer) {
            // Whatever branch was written must be read.
            (_, Node::Union(branches)) => branches.iter().for_each(|branch| {
                if matches!(reader, Node::Union(_)) {
                    self.branch(reader, branch, path);
                } else {
                    self.node(reader, branch, path);
                }
            }),
            (Node::Union(_), _) => self.branch(reader, writer, path),
            (Node::Array(reader), Node::Array(writer)) => self.node(reader, writer, &format!("{path}/items")),
            (Node::Map(reader), Node::Map(writer)) => self.node(reader, writer, &format!("{path}/values")),
            (Node::Named(reader), Node::Named(writer)) => self.named(reader, writer, path),
            (Node::Primitive { primitive: reads, .. }, Node::Primitive { primitive: wrote, .. })
                if is_promoted(*wrote, *reads) => {}
            _ => self.mismatch(reader, writer, path),
        }
    }

    fn mismatch(&mut self, reader: &Node, writer: &Node, path: &str) {
        let (reads, wrote) = (self.reader.kind_name(reader), self.writer.kind_name(writer));
        let description =
            format!("The type {reads} at path '{path}' cannot read what was written as {wrote}");
        self.add("TYPE_MISMATCH", path, description);
    }

    /// Some branch of the reader's union must read it.
    fn branch(&mut self, reader: &'s Node, writer: &'s Node, path: &str) {
        let Node::Union(branches) = reader else { return };
        // What an attempt finds counts only if no branch does.
        let found_before = self.found.len();
        let is_read = branches.iter().any(|branch| {
            let seen_before = self.seen_order.len();
            self.found.truncate(found_before);
            self.node(branch, writer, path);
            let is_read = self.found.len() == found_before;
            if !is_read {
                // What the attempt took for granted is to be looked at again.
                for pair in self.seen_order.drain(seen_before..) {
                    self.seen.remove(&pair);
                }
            }
            is_read
        });
        self.found.truncate(found_before);
        if !is_read {
            let wrote = self.writer.kind_name(writer);
            let description = format!("The union at path '{path}' has no branch that reads {wrote}");
            self.add("MISSING_UNION_BRANCH", path, description);
        }
    }

    fn named(&mut self, reader_name: &'s str, writer_name: &'s str, path: &str) {
        if !self.seen.insert((reader_name, writer_name)) {
            return;
        }
        self.seen_order.push((reader_name, writer_name));
        let (reader, writer) = (self.reader.definition(reader_name), self.writer.definition(writer_name));
        let is_known = short_name(reader_name) == short_name(writer_name)
            || reader.aliases.iter().any(|alias| alias == writer_name);
        if !is_known && std::mem::discriminant(&reader.kind) == std::mem::discriminant(&writer.kind) {
            let description = format!("The name {reader_name} at path '{path}' was {writer_name}");
            self.add("NAME_MISMATCH", path, description);
            return;
        }
        match (&reader.kind, &writer.kind) {
            (Kind::Record(reads), Kind::Record(wrote)) => {
                let wrote: BTreeMap<&str, _> =
                    wrote.iter().map(|field| (field.name.as_str(), field)).collect();
                for (number, field) in reads.iter().enumerate() {
                    let mut names = std::iter::once(&field.name).chain(&field.aliases);
                    let path = format!("{path}/fields/{number}");
                    match names.find_map(|name| wrote.get(name.as_str())) {
                        Some(written) => self.node(&field.node, &written.node, &format!("{path}/type")),
                        None if field.default.is_some() => {}
                        None => {
                            let name = &field.name;
                            let text = format!(
                                "The field '{name}' at path '{path}' has no default and was not written"
                            );
                            self.add("READER_FIELD_MISSING_DEFAULT_VALUE", &path, text);
                        }
                    }
                }
            }
            (Kind::Enum { symbols: reads, default }, Kind::Enum { symbols: wrote, .. }) => {
                let reads: BTreeSet<&String> = reads.iter().collect();
                let missing = wrote.iter().filter(|symbol| !reads.contains(symbol)).map(String::as_str);
                // An error need not have them all.
                let missing: Vec<&str> = missing.take(20).collect();
                if default.is_none() && !missing.is_empty() {
                    let text = format!("The enum at path '{path}' lacks the symbols {}", missing.join(", "));
                    self.add("MISSING_ENUM_SYMBOLS", &format!("{path}/symbols"), text);
                }
            }
            (Kind::Fixed { size: reads, .. }, Kind::Fixed { size: wrote, .. }) => {
                if reads != wrote {
                    let text = format!("The fixed type at path '{path}' has {reads} bytes, it had {wrote}");
                    self.add("FIXED_SIZE_MISMATCH", &format!("{path}/size"), text);
                }
            }
            _ => {
                let (reads, wrote) = (kind_of(&reader.kind), kind_of(&writer.kind));
                let text =
                    format!("The type {reads} at path '{path}' cannot read what was written as {wrote}");
                self.add("TYPE_MISMATCH", path, text);
            }
        }
    }
}

/// Whether a value is read as it is, or as a wider type.
fn is_promoted(wrote: Primitive, reads: Primitive) -> bool {
    use Primitive::{Bytes, Double, Float, Int, Long, String};
    wrote == reads
        || matches!(
            (wrote, reads),
            (Int, Long | Float | Double)
                | (Long, Float | Double)
                | (Float, Double)
                | (String, Bytes)
                | (Bytes, String)
        )
}

fn kind_of(kind: &Kind) -> &'static str {
    match kind {
        Kind::Record(_) => "record",
        Kind::Enum { .. } => "enum",
        Kind::Fixed { .. } => "fixed",
    }
}

impl Schema {
    /// What kind of type it is, for messages.
    pub fn kind_name(&self, node: &Node) -> &'static str {
        match node {
            Node::Primitive { primitive, .. } => primitive.name(),
            Node::Array(_) => "array",
            Node::Map(_) => "map",
            Node::Union(_) => "union",
            Node::Named(name) => kind_of(&self.definition(name).kind),
        }
    }
}
