//! The one explicit list of schemas and procedures that a server is built from. No linker magic: what is not
//! named here does not run.

use crate::{builtin, defaults, loaders, procedure::Procedure};
use rustc_hash::FxHashMap;
use std::sync::Arc;
use tollgate_schema::{
    catalog::{Catalog, TableId},
    ddl::{self, DdlError},
};

/// Position of a procedure in [`Registry::procedures`]; the same in every run of one binary, never stored.
pub type ProcedureId = u16;

/// Why a registry could not be built.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    #[error("schema {schema}: {error}")]
    Ddl { schema: String, error: DdlError },
    #[error("procedure {procedure} is said to touch {table}, which there is not")]
    UnknownTable { procedure: String, table: String },
    #[error("two procedures are called {0}")]
    DuplicateProcedure(String),
    #[error("schema {schema}: {table} is a name of the server's own tables")]
    Reserved { schema: String, table: String },
}

/// A procedure with the first table of its schema.
pub struct Registered {
    pub procedure: Procedure,
    pub base: TableId,
    /// [`Procedure::touches`], found.
    pub touches: Vec<TableId>,
}

/// Schemas and procedures, in the order they were given.
pub struct Registry {
    catalog: Catalog,
    procedures: Vec<Registered>,
    exact: FxHashMap<String, ProcedureId>,
    folded: FxHashMap<String, ProcedureId>,
}

impl Registry {
    /// With the tables and procedures that every server has. They come first, so that a schema that grows
    /// does not move them.
    pub fn new() -> Registry {
        let mut registry = Registry::empty();
        registry.catalog = builtin::catalog();
        for procedure in loaders::procedures().into_iter().chain(builtin::procedures()) {
            registry.add(procedure, 0).expect("their names differ");
        }
        registry
    }

    fn empty() -> Registry {
        Registry {
            catalog: Catalog::default(),
            procedures: Vec::new(),
            exact: FxHashMap::default(),
            folded: FxHashMap::default(),
        }
    }

    /// Adds a schema with the procedures written for it. Its tables follow those of the schemas before it;
    /// each table gets its default procedures.
    pub fn schema(
        mut self,
        name: &str,
        ddl_text: &str,
        procedures: impl IntoIterator<Item = Procedure>,
    ) -> Result<Registry, RegistryError> {
        let base = self.catalog.tables.len() as TableId;
        ddl::extend(&mut self.catalog, ddl_text)
            .map_err(|error| RegistryError::Ddl { schema: name.to_string(), error })?;
        let mut tables = self.catalog.tables[usize::from(base)..].iter();
        if let Some(table) = tables.find(|table| table.is_internal()) {
            return Err(RegistryError::Reserved { schema: name.to_string(), table: table.name.clone() });
        }
        for procedure in procedures {
            self.add(procedure, base)?;
        }
        let catalog = Arc::new(self.catalog.clone());
        for table in base..self.catalog.tables.len() as TableId {
            for procedure in defaults::of_table(&catalog, table) {
                self.add(procedure, 0)?;
            }
        }
        Ok(self)
    }

    fn add(&mut self, procedure: Procedure, base: TableId) -> Result<(), RegistryError> {
        let id = self.procedures.len() as ProcedureId;
        if self.folded.insert(procedure.name.to_ascii_lowercase(), id).is_some() {
            return Err(RegistryError::DuplicateProcedure(procedure.name));
        }
        self.exact.insert(procedure.name.clone(), id);
        let touches = procedure.touches.iter().map(|table| {
            self.catalog.find(table).ok_or_else(|| RegistryError::UnknownTable {
                procedure: procedure.name.clone(),
                table: table.clone(),
            })
        });
        let touches = touches.collect::<Result<_, _>>()?;
        self.procedures.push(Registered { procedure, base, touches });
        Ok(())
    }

    /// The procedure of that name: exactly, else in any case.
    #[inline]
    pub fn find(&self, name: &str) -> Option<ProcedureId> {
        self.exact.get(name).or_else(|| self.folded.get(&name.to_ascii_lowercase())).copied()
    }

    #[inline]
    pub fn get(&self, id: ProcedureId) -> &Registered {
        &self.procedures[id as usize]
    }

    pub fn procedures(&self) -> &[Registered] {
        &self.procedures
    }

    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }
}

impl Default for Registry {
    fn default() -> Registry {
        Registry::new()
    }
}
