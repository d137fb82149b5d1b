//! Names of SQL, which are upper case, as names of Rust.

use proc_macro2::Span;
use quote::format_ident;
use syn::Ident;

/// `CARD_ID` as `card_id`; a keyword of Rust as a raw name, or with `_` behind it.
pub(crate) fn snake(name: &str) -> Ident {
    let name = name.to_ascii_lowercase();
    match name.as_str() {
        "_" => Ident::new("_0", Span::call_site()),
        "self" | "super" | "crate" => format_ident!("{name}_"),
        _ if syn::parse_str::<Ident>(&name).is_err() => Ident::new_raw(&name, Span::call_site()),
        _ => Ident::new(&name, Span::call_site()),
    }
}

/// `BALANCE` as `set_balance`.
pub(crate) fn setter(name: &str) -> Ident {
    format_ident!("set_{}", name.to_ascii_lowercase())
}

/// `CARD_EVENTS` as `CardEvents`.
pub(crate) fn camel(name: &str) -> String {
    let words = name.split('_').filter(|word| !word.is_empty());
    let camel: String = words
        .map(|word| {
            let (first, rest) = word.split_at(1);
            first.to_ascii_uppercase() + &rest.to_ascii_lowercase()
        })
        .collect();
    match camel.chars().next() {
        Some(first) if first.is_ascii_alphabetic() && camel != "Self" => camel,
        _ => format!("T{camel}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let check = |name: &str, expected_snake: &str, expected_camel: &str| {
            assert_eq!(
                (snake(name).to_string(), camel(name)),
                (expected_snake.to_owned(), expected_camel.to_owned())
            );
        };
        check("CARD_EVENTS", "card_events", "CardEvents");
        check("TYPE", "r#type", "Type");
        check("SELF", "self_", "TSelf");
        check("_2X", "_2x", "T2x");
        check("_", "_0", "T");
        check("A__B", "a__b", "AB");
    }
}
