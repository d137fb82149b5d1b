//! The handles of a table: one that reads, one that writes too.

use proc_macro2::TokenStream;
use quote::quote;
use tollgate_schema::catalog::{Organisation, TableKind};

use crate::{column::Column, row::Table};

impl Table<'_> {
    /// Both handles.
    pub(crate) fn handles(&self) -> TokenStream {
        let (rows, table) = (&self.rows, &self.table);
        let reads = self.reads();
        let (signatures, calls): (Vec<_>, Vec<_>) =
            reads.iter().map(|read| (&read.signature, &read.call)).unzip();
        let bodies = reads.iter().map(|read| &read.body);
        let docs: Vec<_> = reads.iter().map(|read| read.doc).collect();
        let writes = self.writes();
        let reads_doc = format!("Reads `{}`.", self.def.name);
        let writes_doc = format!("Reads and writes `{}`.", self.def.name);
        quote! {
            #[doc = #reads_doc]
            #[derive(Clone, Copy)]
            pub struct #rows<'t> {
                store: &'t __schema::store::Store,
                id: __schema::catalog::TableId,
            }

            impl<'t> #rows<'t> {
                #(#[doc = #docs] #[inline] pub fn #signatures { #bodies })*
            }

            #[doc = #writes_doc]
            pub struct #table<'t> {
                store: &'t mut __schema::store::Store,
                id: __schema::catalog::TableId,
                now_us: i64,
            }

            impl<'t> #table<'t> {
                /// Reads only.
                #[inline]
                pub fn read(self) -> #rows<'t> {
                    #rows { store: self.store, id: self.id }
                }

                #(#[doc = #docs] #[inline] pub fn #signatures { self.read().#calls })*

                #writes
            }
        }
    }

    fn reads(&self) -> Vec<Method> {
        match &self.def.kind {
            TableKind::Table(Organisation::Keyed) => {
                [self.keyed_reads(), self.table_reads()].into_iter().flatten().collect()
            }
            TableKind::Table(Organisation::History { key, .. }) => {
                [vec![self.history(&self.columns[*key])], self.table_reads()].into_iter().flatten().collect()
            }
            TableKind::Table(Organisation::Heap) => self.table_reads(),
            TableKind::Stream { .. } => Vec::new(),
            TableKind::View(view) => self.view_reads(&self.columns[..view.groups.len()]),
        }
    }

    fn keyed_reads(&self) -> Vec<Method> {
        let row_ref = &self.row_ref;
        let key = self.key();
        let parameters = parameters(&key);
        let arguments: Vec<_> = key.iter().map(|column| &column.name).collect();
        let find = self.find(&key);
        vec![
            Method {
                doc: "Where the row with that primary key is, until it is deleted.",
                signature: quote!(find(self, #parameters) -> ::core::option::Option<__schema::store::RowId>),
                body: find,
                call: quote!(find(#(#arguments),*)),
            },
            Method {
                doc: "A row that was found.",
                signature: quote!(at(self, row: __schema::store::RowId) -> #row_ref<'t>),
                body: quote!(#row_ref::from(self.store.row(self.id, row))),
                call: quote!(at(row)),
            },
            Method {
                doc: "The columns of fixed width of a row that was found: its strings are not to be asked for.",
                signature: quote!(peek(self, row: __schema::store::RowId) -> #row_ref<'t>),
                body: quote!(#row_ref::from(self.store.fixed_of(self.id, row))),
                call: quote!(peek(row)),
            },
            Method {
                doc: "The row with that primary key.",
                signature: quote!(get(self, #parameters) -> ::core::option::Option<#row_ref<'t>>),
                body: quote!(self.find(#(#arguments),*).map(|row| self.at(row))),
                call: quote!(get(#(#arguments),*)),
            },
            Method {
                doc: "Asks for the strings of a row that was found, so that they are here when they are read.",
                signature: quote!(prefetch_strings(self, row: __schema::store::RowId)),
                body: quote!(self.store.prefetch_strings(self.id, row)),
                call: quote!(prefetch_strings(row)),
            },
        ]
    }

    /// An expression for the place of the row whose key is in the parameters.
    fn find(&self, key: &[&Column<'_>]) -> TokenStream {
        if let [column] = key
            && column.def.column_type.is_integer()
        {
            let name = &column.name;
            return quote!(self.store.find_int(self.id, i64::from(#name)));
        }
        let encode = encode_key(key);
        quote! {
            #encode
            self.store.find(self.id, &__key)
        }
    }

    fn history(&self, key: &Column<'_>) -> Method {
        let (row_ref, name) = (&self.row_ref, &key.name);
        let parameters = parameters(&[key]);
        let body = if key.def.column_type.is_integer() {
            quote!(self.store.history(self.id, i64::from(#name)).map(#row_ref::from))
        } else {
            let encode = encode_key(&[key]);
            quote! {
                #encode
                self.store.history_bytes(self.id, &__key).map(#row_ref::from)
            }
        };
        Method {
            doc: "The rows of one key, newest first.",
            signature: quote! {
                history(self, #parameters) -> impl ::core::iter::Iterator<Item = #row_ref<'t>> + use<'t>
            },
            body,
            call: quote!(history(#name)),
        }
    }

    fn table_reads(&self) -> Vec<Method> {
        let row_ref = &self.row_ref;
        vec![
            Method {
                doc: "Every row, in no promised order.",
                signature: quote!(scan(self) -> impl ::core::iter::Iterator<Item = #row_ref<'t>> + use<'t>),
                body: quote!(self.store.scan(self.id).map(|row| #row_ref::from(__schema::typed::stored(row)))),
                call: quote!(scan()),
            },
            Method {
                doc: "How many rows there are.",
                signature: quote!(count(self) -> u64),
                body: quote!(self.store.count(self.id)),
                call: quote!(count()),
            },
        ]
    }

    /// By group.
    fn view_reads(&self, groups: &[Column<'_>]) -> Vec<Method> {
        let row_ref = &self.row_ref;
        let groups: Vec<_> = groups.iter().collect();
        let parameters = parameters(&groups);
        let arguments: Vec<_> = groups.iter().map(|column| &column.name).collect();
        let encode = encode_key(&groups);
        let get = Method {
            doc: "What a function makes of the row of that group, if there is one: some views make their rows up as they are read.",
            signature: quote! {
                get<R>(self, #parameters __look: impl ::core::ops::FnOnce(#row_ref<'_>) -> R)
                    -> ::core::option::Option<R>
            },
            body: quote! {
                #encode
                self.store.view_find(self.id, &__key).map(|row| __look(#row_ref::from(row.row())))
            },
            call: quote!(get(#(#arguments,)* __look)),
        };
        let prefetch = Method {
            doc: "Asks for a group that is about to be counted, if the view's rows are stored.",
            signature: quote! {
                prefetch(self, #parameters) -> ::core::option::Option<__schema::store::GroupAhead>
            },
            body: quote! {
                #encode
                self.store.prefetch_group(self.id, &__key)
            },
            call: quote!(prefetch(#(#arguments),*)),
        };
        vec![get, prefetch]
    }

    fn writes(&self) -> TokenStream {
        match &self.def.kind {
            TableKind::Table(Organisation::Keyed) => {
                let (insert, upsert, update) = (self.insert(), self.upsert(), self.update());
                quote!(#insert #upsert #update)
            }
            TableKind::Table(_) => {
                let (insert, delete) = (self.insert(), self.delete_equal());
                quote!(#insert #delete)
            }
            TableKind::Stream { .. } => self.append(),
            TableKind::View(_) => TokenStream::new(),
        }
    }

    fn insert(&self) -> TokenStream {
        let row = self.row_argument();
        quote! {
            /// Adds a row.
            #[inline]
            pub fn insert(self, row: #row) -> ::core::result::Result<(), __schema::store::WriteError> {
                self.store.insert(self.id, row.image_of(self.id)?.row())
            }
        }
    }

    fn append(&self) -> TokenStream {
        let (row, image) = (self.row_argument(), self.image());
        quote! {
            /// Adds a row at the end: its offset.
            #[inline]
            pub fn append(self, row: #row) -> ::core::result::Result<u64, __schema::store::WriteError> {
                let image = row.image_of(self.id)?;
                self.append_image(&image)
            }

            /// The same for a row whose image was made before: from rows that were being read then.
            #[inline]
            pub fn append_image(self, image: &#image) -> ::core::result::Result<u64, __schema::store::WriteError> {
                self.store.append(self.id, image.row(), self.now_us)
            }
        }
    }

    fn delete_equal(&self) -> TokenStream {
        let row = self.row_argument();
        quote! {
            /// Deletes one row that equals this one; whether there was one.
            #[inline]
            pub fn delete(self, row: #row) -> ::core::result::Result<bool, __schema::store::WriteError> {
                self.store.delete_equal(self.id, row.image_of(self.id)?.row())
            }
        }
    }

    fn upsert(&self) -> TokenStream {
        let (row, rows) = (self.row_argument(), &self.rows);
        let arguments = self.key().into_iter().map(|column| &column.name).collect::<Vec<_>>();
        quote! {
            /// Puts a row in place of the one with its primary key, or adds it. Whether it was added.
            #[inline]
            pub fn upsert(self, row: #row) -> ::core::result::Result<bool, __schema::store::WriteError> {
                let image = row.image_of(self.id)?;
                let found = #rows { store: self.store, id: self.id }.find(#(row.#arguments),*);
                match found {
                    ::core::option::Option::Some(id) => self.store.update(self.id, id, image.row())?,
                    ::core::option::Option::None => self.store.insert(self.id, image.row())?,
                }
                ::core::result::Result::Ok(found.is_none())
            }
        }
    }

    /// Updates and deletes, each by key and by place.
    fn update(&self) -> TokenStream {
        let (row_mut, rows) = (&self.row_mut, &self.rows);
        let key = self.key();
        let parameters = parameters(&key);
        let arguments: Vec<_> = key.iter().map(|column| &column.name).collect();
        let find = quote!(#rows { store: self.store, id: self.id }.find(#(#arguments),*));
        let (lifetime, of_lifetime) =
            if self.has_strings() { (quote!(<'s>), quote!(<'s>)) } else { Default::default() };
        let put = if self.has_strings() {
            quote! {
                if changed.changes.iter().any(|change| *change != __schema::typed::Change::Keep) {
                    let mut tail = __schema::typed::Tail::new();
                    tail.push_changed(self.store.row(self.id, row), &changed.changes);
                    let new = __schema::row::RowRef { fixed: &changed.fixed, tail: tail.bytes() };
                    return self.store.update(self.id, row, new);
                }
            }
        } else {
            TokenStream::new()
        };
        quote! {
            /// Changes the row with that primary key; whether there is one. On an error nothing is changed.
            #[inline]
            pub fn update #lifetime (
                self,
                #parameters
                __change: impl ::core::ops::FnOnce(&mut #row_mut #of_lifetime),
            ) -> ::core::result::Result<bool, __schema::store::WriteError> {
                let ::core::option::Option::Some(row) = #find else {
                    return ::core::result::Result::Ok(false);
                };
                self.update_at(row, __change)?;
                ::core::result::Result::Ok(true)
            }

            /// Changes a row that was found.
            #[inline]
            pub fn update_at #lifetime (
                self,
                row: __schema::store::RowId,
                __change: impl ::core::ops::FnOnce(&mut #row_mut #of_lifetime),
            ) -> ::core::result::Result<(), __schema::store::WriteError> {
                let fixed = *__schema::typed::fixed_part(self.store.row(self.id, row));
                let mut changed = #row_mut::__of(fixed);
                __change(&mut changed);
                changed.__check(self.id)?;
                #put
                self.store.update_fixed(self.id, row, &changed.fixed)
            }

            /// Deletes the row with that primary key; whether there was one.
            #[inline]
            pub fn delete(self, #parameters) -> ::core::result::Result<bool, __schema::store::WriteError> {
                let found = #find;
                if let ::core::option::Option::Some(row) = found {
                    self.store.delete(self.id, row)?;
                }
                ::core::result::Result::Ok(found.is_some())
            }
        }
    }
}

/// A method of both handles.
struct Method {
    doc: &'static str,
    signature: TokenStream,
    /// In the handle that reads.
    body: TokenStream,
    /// What the other handle calls of it.
    call: TokenStream,
}

/// Statements that make `__key`, the encoding of the parameters named like these columns.
fn encode_key(columns: &[&Column<'_>]) -> TokenStream {
    let pushes = columns.iter().map(|column| column.push_key(&quote!(&mut __key)));
    quote! {
        let mut __key = ::std::vec::Vec::with_capacity(32);
        #(#pushes)*
    }
}

/// `name: type,` for each column.
fn parameters(columns: &[&Column<'_>]) -> TokenStream {
    let parameters = columns.iter().map(|column| {
        let (name, value_type) = (&column.name, column.field_type(&TokenStream::new()));
        quote!(#name: #value_type,)
    });
    quote!(#(#parameters)*)
}
