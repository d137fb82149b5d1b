//! What a column is in Rust, and the pieces of code that read, write and check it.

use proc_macro2::{Ident, Literal, TokenStream};
use quote::quote;
use tollgate_schema::{
    catalog::{ColumnDef, TableDef},
    row::Slot,
    types::Type,
    value::Value,
};

use crate::names;

/// A column of a table, with the names and types it has in generated code.
pub(crate) struct Column<'a> {
    pub(crate) def: &'a ColumnDef,
    /// Its field and its method.
    pub(crate) name: Ident,
    pub(crate) position: usize,
    pub(crate) slot: Slot,
}

pub(crate) fn columns(table: &TableDef) -> Vec<Column<'_>> {
    let slots = table.layout.slots.iter();
    let numbered = table.columns.iter().zip(slots).enumerate();
    numbered
        .map(|(position, (def, slot))| Column { def, name: names::snake(&def.name), position, slot: *slot })
        .collect()
}

impl Column<'_> {
    pub(crate) fn is_text(&self) -> bool {
        matches!(self.def.column_type, Type::Varchar { .. })
    }

    pub(crate) fn is_in_tail(&self) -> bool {
        matches!(self.slot, Slot::Tail { .. })
    }

    /// The type of its values, NULL aside, strings borrowed for `lifetime`.
    pub(crate) fn value_type(&self, lifetime: &TokenStream) -> TokenStream {
        match self.def.column_type {
            Type::TinyInt => quote!(i8),
            Type::SmallInt => quote!(i16),
            Type::Integer => quote!(i32),
            Type::BigInt | Type::Timestamp => quote!(i64),
            Type::Float => quote!(f64),
            Type::Decimal => quote!(__schema::value::Decimal),
            Type::Varchar { .. } => quote!(&#lifetime str),
            Type::Varbinary { .. } => quote!(&#lifetime [u8]),
        }
    }

    /// The type of its field and of what its method gives.
    pub(crate) fn field_type(&self, lifetime: &TokenStream) -> TokenStream {
        let value = self.value_type(lifetime);
        if self.def.nullable { quote!(::core::option::Option<#value>) } else { value }
    }

    /// How it is declared: the documentation of what stands for it.
    pub(crate) fn doc(&self) -> String {
        let ColumnDef { name, column_type, nullable, default, default_now, .. } = self.def;
        let not_null = if *nullable { "" } else { " NOT NULL" };
        match default {
            _ if *default_now => format!("`{name} {column_type} DEFAULT NOW{not_null}`"),
            Value::Null => format!("`{name} {column_type}{not_null}`"),
            default => format!("`{name} {column_type} DEFAULT {default}{not_null}`"),
        }
    }

    /// An expression for the column's value in a row whose fixed part is `fixed` (a reference to an array)
    /// and whose strings are found in `row`.
    pub(crate) fn read(&self, fixed: &TokenStream, row: &TokenStream) -> TokenStream {
        match self.slot {
            Slot::Fixed { offset } => {
                let offset = offset as usize;
                if self.def.nullable {
                    quote!(__schema::typed::load_nullable(#fixed, #offset))
                } else {
                    quote!(__schema::typed::load(#fixed, #offset))
                }
            }
            Slot::Tail { ordinal } => {
                let ordinal = ordinal as usize;
                let value = if self.is_text() {
                    quote!(__schema::typed::text(#row, #ordinal))
                } else {
                    quote!(#row.tail_value(#ordinal))
                };
                if self.def.nullable { value } else { quote!(#value.expect("the column is NOT NULL")) }
            }
        }
    }

    /// A statement that puts `value` into the array `fixed`. For columns of fixed width.
    pub(crate) fn write(&self, fixed: &TokenStream, value: &TokenStream) -> TokenStream {
        let Slot::Fixed { offset } = self.slot else { unreachable!("only of fixed width") };
        let offset = offset as usize;
        if self.def.nullable {
            quote!(__schema::typed::store_nullable(#fixed, #offset, #value);)
        } else {
            quote!(__schema::typed::store(#fixed, #offset, #value);)
        }
    }

    /// A statement that returns an error if a NOT NULL column in the array `fixed` holds its type's NULL.
    /// `table` is the table's id. Nothing for other columns.
    pub(crate) fn null_check(&self, fixed: &TokenStream, table: &TokenStream) -> TokenStream {
        let Slot::Fixed { offset } = self.slot else { return TokenStream::new() };
        if self.def.nullable {
            return TokenStream::new();
        }
        let (offset, position) = (offset as usize, self.position as u16);
        let value_type = self.value_type(&TokenStream::new());
        quote!(__schema::typed::null_check::<#value_type, _>(#fixed, #offset, #table, #position)?;)
    }

    /// An expression for a tail column's bytes, of type `Option<&[u8]>`, from its field's or parameter's
    /// value.
    pub(crate) fn bytes(&self, value: &TokenStream) -> TokenStream {
        match (self.is_text(), self.def.nullable) {
            (true, true) => quote!(#value.map(str::as_bytes)),
            (true, false) => quote!(::core::option::Option::Some(#value.as_bytes())),
            (false, true) => quote!(#value),
            (false, false) => quote!(::core::option::Option::Some(#value)),
        }
    }

    /// A statement that returns an error if `value`, a `&str` or `&[u8]`, is too long for the column.
    pub(crate) fn length_check(&self, value: &TokenStream, table: &TokenStream) -> TokenStream {
        let position = self.position as u16;
        match self.def.column_type {
            Type::Varchar { max, in_bytes } => quote! {
                __schema::typed::check_text(#value, #max, #in_bytes, #table, #position)?;
            },
            Type::Varbinary { max } => quote! {
                __schema::typed::check_binary(#value, #max, #table, #position)?;
            },
            _ => TokenStream::new(),
        }
    }

    /// A statement that appends the parameter of its name to the key in `key`.
    pub(crate) fn push_key(&self, key: &TokenStream) -> TokenStream {
        let name = &self.name;
        if self.is_in_tail() {
            let bytes = self.bytes(&quote!(#name));
            return quote!(__schema::typed::push_text_key(#bytes, #key););
        }
        let value = if self.def.nullable {
            let value_type = self.value_type(&TokenStream::new());
            quote!(#name.unwrap_or(<#value_type as __schema::typed::Scalar>::NULL))
        } else {
            quote!(#name)
        };
        let column_type = type_expression(self.def.column_type);
        quote!(__schema::typed::push_key(#value, #column_type, #key);)
    }

    /// The value of its field when the DDL's defaults are asked for.
    pub(crate) fn default(&self) -> TokenStream {
        let value = match &self.def.default {
            Value::Null if self.def.nullable => return quote!(::core::option::Option::None),
            Value::Null if self.is_text() => quote!(""),
            Value::Null if self.is_in_tail() => quote!(&[]),
            Value::Null => {
                let value_type = self.value_type(&TokenStream::new());
                quote!(<#value_type as ::core::default::Default>::default())
            }
            Value::TinyInt(number) => quote!(#number),
            Value::SmallInt(number) => quote!(#number),
            Value::Integer(number) => quote!(#number),
            Value::BigInt(number) | Value::Timestamp(number) => quote!(#number),
            Value::Float(number) => quote!(#number),
            Value::Decimal(number) => {
                let unscaled = number.0;
                quote!(__schema::value::Decimal(#unscaled))
            }
            Value::Varchar(text) => quote!(#text),
            Value::Varbinary(bytes) => {
                let bytes = Literal::byte_string(bytes);
                quote!(#bytes)
            }
        };
        if self.def.nullable { quote!(::core::option::Option::Some(#value)) } else { value }
    }
}

/// The type as an expression of it.
fn type_expression(column_type: Type) -> TokenStream {
    match column_type {
        Type::TinyInt => quote!(__schema::types::Type::TinyInt),
        Type::SmallInt => quote!(__schema::types::Type::SmallInt),
        Type::Integer => quote!(__schema::types::Type::Integer),
        Type::BigInt => quote!(__schema::types::Type::BigInt),
        Type::Float => quote!(__schema::types::Type::Float),
        Type::Decimal => quote!(__schema::types::Type::Decimal),
        Type::Timestamp => quote!(__schema::types::Type::Timestamp),
        Type::Varchar { max, in_bytes } => {
            quote!(__schema::types::Type::Varchar { max: #max, in_bytes: #in_bytes })
        }
        Type::Varbinary { max } => quote!(__schema::types::Type::Varbinary { max: #max }),
    }
}
