//! A JSON object or array as the parameters of a procedure.

use super::{
    super::{
        decoder::Field,
        error::DecodeError,
        parameter::{Wanted, quick_integer, shown, utf8},
    },
    number,
};
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::{borrow::Cow, cell::RefCell, fmt};
use tollgate_schema::{
    codec::ParamWriter,
    types::Type,
    value::{Decimal, Value},
};

/// Reads objects and arrays.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct JsonReader;

impl JsonReader {
    /// Appends one parameter for each of `fields`. `given`: the parameter that came in the key.
    pub(in super::super) fn value(
        &self,
        value: &[u8],
        fields: &[Field],
        given: Option<&Field>,
        writer: &mut ParamWriter<'_>,
    ) -> Result<(), DecodeError> {
        let malformed = |reason: String| DecodeError::Malformed { reason };
        let text = utf8(value).map_err(malformed)?;
        let refusal = RefCell::new(None);
        let seed = Record { fields, given, refusal: &refusal };
        let mut deserializer = serde_json::Deserializer::from_str(text);
        let members = seed.deserialize(&mut deserializer).and_then(|members| {
            deserializer.end()?;
            Ok(members)
        });
        let members = members.map_err(|error| {
            refusal.take().unwrap_or_else(|| malformed(format!("it is no JSON object or array: {error}")))
        })?;
        for (field, member) in fields.iter().zip(&members.values) {
            match member {
                Some(raw) => put(raw.get(), field.wanted, writer).map_err(|reason| field.wrong(reason))?,
                // What an object leaves out is NULL, where NULL is allowed.
                None if members.is_object && field.wanted.nullable => {
                    field.wanted.null(writer).map_err(|reason| field.wrong(reason))?;
                }
                None => {
                    let (name, position) = (field.name.clone(), field.position);
                    return Err(DecodeError::Missing { name, position, got: members.count });
                }
            }
        }
        Ok(())
    }
}

/// The members of an object, or the elements of an array, by parameter.
struct Members<'a> {
    values: Vec<Option<&'a RawValue>>,
    count: usize,
    is_object: bool,
}

/// Sorts members by parameter.
struct Record<'f> {
    fields: &'f [Field],
    given: Option<&'f Field>,
    /// The errors of a deserializer are text: what exactly was refused is kept here.
    refusal: &'f RefCell<Option<DecodeError>>,
}

impl Record<'_> {
    fn refuse<E: Error>(&self, error: DecodeError) -> E {
        let text = error.to_string();
        *self.refusal.borrow_mut() = Some(error);
        E::custom(text)
    }

    fn position(&self, name: &str, likely: usize) -> Result<usize, DecodeError> {
        // Producers mostly keep to the order.
        if self.fields.get(likely).is_some_and(|field| field.name.eq_ignore_ascii_case(name)) {
            return Ok(likely);
        }
        if let Some(position) = self.fields.iter().position(|field| field.name.eq_ignore_ascii_case(name)) {
            return Ok(position);
        }
        match self.given.filter(|field| field.name.eq_ignore_ascii_case(name)) {
            Some(field) => Err(DecodeError::Twice { name: field.name.clone(), position: field.position }),
            None => Err(DecodeError::UnknownName { name: shown(name.as_bytes()) }),
        }
    }
}

impl<'a> DeserializeSeed<'a> for Record<'_> {
    type Value = Members<'a>;

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<Members<'a>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'a> Visitor<'a> for Record<'_> {
    type Value = Members<'a>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or an array")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<Members<'a>, A::Error> {
        let mut members = Members { values: vec![None; self.fields.len()], count: 0, is_object: true };
        while let Some(Name(name)) = map.next_key()? {
            let position = self.position(&name, members.count).map_err(|error| self.refuse(error))?;
            let value: &RawValue = map.next_value()?;
            if members.values[position].replace(value).is_some() {
                let field = &self.fields[position];
                let (name, position) = (field.name.clone(), field.position);
                return Err(self.refuse(DecodeError::Twice { name, position }));
            }
            members.count += 1;
        }
        Ok(members)
    }

    fn visit_seq<A: SeqAccess<'a>>(self, mut elements: A) -> Result<Members<'a>, A::Error> {
        let mut members = Members { values: vec![None; self.fields.len()], count: 0, is_object: false };
        while let Some(value) = elements.next_element::<&RawValue>()? {
            let Some(place) = members.values.get_mut(members.count) else {
                let (expected, last) = (self.fields.len(), self.fields.last());
                let last = last.map_or_else(String::new, |field| field.name.clone());
                return Err(self.refuse(DecodeError::Extra { expected, last }));
            };
            *place = Some(value);
            members.count += 1;
        }
        Ok(members)
    }
}

/// A member's name, copied only if it has escapes.
struct Name<'a>(Cow<'a, str>);

impl<'a> serde::Deserialize<'a> for Name<'a> {
    fn deserialize<D: Deserializer<'a>>(deserializer: D) -> Result<Name<'a>, D::Error> {
        deserializer.deserialize_str(NameVisitor).map(Name)
    }
}

struct NameVisitor;

impl<'a> Visitor<'a> for NameVisitor {
    type Value = Cow<'a, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_borrowed_str<E: Error>(self, name: &'a str) -> Result<Cow<'a, str>, E> {
        Ok(Cow::Borrowed(name))
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Cow<'a, str>, E> {
        Ok(Cow::Owned(name.to_owned()))
    }
}

/// One JSON value, whose text is well formed.
fn put(raw: &str, wanted: Wanted, writer: &mut ParamWriter<'_>) -> Result<(), String> {
    match raw.as_bytes().first() {
        Some(b'"') => put_text(raw, wanted, writer),
        Some(b'n') => wanted.null(writer),
        Some(b't' | b'f') if wanted.parameter_type.is_integer() => {
            wanted.integer(i64::from(raw == "true"), writer)
        }
        Some(b't' | b'f') => Err(format!("{raw} does not convert to {}", wanted.parameter_type)),
        Some(b'{') => Err("an object within the object is not supported".to_owned()),
        Some(b'[') => Err("an array within the object is not supported".to_owned()),
        _ => put_number(raw, wanted, writer),
    }
}

fn put_text(raw: &str, wanted: Wanted, writer: &mut ParamWriter<'_>) -> Result<(), String> {
    let inner = &raw[1..raw.len() - 1];
    if !inner.contains('\\') {
        return wanted.text(inner.as_bytes(), writer);
    }
    let text: String = serde_json::from_str(raw).map_err(|error| error.to_string())?;
    wanted.text(text.as_bytes(), writer)
}

fn put_number(raw: &str, wanted: Wanted, writer: &mut ParamWriter<'_>) -> Result<(), String> {
    let malformed = || format!("{} can't be read as {}", shown(raw.as_bytes()), wanted.parameter_type);
    match wanted.parameter_type {
        Type::Varchar { .. } => wanted.varchar(raw, writer),
        Type::Varbinary { .. } => Err(format!("a number does not convert to {}", wanted.parameter_type)),
        Type::Float => {
            let number = raw.parse::<f64>().ok().filter(|number| number.is_finite()).ok_or_else(malformed)?;
            wanted.converted(&Value::Float(number), writer)
        }
        Type::Decimal => {
            let number: Decimal = number::plain(raw)
                .ok_or_else(malformed)?
                .parse()
                .map_err(|_| format!("{} is out of range for DECIMAL", shown(raw.as_bytes())))?;
            wanted.converted(&Value::Decimal(number), writer)
        }
        _ => {
            let quick = quick_integer(raw.as_bytes()).or_else(|| number::integer_of(raw));
            let Some(number) = quick else { return Err(malformed()) };
            if wanted.parameter_type == Type::Timestamp {
                return wanted.timestamp(number, writer);
            }
            wanted.integer(number, writer)
        }
    }
}
