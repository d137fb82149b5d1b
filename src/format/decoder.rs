//! Messages as the parameters of a procedure: from a record's key and value to the bytes that a call carries.

use super::{
    avro::AvroReader,
    csv::CsvReader,
    error::{DecodeError, FormatError},
    json::JsonReader,
    options::{Format, Options},
    parameter::Wanted,
};
use tollgate_procedures::parameter::Parameter;
use tollgate_schema::codec::ParamWriter;

/// A parameter set counts its parameters in an int16.
const PARAMETERS_MAX: usize = i16::MAX as usize;

/// A parameter, and where it stands in the call.
#[derive(Clone, Debug)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) position: usize,
    pub(super) wanted: Wanted,
}

impl Field {
    #[cold]
    pub(super) fn wrong(&self, reason: String) -> DecodeError {
        DecodeError::Parameter { name: self.name.clone(), position: self.position, reason }
    }
}

/// Reads the messages of one topic for one procedure.
#[derive(Clone, Debug)]
pub struct Decoder {
    /// The first parameter, if it comes in the key.
    of_key: Option<Field>,
    of_value: Vec<Field>,
    reader: Reader,
}

#[derive(Clone, Debug)]
enum Reader {
    Csv(CsvReader),
    Json(JsonReader),
    Avro(AvroReader),
}

impl Decoder {
    pub fn new(parameters: &[Parameter], options: &Options) -> Result<Decoder, FormatError> {
        if parameters.len() > PARAMETERS_MAX {
            let (table, count) = ("parameters".to_owned(), parameters.len());
            return Err(FormatError::TooMany { table, count, max: PARAMETERS_MAX });
        }
        let field = |(position, parameter): (usize, &Parameter)| Field {
            name: parameter.name.clone(),
            position,
            wanted: Wanted { parameter_type: parameter.column_type, nullable: parameter.nullable },
        };
        let mut of_value: Vec<Field> = parameters.iter().enumerate().map(field).collect();
        let in_key = options.include_key && !of_value.is_empty();
        let of_key = in_key.then(|| of_value.remove(0));
        let reader = match options.input_format {
            Format::Csv => Reader::Csv(CsvReader::new(&options.csv)),
            Format::Json => Reader::Json(JsonReader),
            Format::Avro => Reader::Avro(AvroReader::default()),
        };
        Ok(Decoder { of_key, of_value, reader })
    }

    /// Tells the schema that a number stands for, which [`DecodeError::UnknownSchema`] asked for. What is
    /// wrong with it is said of each message that has it. Only Avro has schemas.
    pub fn learn_schema(&mut self, id: u32, text: &str) {
        if let Reader::Avro(reader) = &mut self.reader {
            reader.learn(id, text, &self.of_value);
        }
    }

    pub fn knows_schema(&self, id: u32) -> bool {
        matches!(&self.reader, Reader::Avro(reader) if reader.knows(id))
    }

    /// Appends the whole parameter set; nothing on an error. The key is plain text in every format, and is
    /// looked at only if it carries a parameter.
    pub fn decode(
        &self,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        out: &mut Vec<u8>,
    ) -> Result<(), DecodeError> {
        let start = out.len();
        let mut writer = ParamWriter::new(out);
        match self.read(key, value, &mut writer) {
            Ok(()) => {
                writer.finish();
                Ok(())
            }
            Err(error) => {
                out.truncate(start);
                Err(error)
            }
        }
    }

    fn read(
        &self,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        writer: &mut ParamWriter<'_>,
    ) -> Result<(), DecodeError> {
        if let Some(field) = &self.of_key {
            let (name, position) = (&field.name, field.position);
            let key = key.ok_or_else(|| DecodeError::NoKey { name: name.clone(), position })?;
            field.wanted.text(key, writer).map_err(|reason| field.wrong(format!("in the key: {reason}")))?;
        }
        let value = match value {
            Some(value) => value,
            None if self.of_value.is_empty() => return Ok(()),
            None => return Err(DecodeError::NoValue { expected: self.of_value.len() }),
        };
        match &self.reader {
            Reader::Csv(reader) => reader.record(value, &self.of_value, writer),
            Reader::Json(reader) => reader.value(value, &self.of_value, self.of_key.as_ref(), writer),
            Reader::Avro(reader) => reader.record(value, &self.of_value, writer),
        }
    }
}
