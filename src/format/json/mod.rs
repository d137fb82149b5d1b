//! One JSON value a message: an object by name, or an array in order. `write` always writes objects. Never
//! knows what a type's text looks like.

pub(crate) mod number;
mod read;
mod write;

pub(super) use read::JsonReader;
pub(super) use write::JsonWriter;
