//! The reader of DDL in VoltDB's dialect: text to [`Catalog`] and back.
//!
//! - [`tokens`]: a cursor over sqlparser's tokens; [`statement`]: what a statement says, names not yet looked
//!   up.
//! - [`read`]: tokens to statements; [`check`]: statements to catalogue entries, by the rules of the dialect.
//! - [`render`]: a catalogue as canonical DDL; [`compare`]: whether a statement says what the catalogue has.
//!
//! Never knows rows, nor what a procedure does.

mod check;
mod compare;
mod error;
mod read;
mod render;
mod statement;
#[cfg(test)]
mod tests;
mod tokens;

pub use compare::statement_is_in;
pub use error::{DdlError, Position};
pub use render::render;

use crate::catalog::Catalog;

/// A DDL text is at most this long: it arrives over the wire too.
pub const DDL_BYTES_MAX: usize = 1 << 20;

/// Reads a whole schema.
pub fn parse(text: &str) -> Result<Catalog, DdlError> {
    let mut catalog = Catalog::default();
    extend(&mut catalog, text)?;
    Ok(catalog)
}

/// Adds what the text declares behind what is there. The entries there keep their places: they can't be
/// dropped or changed. On an error the catalogue is as it was.
pub fn extend(catalog: &mut Catalog, text: &str) -> Result<(), DdlError> {
    let statements = read::statements(text)?;
    let mut builder = check::Builder::new(catalog.clone());
    for statement in &statements {
        builder.apply(statement)?;
    }
    *catalog = builder.finish();
    Ok(())
}
