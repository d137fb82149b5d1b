//! Kafka's record batches, format version 2: what a Produce request carries and a Fetch response brings.
//! Bytes from outside are believed nothing: each length is checked before anything is allocated, a checksum
//! before anything is read, and what compressed bytes become is bounded. Never knows sockets, topics, clocks.
//!
//! In reading order: `batch`, a batch's head and how batches follow each other; `record`, the records in one;
//! `compress`, the four compressions; `lz4`, whether a frame is whole; `write`, the way out; `retain`, a
//! batch with less in it; `error`, what can be wrong.
//!
//! Source of the layout: the message format in Apache Kafka's documentation ("Record Batch", "Record").

mod batch;
mod compress;
mod cursor;
mod error;
mod lz4;
mod record;
mod retain;
mod write;

#[cfg(test)]
mod tests;

pub use batch::{Batch, Batches, Head};
pub use compress::Compression;
pub use error::{Fault, RecordsError};
pub use record::{Record, RecordHeader, RecordRef, Records};
pub use retain::{Retained, retain};
pub use write::{BatchWriter, NewRecord, Producer, place};
