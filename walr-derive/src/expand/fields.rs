//! Checks the type of each field of a state, so that rustc reports a field that can't be stored once, in words of
//! walr's.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Data, DeriveInput, Field, Fields, Path, Type};

use super::generics::mentions_any;
use crate::attributes::serde;
use crate::types::{mentions, without_self};

/// Expands to the checks. A field whose type mentions a parameter has none: the bounds of its users check it.
pub(super) fn checks(input: &DeriveInput, krate: &Path) -> TokenStream {
    let variants: Vec<&Fields> = match &input.data {
        Data::Struct(data) => vec![&data.fields],
        Data::Enum(data) => data.variants.iter().map(|variant| &variant.fields).collect(),
        Data::Union(_) => Vec::new(),
    };
    // With these options serde writes or reads another type in the state's place.
    let is_itself = !serde::options(&input.attrs).iter().any(|option| is_one_of(option, &["into", "from", "try_from"]));
    let ident = &input.ident;
    let (_, arguments, _) = input.generics.split_for_impl();
    let state: Type = syn::parse_quote!(#ident #arguments);
    let this = syn::Ident::new("Self", ident.span());
    let is_free = |field: &&Field| {
        let ty = field.ty.to_token_stream();
        input.generics.params.is_empty() || !mentions_any(&ty, &input.generics) && !mentions(ty, &this)
    };
    let checks = variants.into_iter().flatten().filter(is_free).map(|field| {
        let ty = without_self(field.ty.to_token_stream(), &state);
        let (of, name) = match is_itself && is_as_serde_has_it(field) {
            true => (quote!(StoredField), quote!(IS_STORED)),
            false => (quote!(SharedField), quote!(IS_SHARED)),
        };
        quote_spanned!(field.ty.span()=> const _: () = <#ty as #krate::__private::#of>::#name;)
    });
    quote! {
        #[allow(deprecated)]
        const _: () = { #(#checks)* };
    }
}

/// Returns whether serde needs the field's type to be `Serialize` and `Deserialize`.
fn is_as_serde_has_it(field: &Field) -> bool {
    const CHANGES: [&str; 7] =
        ["skip", "skip_serializing", "skip_deserializing", "with", "serialize_with", "deserialize_with", "getter"];
    !serde::options(&field.attrs).iter().any(|option| is_one_of(option, &CHANGES))
}

fn is_one_of(option: &Path, names: &[&str]) -> bool {
    names.iter().any(|name| option.is_ident(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(input: &str) -> String {
        let text = checks(&syn::parse_str(input).unwrap(), &syn::parse_quote!(walr)).to_string();
        let checks = text.split("const _ : () = <").skip(1);
        let checks = checks.map(|check| check.split("> :: IS").next().unwrap_or_default().trim());
        checks.collect::<Vec<_>>().join(", ").replace("walr :: __private :: ", "")
    }

    #[test]
    fn each_field_is_checked_for_what_serde_needs() {
        assert_eq!(
            checked("enum A { B(u8, #[serde(skip)] u16), C { #[serde(with = \"m\")] d: u32, e: Box<Self> } }"),
            "u8 as StoredField, u16 as SharedField, u32 as SharedField, Box < A > as StoredField"
        );
        assert_eq!(checked("#[serde(from = \"B\", into = \"B\")] struct A(u8);"), "u8 as SharedField");
        assert_eq!(checked("struct A<T>(T, Vec<T>, Option<Box<Self>>, u8);"), "u8 as StoredField");
    }
}
