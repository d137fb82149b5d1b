//! Avro schemas: from their JSON text to a tree whose named types stand in one table, so that types that
//! contain themselves are no trouble. Any schema is read, flat or not.

use serde_json::{Map, Value as Json};
use std::collections::{BTreeMap, BTreeSet};

/// A schema, checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Schema {
    pub root: Node,
    /// Records, enums and fixed types by full name.
    pub types: BTreeMap<String, Definition>,
}

/// A type where it is used.
#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    Primitive {
        primitive: Primitive,
        logical: Logical,
    },
    Array(Box<Node>),
    Map(Box<Node>),
    Union(Vec<Node>),
    /// A key of [`Schema::types`].
    Named(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Primitive {
    Null,
    Boolean,
    Int,
    Long,
    Float,
    Double,
    Bytes,
    String,
}

/// What a number or bytes mean beyond themselves, as far as it matters here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Logical {
    #[default]
    None,
    /// Days since 1970.
    Date,
    TimestampMillis,
    TimestampMicros,
    TimestampNanos,
    Decimal {
        scale: u32,
    },
}

/// A named type.
#[derive(Clone, Debug, PartialEq)]
pub struct Definition {
    /// Full names it may also go by when another's records are read.
    pub aliases: Vec<String>,
    pub kind: Kind,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    Record(Vec<RecordField>),
    Enum { symbols: Vec<String>, default: Option<String> },
    Fixed { size: usize, logical: Logical },
}

#[derive(Clone, Debug, PartialEq)]
pub struct RecordField {
    pub name: String,
    pub aliases: Vec<String>,
    pub node: Node,
    pub default: Option<Json>,
}

/// Why a text is no Avro schema; names the place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SchemaError {
    #[error("it is no JSON: {0}")]
    Json(String),
    #[error("{place}: {reason}")]
    Place { place: String, reason: String },
}

/// Each branch of a union is compared with all before.
const BRANCHES_MAX: usize = 1_000;

const PRIMITIVES: [(&str, Primitive); 8] = [
    ("null", Primitive::Null),
    ("boolean", Primitive::Boolean),
    ("int", Primitive::Int),
    ("long", Primitive::Long),
    ("float", Primitive::Float),
    ("double", Primitive::Double),
    ("bytes", Primitive::Bytes),
    ("string", Primitive::String),
];

impl Primitive {
    pub fn name(self) -> &'static str {
        PRIMITIVES[self as usize].0
    }

    fn of_name(name: &str) -> Option<Primitive> {
        PRIMITIVES.iter().find(|(known, _)| *known == name).map(|(_, primitive)| *primitive)
    }
}

impl Node {
    /// A type without a meaning beyond itself.
    pub fn of(primitive: Primitive) -> Node {
        Node::Primitive { primitive, logical: Logical::None }
    }
}

/// The part of a full name after its last point.
pub fn short_name(full: &str) -> &str {
    full.rsplit_once('.').map_or(full, |(_, short)| short)
}

impl Schema {
    pub fn parse(text: &str) -> Result<Schema, SchemaError> {
        let json: Json = serde_json::from_str(text).map_err(|error| SchemaError::Json(error.to_string()))?;
        Schema::of_json(&json)
    }

    pub fn of_json(json: &Json) -> Result<Schema, SchemaError> {
        let mut parser = Parser { types: BTreeMap::new() };
        let root = parser.node(json, "", "schema")?;
        let schema = Schema { root, types: parser.types };
        schema.check_defaults()?;
        Ok(schema)
    }

    /// # Panics
    /// If the name is of no type of this schema; those in its nodes are.
    pub fn definition(&self, name: &str) -> &Definition {
        self.types.get(name).expect("names in a schema's nodes are defined in it")
    }

    fn check_defaults(&self) -> Result<(), SchemaError> {
        for (name, definition) in &self.types {
            let Kind::Record(fields) = &definition.kind else { continue };
            for field in fields {
                if let Some(default) = &field.default
                    && !super::default::fits(self, &field.node, default)
                {
                    let place = format!("{name}.{}", field.name);
                    return Err(wrong(&place, format!("the default {default} is not of the field's type")));
                }
            }
        }
        Ok(())
    }
}

fn wrong(place: &str, reason: impl Into<String>) -> SchemaError {
    SchemaError::Place { place: place.to_owned(), reason: reason.into() }
}

struct Parser {
    types: BTreeMap<String, Definition>,
}

impl Parser {
    /// `namespace`: of the type around it. `place`: for errors.
    fn node(&mut self, json: &Json, namespace: &str, place: &str) -> Result<Node, SchemaError> {
        match json {
            Json::String(name) => self.reference(name, namespace, place),
            Json::Array(branches) => self.union(branches, namespace, place),
            Json::Object(object) => self.object(object, namespace, place),
            _ => Err(wrong(place, format!("{json} is no schema"))),
        }
    }

    fn reference(&self, name: &str, namespace: &str, place: &str) -> Result<Node, SchemaError> {
        if let Some(primitive) = Primitive::of_name(name) {
            return Ok(Node::of(primitive));
        }
        // A name without a point is of the namespace around it; the old way was to leave that out.
        let qualified = qualify(name, namespace);
        let known = [qualified.as_str(), name].into_iter().find(|name| self.types.contains_key(*name));
        match known {
            Some(name) => Ok(Node::Named(name.to_owned())),
            None => Err(wrong(place, format!("there is no type {name:?}"))),
        }
    }

    fn union(&mut self, branches: &[Json], namespace: &str, place: &str) -> Result<Node, SchemaError> {
        if branches.len() > BRANCHES_MAX {
            return Err(wrong(place, format!("a union has more than {BRANCHES_MAX} branches")));
        }
        let mut nodes: Vec<Node> = Vec::new();
        for (number, branch) in branches.iter().enumerate() {
            let place = format!("{place}, branch {number}");
            let node = self.node(branch, namespace, &place)?;
            if matches!(node, Node::Union(_)) {
                return Err(wrong(&place, "a union directly in a union"));
            }
            if nodes.iter().any(|other| is_same_branch(other, &node)) {
                return Err(wrong(&place, "the union has that type already"));
            }
            nodes.push(node);
        }
        Ok(Node::Union(nodes))
    }

    fn object(
        &mut self,
        object: &Map<String, Json>,
        namespace: &str,
        place: &str,
    ) -> Result<Node, SchemaError> {
        let kind = match object.get("type") {
            Some(Json::String(kind)) => kind.as_str(),
            Some(inner @ (Json::Object(_) | Json::Array(_))) => return self.node(inner, namespace, place),
            _ => return Err(wrong(place, "its \"type\" is missing")),
        };
        match kind {
            "record" | "error" => self.record(object, namespace, place),
            "enum" => self.enumeration(object, namespace, place),
            "fixed" => self.fixed(object, namespace, place),
            "array" => Ok(Node::Array(Box::new(self.part(object, "items", namespace, place)?))),
            "map" => Ok(Node::Map(Box::new(self.part(object, "values", namespace, place)?))),
            name => Ok(match self.reference(name, namespace, place)? {
                Node::Primitive { primitive, .. } => {
                    let logical = match primitive {
                        Primitive::Int | Primitive::Long | Primitive::Bytes => logical_of(object, primitive),
                        _ => Logical::None,
                    };
                    Node::Primitive { primitive, logical }
                }
                other => other,
            }),
        }
    }

    fn part(
        &mut self,
        object: &Map<String, Json>,
        name: &str,
        namespace: &str,
        place: &str,
    ) -> Result<Node, SchemaError> {
        let part = object.get(name).ok_or_else(|| wrong(place, format!("its {name:?} is missing")))?;
        self.node(part, namespace, &format!("{place}, {name}"))
    }

    fn record(&mut self, object: &Map<String, Json>, around: &str, place: &str) -> Result<Node, SchemaError> {
        let name = self.define(object, around, place, Kind::Record(Vec::new()))?;
        let namespace = name.rsplit_once('.').map_or("", |(namespace, _)| namespace).to_owned();
        let Some(Json::Array(list)) = object.get("fields") else {
            return Err(wrong(&name, "its \"fields\" are missing"));
        };
        let mut fields: Vec<RecordField> = Vec::new();
        let mut names = BTreeSet::new();
        for (number, field) in list.iter().enumerate() {
            let place = format!("{name}, field {number}");
            let Json::Object(field) = field else { return Err(wrong(&place, "it is no object")) };
            let field_name = name_of(field, &place)?;
            if !names.insert(field_name) {
                return Err(wrong(&name, format!("there are two fields {field_name:?}")));
            }
            let place = format!("{name}.{field_name}");
            let json = field.get("type").ok_or_else(|| wrong(&place, "its \"type\" is missing"))?;
            let node = self.node(json, &namespace, &place)?;
            let aliases = strings_of(field, "aliases", &place)?;
            let default = field.get("default").cloned();
            fields.push(RecordField { name: field_name.to_owned(), aliases, node, default });
        }
        let definition = self.types.get_mut(&name).expect("defined above");
        definition.kind = Kind::Record(fields);
        Ok(Node::Named(name))
    }

    fn enumeration(
        &mut self,
        object: &Map<String, Json>,
        around: &str,
        place: &str,
    ) -> Result<Node, SchemaError> {
        let symbols = strings_of(object, "symbols", place)?;
        if symbols.is_empty() {
            return Err(wrong(place, "its \"symbols\" are missing"));
        }
        let mut seen = BTreeSet::new();
        for symbol in &symbols {
            check_name(symbol, place)?;
            if !seen.insert(symbol) {
                return Err(wrong(place, format!("the symbol {symbol} is there twice")));
            }
        }
        let default = object.get("default").and_then(Json::as_str).map(str::to_owned);
        if let Some(default) = default.as_ref().filter(|default| !symbols.contains(default)) {
            return Err(wrong(place, format!("the default {default:?} is no symbol")));
        }
        self.define(object, around, place, Kind::Enum { symbols, default }).map(Node::Named)
    }

    fn fixed(&mut self, object: &Map<String, Json>, around: &str, place: &str) -> Result<Node, SchemaError> {
        let size = object.get("size").and_then(Json::as_u64).and_then(|size| i32::try_from(size).ok());
        let size = size.ok_or_else(|| wrong(place, "its \"size\" is no 32-bit number"))? as usize;
        let logical = logical_of(object, Primitive::Bytes);
        self.define(object, around, place, Kind::Fixed { size, logical }).map(Node::Named)
    }

    /// Takes a named type into the table and gives its full name.
    fn define(
        &mut self,
        object: &Map<String, Json>,
        around: &str,
        place: &str,
        kind: Kind,
    ) -> Result<String, SchemaError> {
        let given = object
            .get("name")
            .and_then(Json::as_str)
            .ok_or_else(|| wrong(place, "its \"name\" is missing"))?;
        let namespace = object.get("namespace").and_then(Json::as_str).unwrap_or(around);
        let name = qualify(given, namespace);
        name.split('.').try_for_each(|part| check_name(part, place))?;
        if Primitive::of_name(&name).is_some() {
            return Err(wrong(place, format!("{name} cannot be defined anew")));
        }
        let own = name.rsplit_once('.').map_or("", |(namespace, _)| namespace);
        let aliases = strings_of(object, "aliases", place)?;
        let aliases = aliases.iter().map(|alias| qualify(alias, own)).collect();
        if self.types.insert(name.clone(), Definition { aliases, kind }).is_some() {
            return Err(wrong(place, format!("{name} is defined twice")));
        }
        Ok(name)
    }
}

fn qualify(name: &str, namespace: &str) -> String {
    if name.contains('.') || namespace.is_empty() { name.to_owned() } else { format!("{namespace}.{name}") }
}

/// Whether a union cannot have both: its branches are told apart by their types' names.
fn is_same_branch(one: &Node, other: &Node) -> bool {
    match (one, other) {
        (Node::Primitive { primitive: one, .. }, Node::Primitive { primitive: other, .. }) => one == other,
        (Node::Array(_), Node::Array(_)) | (Node::Map(_), Node::Map(_)) => true,
        (Node::Named(one), Node::Named(other)) => one == other,
        _ => false,
    }
}

fn name_of<'j>(object: &'j Map<String, Json>, place: &str) -> Result<&'j str, SchemaError> {
    let name =
        object.get("name").and_then(Json::as_str).ok_or_else(|| wrong(place, "its \"name\" is missing"))?;
    check_name(name, place)?;
    Ok(name)
}

/// Letters of ASCII, digits and `_`, no digit in front.
pub(super) fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn check_name(name: &str, place: &str) -> Result<(), SchemaError> {
    if is_name(name) { Ok(()) } else { Err(wrong(place, format!("{name:?} is no name"))) }
}

fn strings_of(object: &Map<String, Json>, name: &str, place: &str) -> Result<Vec<String>, SchemaError> {
    let Some(json) = object.get(name) else { return Ok(Vec::new()) };
    let list = json.as_array().ok_or_else(|| wrong(place, format!("its {name:?} are no array")))?;
    let text = |json: &Json| json.as_str().map(str::to_owned);
    list.iter()
        .map(text)
        .collect::<Option<_>>()
        .ok_or_else(|| wrong(place, format!("its {name:?} are no strings")))
}

/// What is unknown, or does not belong to the type, means nothing: so says the specification.
fn logical_of(object: &Map<String, Json>, primitive: Primitive) -> Logical {
    let number = |name: &str| object.get(name).map_or(Some(0), Json::as_u64);
    match (object.get("logicalType").and_then(Json::as_str), primitive) {
        (Some("date"), Primitive::Int) => Logical::Date,
        (Some("timestamp-millis" | "local-timestamp-millis"), Primitive::Long) => Logical::TimestampMillis,
        (Some("timestamp-micros" | "local-timestamp-micros"), Primitive::Long) => Logical::TimestampMicros,
        (Some("timestamp-nanos" | "local-timestamp-nanos"), Primitive::Long) => Logical::TimestampNanos,
        (Some("decimal"), Primitive::Bytes) => match (number("precision"), number("scale")) {
            (Some(precision), Some(scale))
                if precision > 0 && scale <= precision && scale <= u64::from(u16::MAX) =>
            {
                Logical::Decimal { scale: scale as u32 }
            }
            _ => Logical::None,
        },
        _ => Logical::None,
    }
}
