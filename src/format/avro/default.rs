//! Whether a JSON value can be the default of a field.

use super::schema::{Kind, Node, Primitive, Schema};
use serde_json::Value as Json;

/// The first branch of a union should have it; any may.
pub(super) fn fits(schema: &Schema, node: &Node, default: &Json) -> bool {
    match node {
        Node::Primitive { primitive, .. } => primitive_fits(*primitive, default),
        Node::Array(items) => {
            default.as_array().is_some_and(|list| list.iter().all(|item| fits(schema, items, item)))
        }
        Node::Map(values) => {
            default.as_object().is_some_and(|map| map.values().all(|value| fits(schema, values, value)))
        }
        Node::Union(branches) => branches.iter().any(|branch| fits(schema, branch, default)),
        Node::Named(name) => match &schema.definition(name).kind {
            Kind::Record(fields) => default.as_object().is_some_and(|members| {
                fields.iter().all(|field| match members.get(&field.name) {
                    Some(member) => fits(schema, &field.node, member),
                    None => field.default.is_some(),
                })
            }),
            Kind::Enum { symbols, .. } => {
                default.as_str().is_some_and(|symbol| symbols.iter().any(|known| known == symbol))
            }
            Kind::Fixed { size, .. } => {
                default.as_str().is_some_and(|text| is_bytes(text) && text.chars().count() == *size)
            }
        },
    }
}

fn primitive_fits(primitive: Primitive, default: &Json) -> bool {
    match primitive {
        Primitive::Null => default.is_null(),
        Primitive::Boolean => default.is_boolean(),
        Primitive::Int => default.as_i64().is_some_and(|number| i32::try_from(number).is_ok()),
        Primitive::Long => default.as_i64().is_some(),
        Primitive::Float | Primitive::Double => {
            default.is_number()
                || matches!(default.as_str(), Some("NaN" | "INF" | "-INF" | "Infinity" | "-Infinity"))
        }
        Primitive::String => default.is_string(),
        Primitive::Bytes => default.as_str().is_some_and(is_bytes),
    }
}

/// Each character stands for the byte of its number.
fn is_bytes(text: &str) -> bool {
    text.chars().all(|c| u32::from(c) <= 0xff)
}
