//! What may change data. This crate never knows: IO, clocks, the log, sockets.
//!
//! In reading order:
//! - [`procedure`]: what a procedure is: a name, typed parameters, where it runs, and its code.
//! - [`parameter`]: how a caller's parameters become the code's arguments, converted as VoltDB converts them.
//! - [`transaction`]: what the code sees: one partition's tables ([`Tx`]), or all of them ([`MultiTx`]).
//! - [`results`]: how its answer becomes result tables; [`abort`]: how it refuses.
//! - [`registry`]: the one explicit list of schemas and procedures.
//! - [`defaults`]: `T.insert`, `T.update`, `T.upsert`, `T.delete` and `T.select` of each table.
//! - [`loaders`]: VoltDB's bulk loading procedures.
//! - [`builtin`]: what every server has: its own tables, and how a stream is read;
//! - [`transit`]: the metro's procedures: where a tap is judged.

pub mod abort;
pub mod builtin;
pub mod defaults;
pub mod loaders;
pub mod parameter;
pub mod procedure;
pub mod registry;
pub mod results;
pub mod transaction;
pub mod transit;

pub use abort::Abort;
pub use procedure::{Kind, Procedure};
pub use registry::Registry;
pub use results::{Results, ToResults};
pub use transaction::{MultiTx, Tx};
