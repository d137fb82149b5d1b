//! What every server has, whatever its schemas: the tables of its own (`schema/builtin.sql`), and procedures
//! that only its front ends call, or operators through them.
//! - [`streams`]: reading the streams that procedures write;
//! - [`logs`]: topics whose records are kept as they came, in batches; [`topics`]: those topics' names;
//! - [`producers`]: what makes the retry of an idempotent producer harmless;
//! - [`groups`]: consumer groups and what they have read; [`exports`]: what has left for another system;
//! - [`registry`]: schemas of message formats.
//!
//! They run like any other procedure, so that their reply waits until what they saw or wrote is committed.
//! Never knows: protocols.

pub mod exports;
mod groups;
pub mod logs;
pub mod producers;
mod registry;
mod streams;
mod topics;

use crate::procedure::Procedure;
use tollgate_schema::{
    catalog::{Catalog, TableDef, TableId},
    ddl,
};

pub use streams::{STREAM_READ_BYTES_MAX, STREAM_READ_ROWS_MAX};

tollgate_schema_macros::schema! {
    /// `schema/builtin.sql`, typed.
    pub(crate) mod tables = "../schema/builtin.sql";
}

/// `TOLLGATE_SESSIONS`: the replies of calls that had an identity.
pub const SESSIONS: TableId = 0;

/// A catalogue of the server's own tables.
pub fn catalog() -> Catalog {
    let catalog = ddl::parse(tables::DDL).expect("the server's own schema is sound");
    assert!(catalog.tables.iter().all(TableDef::is_internal), "their names say whose they are");
    catalog
}

/// See the module.
pub fn procedures() -> Vec<Procedure> {
    let all = [
        streams::procedures(),
        logs::procedures(),
        topics::procedures(),
        groups::procedures(),
        exports::procedures(),
        registry::procedures(),
    ];
    all.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Registry;

    #[test]
    fn its_tables_are_the_server_s_own() {
        let registry = Registry::new().schema("test", "CREATE TABLE t (a INTEGER);", []).expect("a schema");
        assert_eq!(registry.catalog().table(SESSIONS).name, "TOLLGATE_SESSIONS");
        assert!(registry.find("TOLLGATE_SESSIONS.insert").is_none());
        assert!(registry.find("T.insert").is_some());
    }
}
