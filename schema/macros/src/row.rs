//! The row types of a table: one to read, one to write, one being updated.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};
use tollgate_schema::{
    catalog::{Organisation, TableDef, TableKind},
    row::Slot,
};

use crate::{
    column::{Column, columns},
    names,
};

/// A table, with the names it has in generated code.
pub(crate) struct Table<'a> {
    pub(crate) def: &'a TableDef,
    /// Its place in the schema.
    pub(crate) id: u16,
    pub(crate) columns: Vec<Column<'a>>,
    /// The method of the trait.
    pub(crate) method: Ident,
    /// A row to write.
    pub(crate) row: Ident,
    /// A row to read.
    pub(crate) row_ref: Ident,
    /// A row being updated.
    pub(crate) row_mut: Ident,
    /// The handle that reads.
    pub(crate) rows: Ident,
    /// The handle that reads and writes.
    pub(crate) table: Ident,
}

impl<'a> Table<'a> {
    pub(crate) fn new(id: u16, def: &'a TableDef) -> Table<'a> {
        let camel = names::camel(&def.name);
        Table {
            def,
            id,
            columns: columns(def),
            method: names::snake(&def.name),
            row: format_ident!("{camel}"),
            row_ref: format_ident!("{camel}Ref"),
            row_mut: format_ident!("{camel}Mut"),
            rows: format_ident!("{camel}Rows"),
            table: format_ident!("{camel}Table"),
        }
    }

    pub(crate) fn is_keyed(&self) -> bool {
        matches!(self.def.kind, TableKind::Table(Organisation::Keyed))
    }

    pub(crate) fn has_strings(&self) -> bool {
        self.def.layout.tail_columns > 0
    }

    /// The columns of the primary key, in its order; none of another table.
    pub(crate) fn key(&self) -> Vec<&Column<'a>> {
        let columns = self.def.primary_key.iter().flat_map(|key| &key.columns);
        columns.map(|column| &self.columns[*column]).collect()
    }

    /// `<'a>` for the types that borrow only strings, nothing when there are none.
    fn strings_lifetime(&self, lifetime: &TokenStream) -> TokenStream {
        if self.has_strings() { quote!(<#lifetime>) } else { TokenStream::new() }
    }

    /// The type of a row to write, for parameters.
    pub(crate) fn row_argument(&self) -> TokenStream {
        let (row, lifetime) = (&self.row, self.strings_lifetime(&quote!('_)));
        quote!(#row #lifetime)
    }

    /// The row types. A view's rows are only read, a stream's only read and written.
    pub(crate) fn row_types(&self) -> TokenStream {
        let mut types = self.row_ref_type();
        if !self.def.is_view() {
            types.extend(self.row_type());
        }
        if self.is_keyed() {
            types.extend(self.row_mut_type());
        }
        types
    }

    fn row_ref_type(&self) -> TokenStream {
        let (row_ref, width) = (&self.row_ref, self.def.layout.fixed_width);
        let doc = format!("A row of `{}`.", self.def.name);
        let lifetime = quote!('a);
        let fixed = quote!(self.fixed);
        let row = quote!(__schema::row::RowRef { fixed: &[], tail: self.tail });
        let getters = self.columns.iter().map(|column| {
            let (name, doc) = (&column.name, column.doc());
            let (value_type, read) = (column.field_type(&lifetime), column.read(&fixed, &row));
            quote! {
                #[doc = #doc]
                #[inline(always)]
                pub fn #name(self) -> #value_type {
                    #read
                }
            }
        });
        let fields = self.columns.iter().map(|column| {
            let (name, text) = (&column.name, column.name.to_string());
            quote!(.field(#text, &self.#name()))
        });
        let text = row_ref.to_string();
        quote! {
            #[doc = #doc]
            #[derive(Clone, Copy, PartialEq, Eq)]
            pub struct #row_ref<'a> {
                fixed: &'a [u8; #width],
                tail: &'a [u8],
            }

            impl<'a> #row_ref<'a> {
                #(#getters)*
            }

            impl<'a> ::core::convert::From<__schema::row::RowRef<'a>> for #row_ref<'a> {
                #[inline(always)]
                fn from(row: __schema::row::RowRef<'a>) -> #row_ref<'a> {
                    #row_ref { fixed: __schema::typed::fixed_part(row), tail: row.tail }
                }
            }

            impl<'a> ::core::convert::From<#row_ref<'a>> for __schema::row::RowRef<'a> {
                #[inline(always)]
                fn from(row: #row_ref<'a>) -> __schema::row::RowRef<'a> {
                    __schema::row::RowRef { fixed: row.fixed, tail: row.tail }
                }
            }

            impl ::core::fmt::Debug for #row_ref<'_> {
                fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                    f.debug_struct(#text) #(#fields)* .finish()
                }
            }
        }
    }

    fn row_type(&self) -> TokenStream {
        let (row, id) = (&self.row, self.id);
        let doc = format!("A row to be written to `{}`.", self.def.name);
        let (named, unnamed) = (self.strings_lifetime(&quote!('a)), self.strings_lifetime(&quote!('_)));
        let lifetime = quote!('a);
        let fields = self.columns.iter().map(|column| {
            let (name, doc, field_type) = (&column.name, column.doc(), column.field_type(&lifetime));
            quote!(#[doc = #doc] pub #name: #field_type)
        });
        let defaults = self.columns.iter().map(|column| {
            let (name, default) = (&column.name, column.default());
            quote!(#name: #default)
        });
        let encode = self.encode();
        quote! {
            #[doc = #doc]
            #[derive(Clone, Copy, Debug, PartialEq)]
            pub struct #row #named {
                #(#fields,)*
            }

            impl #row #unnamed {
                /// Its place in the schema: `access.base()` is to be added for its place in a store.
                pub const ID: __schema::catalog::TableId = #id;
            }

            /// The DDL's defaults; NULL, zero or empty where it gives none.
            impl #named ::core::default::Default for #row #named {
                fn default() -> Self {
                    #row { #(#defaults,)* }
                }
            }

            #encode
        }
    }

    /// The type of a row's image.
    pub(crate) fn image(&self) -> TokenStream {
        let width = self.def.layout.fixed_width;
        if self.has_strings() {
            quote!(__schema::typed::Image<#width>)
        } else {
            quote!(__schema::typed::FixedImage<#width>)
        }
    }

    /// `image`: the row as it is stored.
    fn encode(&self) -> TokenStream {
        let (row, width) = (&self.row, self.def.layout.fixed_width);
        let unnamed = self.strings_lifetime(&quote!('_));
        let (fixed, table) = (quote!(&mut fixed), quote!(table));
        let fixed_columns = self.columns.iter().filter(|column| !column.is_in_tail());
        let writes = fixed_columns.map(|column| {
            let name = &column.name;
            let write = column.write(&fixed, &quote!(self.#name));
            let check = column.null_check(&quote!(&fixed), &table);
            quote!(#write #check)
        });
        let tail_columns = self.columns.iter().filter(|column| column.is_in_tail());
        let pushes = tail_columns.map(|column| {
            let name = &column.name;
            let check = column.length_check(&quote!(value), &table);
            let bytes = column.bytes(&quote!(self.#name));
            let check = if column.def.nullable {
                quote!(if let ::core::option::Option::Some(value) = self.#name { #check })
            } else {
                quote!({ let value = self.#name; #check })
            };
            quote!(#check tail.push(#bytes);)
        });
        let (image, id) = (self.image(), self.id);
        let (tail, made) = if self.has_strings() {
            (
                quote!(let mut tail = __schema::typed::Tail::new();),
                quote!(__schema::typed::Image { fixed, tail }),
            )
        } else {
            (TokenStream::new(), quote!(__schema::typed::FixedImage { fixed }))
        };
        quote! {
            impl #row #unnamed {
                /// The row as it is stored. `base`: where the tables of this schema begin in the store's
                /// catalogue, for errors.
                #[inline]
                pub fn image(
                    &self,
                    base: __schema::catalog::TableId,
                ) -> ::core::result::Result<#image, __schema::store::WriteError> {
                    self.image_of(base + #id)
                }

                #[inline]
                fn image_of(
                    &self,
                    table: __schema::catalog::TableId,
                ) -> ::core::result::Result<#image, __schema::store::WriteError> {
                    let mut fixed = [0; #width];
                    #(#writes)*
                    #tail
                    #(#pushes)*
                    ::core::result::Result::Ok(#made)
                }
            }
        }
    }

    /// A row being updated: all but its key can be set.
    fn row_mut_type(&self) -> TokenStream {
        let (row_mut, width, strings) =
            (&self.row_mut, self.def.layout.fixed_width, self.def.layout.tail_columns);
        let doc = format!("A row of `{}` being updated.", self.def.name);
        let (named, unnamed) = (self.strings_lifetime(&quote!('s)), self.strings_lifetime(&quote!('_)));
        let changes = self.has_strings().then(|| quote!(changes: [__schema::typed::Change<'s>; #strings],));
        let no_changes =
            self.has_strings().then(|| quote!(changes: [__schema::typed::Change::Keep; #strings],));
        let fixed_columns = self.columns.iter().filter(|column| !column.is_in_tail());
        let getters = fixed_columns.map(|column| {
            let (name, doc) = (&column.name, column.doc());
            let read = column.read(&quote!(&self.fixed), &TokenStream::new());
            let field_type = column.field_type(&TokenStream::new());
            quote! {
                #[doc = #doc]
                #[inline(always)]
                pub fn #name(&self) -> #field_type {
                    #read
                }
            }
        });
        let key: Vec<usize> = self.key().iter().map(|column| column.position).collect();
        let settable = self.columns.iter().filter(|column| !key.contains(&column.position));
        let setters = settable.map(setter);
        let table = quote!(table);
        let checks = self.columns.iter().map(|column| match column.slot {
            Slot::Fixed { .. } => column.null_check(&quote!(&self.fixed), &table),
            Slot::Tail { .. } => TokenStream::new(),
        });
        let string_checks = self.columns.iter().filter_map(|column| changed_length_check(column, &table));
        quote! {
            #[doc = #doc]
            pub struct #row_mut #named {
                fixed: [u8; #width],
                #changes
            }

            impl #named #row_mut #named {
                #(#setters)*
            }

            impl #row_mut #unnamed {
                #(#getters)*

                #[inline(always)]
                fn __of(fixed: [u8; #width]) -> Self {
                    Self { fixed, #no_changes }
                }

                #[inline(always)]
                fn __check(
                    &self,
                    table: __schema::catalog::TableId,
                ) -> ::core::result::Result<(), __schema::store::WriteError> {
                    #(#checks)*
                    #(#string_checks)*
                    ::core::result::Result::Ok(())
                }
            }
        }
    }
}

fn setter(column: &Column<'_>) -> TokenStream {
    let (set, doc) = (names::setter(&column.def.name), column.doc());
    let value_type = column.field_type(&quote!('s));
    let body = match column.slot {
        Slot::Fixed { .. } => column.write(&quote!(&mut self.fixed), &quote!(value)),
        Slot::Tail { ordinal } => {
            let (ordinal, bytes) = (ordinal as usize, column.bytes(&quote!(value)));
            quote!(self.changes[#ordinal] = __schema::typed::Change::Set(#bytes);)
        }
    };
    quote! {
        #[doc = #doc]
        #[inline(always)]
        pub fn #set(&mut self, value: #value_type) {
            #body
        }
    }
}

/// A statement that returns an error if the new value of a tail column is too long.
fn changed_length_check(column: &Column<'_>, table: &TokenStream) -> Option<TokenStream> {
    let Slot::Tail { ordinal } = column.slot else { return None };
    let ordinal = ordinal as usize;
    let check = column.length_check(&quote!(value), table);
    let as_text = column
        .is_text()
        .then(|| quote!(let value = ::core::str::from_utf8(value).expect("it was set from a text");));
    Some(quote! {
        if let __schema::typed::Change::Set(::core::option::Option::Some(value)) = self.changes[#ordinal] {
            #as_text
            #check
        }
    })
}
