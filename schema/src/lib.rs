//! What data is. This crate never knows: IO, clocks, networks, procedures.
//!
//! In reading order:
//! - [`types`]: VoltDB's column types; [`value`]: a value of one of them, with VoltDB's nulls and
//!   conversions.
//! - [`catalog`]: what a DDL text declares, once it is checked; [`ddl`]: the reader of that text.
//! - [`row`]: how a row is laid out in bytes; [`record`]: a row as a list of values.
//! - [`store`]: the rows of one partition, with their indexes, views, undo and effects.
//! - [`dynamic`]: rows by value, for whoever has no typed rows.
//! - [`typed`]: what generated rows and handles stand on.
//! - [`codec`]: VoltDB's binary form of values, parameter sets and result tables.
//! - [`ring`]: which partition a key belongs to.

pub mod catalog;
pub mod codec;
pub mod ddl;
pub mod dynamic;
pub mod record;
pub mod ring;
pub mod row;
pub mod store;
pub mod typed;
pub mod types;
pub mod value;

pub use value::timestamp;
