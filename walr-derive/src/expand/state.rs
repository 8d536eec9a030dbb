//! The impl of `WalState`.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Attribute, Data, DeriveInput, Fields, GenericParam, Generics, Path};

use super::{fields, hidden};
use crate::attributes::state::StateOptions;
use crate::attributes::{self, serde};
use crate::{names, text};

/// Expands to the impl of `WalState`, and to checks of the type and its fields.
pub(crate) fn expand(input: &DeriveInput, options: &StateOptions) -> TokenStream {
    let krate = options.krate.clone().unwrap_or_else(attributes::default_crate);
    let ident = &input.ident;
    let name = options.name.as_ref().map_or_else(|| names::plain(ident), syn::LitStr::value);
    let version = options.version.unwrap_or(1);
    let shape = shape(&input.data);
    let migrate = migrate(options, version, &krate);
    let after_load = options.after_load.as_ref().map(|path| {
        hidden! {
            fn after_load(&mut self) {
                #path(self);
            }
        }
    });
    let bounded = bounds(input, &krate);
    let (generics, _, where_clause) = bounded.split_for_impl();
    let (_, arguments, _) = input.generics.split_for_impl();
    // A type with parameters is checked where it is used, by its bounds.
    let check =
        input.generics.params.is_empty().then(
            || quote_spanned!(ident.span()=> const _: () = <#ident as #krate::__private::StoredState>::IS_STORED;),
        );
    let field_checks = fields::checks(input, &krate);
    hidden! {
        #check

        #field_checks

        #[automatically_derived]
        impl #generics #krate::WalState for #ident #arguments #where_clause {
            const NAME: &'static str = #name;
            const VERSION: u32 = #version;
            const SHAPE: &'static str = #shape;
            #migrate
            #after_load
        }
    }
}

/// Expands to `migrate`: a checkpoint of an earlier version is decoded as that version's type, and converted from
/// version to version up to this one.
fn migrate(options: &StateOptions, version: u32, krate: &Path) -> Option<TokenStream> {
    let types = &options.migrate_from;
    let oldest = u32::try_from(types.len()).ok().and_then(|count| version.checked_sub(count));
    let oldest = oldest.filter(|oldest| *oldest > 0 && !types.is_empty())?;
    let arms = types.iter().enumerate().map(|(at, old)| {
        let from = oldest + at as u32;
        let later = types[at + 1..].iter().map(ToTokens::to_token_stream).chain([quote!(Self)]);
        // At the span of the type in the attribute, where rustc reports a missing conversion.
        let decode = quote_spanned!(old.span()=> <#old as #krate::__private::FormerState>::decode);
        let decoded = hidden!(#decode(version, shape, decoder));
        let migrated = types[at..].iter().zip(later).fold(decoded, |old, (from, next)| {
            let next = quote_spanned!(from.span()=> <#from as #krate::__private::Precedes<#next>>::next);
            hidden!(#next(#old))
        });
        hidden! {
            #from => ::core::option::Option::Some(
                ::core::result::Result::map(#migrated, #krate::__private::Migrating::state)
            ),
        }
    });
    Some(hidden! {
        fn migrate(
            version: u32,
            shape: &#krate::__private::Shape,
            decoder: #krate::__private::CheckpointDecoder<'_>,
        ) -> ::core::option::Option<#krate::Result<Self>> {
            match version {
                #(#arms)*
                _ => ::core::option::Option::None,
            }
        }
    })
}

/// Returns the type's generics with the bounds of the impl. A type without parameters has none, so that rustc reports
/// what is missing at its name. A type with parameters has those of `WalState` itself.
fn bounds(input: &DeriveInput, krate: &Path) -> Generics {
    let mut generics = input.generics.clone();
    for param in &mut generics.params {
        match param {
            GenericParam::Type(param) => param.default = None,
            GenericParam::Const(param) => param.default = None,
            GenericParam::Lifetime(_) => {}
        }
    }
    if generics.params.is_empty() {
        return generics;
    }
    let (_, arguments, _) = input.generics.split_for_impl();
    let ident = &input.ident;
    let private = quote!(#krate::__private);
    let value = quote!(#private::serde::Serialize + #private::DeserializeOwned + ::core::marker::Send + 'static);
    generics.make_where_clause().predicates.push(syn::parse_quote! {
        #ident #arguments: #value + ::core::marker::Sync + #private::Recorded<
            Log: #value + ::core::clone::Clone + ::core::fmt::Debug,
            Outcome: ::core::marker::Send + 'static,
            Mutations: ::core::marker::Send + ::core::marker::Sync,
        >
    });
    generics
}

/// Returns the stored part of the type as text: `{ entries: HashMap<String, String> }`, `(u64, String)`, `Open |
/// Closed(u64)`.
fn shape(data: &Data) -> String {
    match data {
        Data::Struct(data) => shape_of_fields(&data.fields),
        Data::Enum(data) => {
            let variants = data.variants.iter().filter(|variant| !is_skipped(&variant.attrs));
            let variant = |variant: &syn::Variant| {
                let fields = shape_of_fields(&variant.fields);
                let space = if fields.starts_with('{') { " " } else { "" };
                format!("{}{space}{fields}", names::plain(&variant.ident))
            };
            variants.map(variant).collect::<Vec<_>>().join(" | ")
        }
        Data::Union(_) => String::new(),
    }
}

fn shape_of_fields(fields: &Fields) -> String {
    let stored = fields.iter().filter(|field| !is_skipped(&field.attrs));
    let parts = stored.map(|field| {
        let ty = text::of_type(&field.ty);
        field.ident.as_ref().map_or_else(|| ty.clone(), |name| format!("{}: {ty}", names::plain(name)))
    });
    let parts = parts.collect::<Vec<_>>().join(", ");
    match fields {
        Fields::Named(_) if parts.is_empty() => "{}".to_owned(),
        Fields::Named(_) => format!("{{ {parts} }}"),
        Fields::Unnamed(_) => format!("({parts})"),
        Fields::Unit => String::new(),
    }
}

/// Returns whether a field or a variant has `#[serde(skip)]`.
fn is_skipped(attrs: &[Attribute]) -> bool {
    serde::options(attrs).iter().any(|option| option.is_ident("skip"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_hold_what_is_stored() {
        for (input, expected) in [
            ("struct A { b: std::vec::Vec<u8>, #[serde(default, skip)] c: u8 }", "{ b: Vec<u8> }"),
            ("struct A(u8, (String, u64));", "(u8, (String, u64))"),
            ("struct A;", ""),
            ("struct A { #[serde(skip_serializing_if = \"f\")] r#type: u8 }", "{ type: u8 }"),
            ("enum A { B, C(u8), D { e: u8 } }", "B | C(u8) | D { e: u8 }"),
        ] {
            let input: DeriveInput = syn::parse_str(input).unwrap();
            assert_eq!(shape(&input.data), expected);
        }
    }

    #[test]
    fn a_state_is_checked_at_its_name_if_that_has_no_parameters() {
        let expanded = |input| expand(&syn::parse_str(input).unwrap(), &StateOptions::default()).to_string();
        assert!(expanded("struct A;").contains("< A as :: walr :: __private :: StoredState > :: IS_STORED"));
        assert!(!expanded("struct A<T>(T);").contains("IS_STORED"));
    }
}
