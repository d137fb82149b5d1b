//! The macro's own syntax. Knows nothing of DDL.

use syn::{
    Attribute, Ident, LitStr, Path, Token, Visibility, braced,
    parse::{Parse, ParseStream},
};

/// `[crate = path;] [attributes] [visibility] mod name {= "file"; | { "text" }}`.
pub(crate) struct Input {
    /// Where the generated code finds `tollgate_schema`.
    pub(crate) library: Path,
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) visibility: Visibility,
    pub(crate) name: Ident,
    pub(crate) source: Source,
}

pub(crate) enum Source {
    /// Relative to the crate's directory.
    File(LitStr),
    Text(LitStr),
}

impl Source {
    pub(crate) fn literal(&self) -> &LitStr {
        let (Source::File(literal) | Source::Text(literal)) = self;
        literal
    }
}

impl Parse for Input {
    fn parse(input: ParseStream<'_>) -> syn::Result<Input> {
        let library = if input.peek(Token![crate]) && input.peek2(Token![=]) {
            input.parse::<Token![crate]>()?;
            input.parse::<Token![=]>()?;
            let library = input.parse()?;
            input.parse::<Token![;]>()?;
            library
        } else {
            syn::parse_quote!(::tollgate_schema)
        };
        let attributes = input.call(Attribute::parse_outer)?;
        let visibility = input.parse()?;
        input.parse::<Token![mod]>()?;
        let name = input.parse()?;
        let source = if input.peek(syn::token::Brace) {
            let text;
            braced!(text in input);
            Source::Text(text.parse()?)
        } else {
            input.parse::<Token![=]>()?;
            let file = input.parse()?;
            input.parse::<Token![;]>()?;
            Source::File(file)
        };
        Ok(Input { library, attributes, visibility, name, source })
    }
}
