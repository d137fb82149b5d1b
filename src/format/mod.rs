//! How rows become the bytes of messages, and the bytes of messages the parameters of a procedure: CSV, JSON
//! and Avro. Pure; never knows the protocol that carries the messages, sockets, or what time it is.
//!
//! In reading order: [`options`], a topic's properties; [`encoder`], the way out, over `cells`, a row's
//! columns; [`decoder`], the way in, over `parameter`, text as a typed parameter; then each format's own
//! module, `csv`, `json` and [`avro`], with a writer and a reader.
//!
//! What the formats have in common:
//! - NULL is an empty unquoted field in CSV (or the text of `config.csv.null`), `null` in JSON;
//! - TIMESTAMP is `yyyy-MM-dd HH:mm:ss.ffffff`, UTC; when read, fewer places, a `T`, a `Z` at the end, or
//!   microseconds since 1970 as an integer do as well;
//! - VARBINARY is upper-case hexadecimal in CSV and in JSON, `bytes` in Avro;
//! - DECIMAL has all its twelve places;
//! - hidden columns never leave.

pub mod avro;
mod cells;
mod csv;
pub mod decoder;
pub mod encoder;
pub mod error;
pub(crate) mod json;
pub mod options;
mod parameter;
mod text;

#[doc(hidden)]
pub mod fuzz;
#[cfg(test)]
pub(crate) mod tests;

pub use decoder::Decoder;
pub use encoder::Encoder;
pub use error::{DecodeError, FormatError};
pub use options::{Format, Options};
