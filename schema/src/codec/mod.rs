//! VoltDB's binary form of values, parameter sets and tables: big-endian, lengths in front. Pure functions
//! over byte slices. Knows nothing of frames, calls or sockets (that is `wire/volt`), and nothing of how rows
//! are stored.
//!
//! In reading order: [`code`], the type codes; [`cursor`], bounded reading; [`value`], one value; [`params`],
//! what a call carries; [`table`], what a call answers.

pub mod code;
pub mod cursor;
pub mod params;
pub mod table;
pub mod value;

pub use cursor::{CodecError, Cursor};
pub use params::{ArrayReader, ParamError, ParamReader, ParamWriter};
pub use table::{RowReader, RowWriter, TableHeader, TableReader, TableWriter};
pub use value::RawParam;
