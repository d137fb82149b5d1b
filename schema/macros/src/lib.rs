//! Typed rows and table handles from DDL. Runs in the compiler, and never knows a store's contents.
//!
//! - [`input`]: the macro's own syntax; [`names`]: names of SQL as names of Rust.
//! - [`column`]: what a column is in Rust; [`row`]: a table's row types; [`handle`]: its handles.
//! - [`module`]: all of it, put together.

mod column;
mod handle;
mod input;
mod module;
mod names;
mod row;

use proc_macro::TokenStream;

/// Makes a module of typed rows and table handles from DDL: from a file whose path is relative to the crate's
/// directory, or from the text itself.
///
/// ```
/// tollgate_schema_macros::schema! {
///     pub mod notes {
///         "CREATE TABLE notes (id INTEGER NOT NULL PRIMARY KEY, note VARCHAR(64));"
///     }
/// }
/// use notes::{Notes, Tables};
/// use tollgate_schema::{store::WriteError, typed::Access};
///
/// fn shorten(tx: &mut impl Access, id: i32) -> Result<(), WriteError> {
///     tx.notes().upsert(Notes { id: id + 1, note: Some("the next") })?;
///     if tx.notes().get(id).is_some_and(|note| note.note().is_some()) {
///         tx.notes().update(id, |note| note.set_note(None))?;
///     }
///     Ok(())
/// }
/// # fn main() {}
/// ```
///
/// A file is named as in `pub mod metro = "../schema/metro.sql";`.
///
/// The module has
/// - `DDL`, the text, and `TABLE_COUNT`;
/// - for each table, stream and view, here `cards`: `CardsRef`, a row to read, with a method for each column;
///   `Cards`, a row to write, with a field for each column (`Cards::default()` has the DDL's defaults, zero
///   or empty where there are none); `CardsMut`, a row being updated; `CardsRows` and `CardsTable`, the
///   handles; `Cards::ID`, its place in the schema;
/// - `Tables`, implemented for every [`tollgate_schema::typed::Access`]: `tx.cards()` is the handle that
///   writes and reads, `tx.read().cards()` one that only reads and so lets rows of several tables be held at
///   once;
/// - `ReadTables`, which reads from any store.
///
/// A nullable column is an `Option`. VARCHAR is `&str`, VARBINARY `&[u8]`, TIMESTAMP an `i64` of
/// microseconds. A line `crate = path;` before the module says where `tollgate_schema` is found, if not at
/// `::tollgate_schema`; the path begins with `::` or `crate`.
///
/// DDL that is wrong is a compile error with its line and column.
#[proc_macro]
pub fn schema(input: TokenStream) -> TokenStream {
    match module::expand(input.into()) {
        Ok(module) => module.into(),
        Err(error) => error.into_compile_error().into(),
    }
}
