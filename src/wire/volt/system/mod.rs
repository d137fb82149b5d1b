//! The answers to system procedures, whose names begin with `@`: tables in the shapes that clients and
//! consoles know. Pure functions over plain facts ([`facts`]); gathering the facts is the server's business.
//! Knows nothing of partitions' rows, threads or sockets.
//!
//! In reading order: [`facts`]; [`tables`], how an answer is put together; then one module for each
//! procedure. `@Ping` has none: its answer is success without tables.

pub mod catalog;
pub mod facts;
pub mod information;
pub mod partition_keys;
pub mod snapshot_save;
pub mod statistics;
pub mod subscribe;
pub mod tables;

pub use tables::ResultTables;

use super::status::Status;
use tollgate_schema::codec::{ParamReader, RawParam};

/// Why a system procedure was refused: what the response says.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct SystemError {
    pub status: Status,
    pub text: String,
}

impl SystemError {
    /// A refusal the caller can understand and mend.
    pub fn graceful(text: impl Into<String>) -> SystemError {
        SystemError { status: Status::GracefulFailure, text: text.into() }
    }
}

/// Most parameters that any system procedure here takes, `@AdHoc` apart.
const PARAMS_MAX: usize = 4;

/// The parameters of a system procedure: at most [`PARAMS_MAX`].
fn read_params<'a>(procedure: &str, params: &'a [u8]) -> Result<Vec<RawParam<'a>>, SystemError> {
    let refuse = |e| SystemError::graceful(format!("{procedure}: {e}"));
    let mut reader = ParamReader::new(params).map_err(refuse)?;
    if reader.total() > PARAMS_MAX {
        return Err(SystemError::graceful(format!(
            "{procedure} takes fewer than {} parameters",
            reader.total()
        )));
    }
    let read = reader.by_ref().collect::<Result<_, _>>().map_err(refuse)?;
    reader.finish().map_err(refuse)?;
    Ok(read)
}

#[cfg(test)]
mod testing {
    use super::*;
    use tollgate_schema::{codec::ParamWriter, value::Value};

    /// A parameter set of texts.
    pub(super) fn texts(values: &[&str]) -> Vec<u8> {
        let mut out = Vec::new();
        let mut params = ParamWriter::new(&mut out);
        for value in values {
            params.put_str(value);
        }
        params.finish();
        out
    }

    /// Tables as text: a line of column names, then a line for each row.
    pub(super) fn render(answer: &ResultTables) -> String {
        let mut out = String::new();
        for table in answer.tables().iter() {
            let table = table.expect("an answer reads back");
            let names: Vec<_> = table.columns().map(|(name, _)| name).collect();
            out += &format!("{}\n", names.join(" | "));
            for row in table.to_values().expect("an answer reads back") {
                let cells: Vec<_> = row.iter().map(cell).collect();
                out += &format!("  {}\n", cells.join(" | "));
            }
        }
        out
    }

    fn cell(value: &Value) -> String {
        match value {
            Value::Null => "NULL".into(),
            Value::TinyInt(v) => v.to_string(),
            Value::SmallInt(v) => v.to_string(),
            Value::Integer(v) => v.to_string(),
            Value::BigInt(v) | Value::Timestamp(v) => v.to_string(),
            Value::Float(v) => v.to_string(),
            Value::Decimal(v) => format!("{v:?}"),
            Value::Varchar(v) => v.clone(),
            Value::Varbinary(v) => format!("{} bytes", v.len()),
        }
    }
}
