//! Avro records as the parameters of a procedure: by the schema they were written with, each field to the
//! parameter of its name. Fields of other names are passed over, as readers of Avro do; a parameter without a
//! field is NULL, where it may be.

use super::{
    super::{
        decoder::Field,
        error::DecodeError,
        parameter::{Wanted, utf8},
    },
    bytes::{Cursor, decimal_of},
    schema::{Kind, Logical, Node, Primitive, RecordField, Schema},
    write::{MAGIC, MICROS_PER_MILLI},
};
use std::collections::BTreeMap;
use tollgate_schema::{
    codec::ParamWriter,
    timestamp::MICROS_PER_DAY,
    types::Type,
    value::{Decimal, Value},
};

/// Reads records of the schemas it was told.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct AvroReader {
    /// What was found wrong with a schema is said of each of its messages.
    plans: BTreeMap<u32, Result<Plan, DecodeError>>,
}

/// How the records of one schema are read.
#[derive(Clone, Debug)]
struct Plan {
    steps: Vec<Step>,
}

/// One of the writer's fields.
#[derive(Clone, Debug)]
struct Step {
    name: String,
    shape: Shape,
    /// Position among the parameters; `None`: passed over.
    target: Option<usize>,
}

#[derive(Clone, Debug)]
enum Shape {
    One(Leaf),
    Union(Vec<Leaf>),
}

#[derive(Clone, Debug)]
enum Leaf {
    Primitive(Primitive, Logical),
    Fixed(usize, Logical),
    Enum(Vec<String>),
}

/// A field's value.
#[derive(Clone, Copy, Debug)]
enum Item<'a> {
    Null,
    Number(i64),
    Timestamp { written: i64, micros: Option<i64> },
    Float(f64),
    Decimal(Option<Decimal>),
    Boolean(bool),
    Text(&'a [u8]),
    Binary(&'a [u8]),
}

impl AvroReader {
    pub(in super::super) fn learn(&mut self, id: u32, text: &str, fields: &[Field]) {
        self.plans.insert(id, Plan::new(text, fields));
    }

    pub(in super::super) fn knows(&self, id: u32) -> bool {
        self.plans.contains_key(&id)
    }

    /// Appends one parameter for each of `fields`, which are those that its schemas were learned for.
    pub(in super::super) fn record(
        &self,
        value: &[u8],
        fields: &[Field],
        writer: &mut ParamWriter<'_>,
    ) -> Result<(), DecodeError> {
        let [MAGIC, a, b, c, d, body @ ..] = value else {
            let reason = "it does not begin with a zero byte and the number of a schema".to_owned();
            return Err(DecodeError::Malformed { reason });
        };
        let id = u32::from_be_bytes([*a, *b, *c, *d]);
        let plan = self.plans.get(&id).ok_or(DecodeError::UnknownSchema { id })?;
        let plan = plan.as_ref().map_err(Clone::clone)?;
        let items = plan.read(body, fields)?;
        for (field, item) in fields.iter().zip(items) {
            let result = match item {
                Some(item) => item.put(field.wanted, writer),
                None => field.wanted.null(writer).map_err(|_| "its schema has no such field".to_owned()),
            };
            result.map_err(|reason| field.wrong(reason))?;
        }
        Ok(())
    }
}

impl Plan {
    fn new(text: &str, fields: &[Field]) -> Result<Plan, DecodeError> {
        let malformed = |reason: String| DecodeError::Malformed { reason: format!("its schema: {reason}") };
        let schema = Schema::parse(text).map_err(|error| malformed(error.to_string()))?;
        let written = match &schema.root {
            Node::Named(name) => match &schema.definition(name).kind {
                Kind::Record(fields) => fields,
                _ => return Err(malformed("it is no record".to_owned())),
            },
            _ => return Err(malformed("it is no record".to_owned())),
        };
        let mut steps: Vec<Step> = Vec::with_capacity(written.len());
        for field in written {
            let target = fields.iter().position(|wanted| wanted.name.eq_ignore_ascii_case(&field.name));
            if let Some(target) = target
                && steps.iter().any(|step| step.target == Some(target))
            {
                let Field { name, position, .. } = fields[target].clone();
                return Err(DecodeError::Twice { name, position });
            }
            let shape = shape(&schema, field).map_err(malformed)?;
            steps.push(Step { name: field.name.clone(), shape, target });
        }
        Ok(Plan { steps })
    }

    fn read<'a>(&'a self, body: &'a [u8], fields: &[Field]) -> Result<Vec<Option<Item<'a>>>, DecodeError> {
        let mut items = vec![None; fields.len()];
        let mut cursor = Cursor(body);
        for step in &self.steps {
            let item = step.shape.read(&mut cursor).map_err(|reason| match step.target {
                Some(target) => fields[target].wrong(reason),
                None => DecodeError::Malformed { reason: format!("field {}: {reason}", step.name) },
            })?;
            if let Some(target) = step.target {
                items[target] = Some(item);
            }
        }
        match cursor.0.len() {
            0 => Ok(items),
            left => Err(DecodeError::Malformed { reason: format!("{left} bytes follow the record") }),
        }
    }
}

fn shape(schema: &Schema, field: &RecordField) -> Result<Shape, String> {
    let leaf = |node: &Node| {
        let unsupported = || format!("field {}: {} is not supported", field.name, schema.kind_name(node));
        match node {
            Node::Primitive { primitive, logical } => Ok(Leaf::Primitive(*primitive, *logical)),
            Node::Named(name) => match &schema.definition(name).kind {
                Kind::Fixed { size, logical } => Ok(Leaf::Fixed(*size, *logical)),
                Kind::Enum { symbols, .. } => Ok(Leaf::Enum(symbols.clone())),
                Kind::Record(_) => Err(unsupported()),
            },
            Node::Array(_) | Node::Map(_) | Node::Union(_) => Err(unsupported()),
        }
    };
    match &field.node {
        Node::Union(branches) => branches.iter().map(leaf).collect::<Result<_, _>>().map(Shape::Union),
        node => leaf(node).map(Shape::One),
    }
}

impl Shape {
    fn read<'a>(&'a self, cursor: &mut Cursor<'a>) -> Result<Item<'a>, String> {
        match self {
            Shape::One(leaf) => leaf.read(cursor),
            Shape::Union(branches) => {
                let number = cursor.long()?;
                let branch = usize::try_from(number).ok().and_then(|number| branches.get(number));
                branch.ok_or_else(|| format!("its union has no branch {number}"))?.read(cursor)
            }
        }
    }
}

impl Leaf {
    fn read<'a>(&'a self, cursor: &mut Cursor<'a>) -> Result<Item<'a>, String> {
        Ok(match self {
            Leaf::Primitive(Primitive::Null, _) => Item::Null,
            Leaf::Primitive(Primitive::Boolean, _) => match cursor.array::<1>()? {
                [byte @ 0..=1] => Item::Boolean(byte == 1),
                [byte] => return Err(format!("{byte} is no boolean")),
            },
            Leaf::Primitive(Primitive::Int, logical) => number(cursor.int()?, *logical),
            Leaf::Primitive(Primitive::Long, logical) => number(cursor.long()?, *logical),
            Leaf::Primitive(Primitive::Float, _) => {
                Item::Float(f64::from(f32::from_le_bytes(cursor.array()?)))
            }
            Leaf::Primitive(Primitive::Double, _) => Item::Float(f64::from_le_bytes(cursor.array()?)),
            Leaf::Primitive(Primitive::String, _) => Item::Text(cursor.bytes()?),
            Leaf::Primitive(Primitive::Bytes, logical) => binary(cursor.bytes()?, *logical),
            Leaf::Fixed(size, logical) => binary(cursor.take(*size)?, *logical),
            Leaf::Enum(symbols) => {
                let number = cursor.int()?;
                let symbol = usize::try_from(number).ok().and_then(|number| symbols.get(number));
                Item::Text(symbol.ok_or_else(|| format!("its enum has no symbol {number}"))?.as_bytes())
            }
        })
    }
}

fn number<'a>(written: i64, logical: Logical) -> Item<'a> {
    let micros = match logical {
        Logical::None | Logical::Decimal { .. } => return Item::Number(written),
        Logical::Date => written.checked_mul(MICROS_PER_DAY),
        Logical::TimestampMillis => written.checked_mul(MICROS_PER_MILLI),
        Logical::TimestampMicros => Some(written),
        Logical::TimestampNanos => Some(written.div_euclid(1000)),
    };
    Item::Timestamp { written, micros }
}

fn binary(bytes: &[u8], logical: Logical) -> Item<'_> {
    match logical {
        Logical::Decimal { scale } => Item::Decimal(decimal_of(bytes, scale)),
        _ => Item::Binary(bytes),
    }
}

impl Item<'_> {
    fn put(self, wanted: Wanted, writer: &mut ParamWriter<'_>) -> Result<(), String> {
        let out_of_range = || format!("it is out of range for {}", wanted.parameter_type);
        match self {
            Item::Null => wanted.null(writer),
            Item::Number(number) if wanted.parameter_type == Type::Timestamp => {
                wanted.timestamp(number, writer)
            }
            Item::Number(number) => wanted.integer(number, writer),
            // To an integer goes the number as it was written: its unit is the procedure's to know.
            Item::Timestamp { written, .. } if wanted.parameter_type.is_integer() => {
                wanted.integer(written, writer)
            }
            Item::Timestamp { micros, .. } => wanted.timestamp(micros.ok_or_else(out_of_range)?, writer),
            Item::Float(number) if number.is_finite() || wanted.parameter_type == Type::Float => {
                wanted.converted(&Value::Float(number), writer)
            }
            Item::Float(number) => Err(format!("{number} can't be read as {}", wanted.parameter_type)),
            Item::Decimal(number) => {
                wanted.converted(&Value::Decimal(number.ok_or_else(out_of_range)?), writer)
            }
            Item::Boolean(yes) if wanted.parameter_type.is_integer() => {
                wanted.integer(i64::from(yes), writer)
            }
            Item::Boolean(_) => Err(format!("a boolean does not convert to {}", wanted.parameter_type)),
            Item::Text(bytes) => match wanted.parameter_type {
                Type::Varchar { .. } => wanted.varchar(utf8(bytes)?, writer),
                _ => wanted.text(bytes, writer),
            },
            Item::Binary(bytes) => wanted.binary(bytes, writer),
        }
    }
}
