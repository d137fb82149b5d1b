//! One CSV record a message, RFC 4180 unless the options say otherwise. Never knows types beyond their text.
//! `write` and `read` agree: what one writes the other reads as the same, NULL and the empty text apart.

mod read;
mod write;

pub(super) use read::CsvReader;
pub(super) use write::{CsvWriter, put_bare};
