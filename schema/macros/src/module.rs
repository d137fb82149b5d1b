//! The generated module: reads the DDL and puts everything together.

use std::{collections::BTreeMap, path::PathBuf};

use proc_macro2::TokenStream;
use quote::quote;
use tollgate_schema::{
    catalog::{Catalog, TableId},
    ddl,
};

use crate::{
    input::{Input, Source},
    row::Table,
};

/// The macro's output for its input.
pub(crate) fn expand(input: TokenStream) -> syn::Result<TokenStream> {
    let input: Input = syn::parse2(input)?;
    let literal = input.source.literal();
    let error = |message: String| syn::Error::new(literal.span(), message);
    let (text, constant, place) = match &input.source {
        Source::Text(text) => (text.value(), quote!(#text), "the DDL".to_owned()),
        Source::File(file) => {
            let path = path_of(&file.value());
            let text = std::fs::read_to_string(&path)
                .map_err(|cause| error(format!("can't read {}: {cause}", path.display())))?;
            let relative = format!("/{}", file.value());
            // Included, so that the compiler looks at the file again when it changes.
            let constant = quote!(include_str!(concat!(env!("CARGO_MANIFEST_DIR"), #relative)));
            (text, constant, path.display().to_string())
        }
    };
    let catalog = ddl::parse(&text).map_err(|cause| error(format!("{place}, {cause}")))?;
    let tables = tables(&catalog);
    check_names(&tables).map_err(error)?;
    Ok(module(&input, &constant, &tables))
}

fn path_of(file: &str) -> PathBuf {
    let directory = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from).unwrap_or_default();
    directory.join(file)
}

fn tables(catalog: &Catalog) -> Vec<Table<'_>> {
    catalog.tables.iter().enumerate().map(|(id, def)| Table::new(id as TableId, def)).collect()
}

/// Names that differ in SQL may be one in Rust.
fn check_names(tables: &[Table<'_>]) -> Result<(), String> {
    let own = ["Tables", "ReadTables"];
    let mut taken: BTreeMap<String, &str> =
        own.into_iter().map(|name| (name.to_owned(), "the module")).collect();
    for table in tables {
        for name in [&table.row, &table.row_ref, &table.row_mut, &table.rows, &table.table] {
            if let Some(other) = taken.insert(name.to_string(), &table.def.name) {
                return Err(format!("{} and {other} would both make a type {name}", table.def.name));
            }
        }
        if table.method == "read" {
            return Err("a table can't be called READ here: `tx.read()` is the handle of them all".to_owned());
        }
        let mut columns: BTreeMap<String, &str> = BTreeMap::new();
        for column in &table.columns {
            if let Some(other) = columns.insert(column.name.to_string(), &column.def.name) {
                let (table, name) = (&table.def.name, &column.name);
                return Err(format!(
                    "columns {other} and {} of {table} would both be {name}",
                    column.def.name
                ));
            }
        }
    }
    Ok(())
}

fn module(input: &Input, ddl: &TokenStream, tables: &[Table<'_>]) -> TokenStream {
    let Input { library, attributes, visibility, name, .. } = input;
    let table_count = tables.len() as u16;
    let types = tables.iter().map(|table| {
        let (rows, handles) = (table.row_types(), table.handles());
        quote!(#rows #handles)
    });
    let (tables_trait, read_tables) = (tables_trait(tables), read_tables(tables));
    quote! {
        #(#attributes)*
        #[allow(dead_code, unreachable_pub, clippy::all)]
        #visibility mod #name {
            use #library as __schema;
            use __schema::typed::Access as __Access;

            /// The text that all of this was made from.
            pub const DDL: &str = #ddl;

            /// Tables, streams and views.
            pub const TABLE_COUNT: __schema::catalog::TableId = #table_count;

            #tables_trait
            #read_tables
            #(#types)*
        }
    }
}

fn tables_trait(tables: &[Table<'_>]) -> TokenStream {
    let methods = tables.iter().map(|table| {
        let (method, handle, id) = (&table.method, &table.table, table.id);
        let doc = format!("`{}`.", table.def.name);
        quote! {
            #[doc = #doc]
            #[inline]
            fn #method(&mut self) -> #handle<'_> {
                let (id, now_us) = (__Access::base(self) + #id, __Access::now_us(self));
                #handle { store: __Access::store_mut(self), id, now_us }
            }
        }
    });
    quote! {
        /// The tables of this schema, for whoever has a partition at hand.
        pub trait Tables: __Access {
            /// All of them, to be read: rows of several can be held at once.
            #[inline]
            fn read(&self) -> ReadTables<'_> {
                ReadTables::new(__Access::store(self), __Access::base(self))
            }

            #(#methods)*
        }

        impl<T: __Access + ?Sized> Tables for T {}
    }
}

fn read_tables(tables: &[Table<'_>]) -> TokenStream {
    let methods = tables.iter().filter(|table| !table.def.is_stream()).map(|table| {
        let (method, handle, id) = (&table.method, &table.rows, table.id);
        let doc = format!("`{}`.", table.def.name);
        quote! {
            #[doc = #doc]
            #[inline]
            pub fn #method(self) -> #handle<'t> {
                #handle { store: self.store, id: self.base + #id }
            }
        }
    });
    quote! {
        /// The tables of this schema, to be read.
        #[derive(Clone, Copy)]
        pub struct ReadTables<'t> {
            store: &'t __schema::store::Store,
            base: __schema::catalog::TableId,
        }

        impl<'t> ReadTables<'t> {
            /// `base`: where the tables of this schema begin in the store's catalogue.
            #[inline]
            pub fn new(store: &'t __schema::store::Store, base: __schema::catalog::TableId) -> ReadTables<'t> {
                ReadTables { store, base }
            }

            #(#methods)*
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    #[track_caller]
    fn check(input: TokenStream, expect: Expect) {
        let error = expand(input).expect_err("this must be refused");
        expect.assert_eq(&error.to_string());
    }

    #[test]
    fn wrong_ddl_says_where() {
        check(
            quote!(mod m { "CREATE TABLE t (\n  a INTEGRE\n);" }),
            expect![
                "the DDL, line 2, column 5: expected a type (TINYINT, SMALLINT, INTEGER, BIGINT, FLOAT, DECIMAL, VARCHAR, VARBINARY or TIMESTAMP), found `INTEGRE`"
            ],
        );
        check(
            quote!(mod m { "CREATE TABLE t_a (a INTEGER); CREATE TABLE t__a (a INTEGER)" }),
            expect!["T__A and T_A would both make a type TA"],
        );
        check(
            quote!(mod m { "CREATE TABLE t (self INTEGER, self_ INTEGER)" }),
            expect!["columns SELF and SELF_ of T would both be self_"],
        );
        check(
            quote!(mod m { "CREATE TABLE tables (a INTEGER)" }),
            expect!["TABLES and the module would both make a type Tables"],
        );
        check(
            quote!(mod m { "CREATE TABLE read (a INTEGER)" }),
            expect!["a table can't be called READ here: `tx.read()` is the handle of them all"],
        );
    }

    #[test]
    fn a_wrong_macro_call() {
        check(quote!(mod m { 5 }), expect!["expected string literal"]);
        check(
            quote!(
                struct M;
            ),
            expect!["expected `mod`"],
        );
        let error = expand(quote!(mod m = "no/such/file.sql";)).expect_err("there is no such file");
        assert!(error.to_string().contains("no/such/file.sql: "), "{error}");
    }

    #[test]
    fn the_metro() {
        let output = expand(quote!(pub mod metro = "../metro.sql";)).expect("it is well-formed");
        assert!(syn::parse2::<syn::ItemMod>(output).is_ok());
    }
}
