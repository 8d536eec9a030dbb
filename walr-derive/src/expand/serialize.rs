//! The log's `Serialize` and `Deserialize`.
//!
//! They write what serde's derive would, and exist without it, because its errors about an argument that can't be
//! recorded come several to an argument, in serde's words.

use proc_macro2::TokenStream;
use quote::quote;
use syn::Index;

use super::log::pattern;
use super::{Items, argument, carried, hidden};
use crate::model::Mutation;
use crate::names;

pub(crate) fn expand(items: &Items<'_>) -> TokenStream {
    let places = places(items);
    let serialize = serialize(items);
    let deserialize = deserialize(items);
    let variants = variants(items);
    let slots =
        items.model.recorded().filter(|mutation| !mutation.params.is_empty()).map(|mutation| slots(items, mutation));
    let conditions = carried::conditions(&items.model.block.attrs);
    quote! {
        #conditions
        const _: () = {
            #serialize
            #deserialize
            #variants
            #(#slots)*
        };
        #places
    }
}

/// Counts the variants: only the compiler knows which of them a `#[cfg]` takes out.
fn places(items: &Items<'_>) -> TokenStream {
    let Items { attrs, places, model, .. } = items;
    let variants = model.recorded().map(|mutation| {
        let conditions = carried::conditions(&mutation.method.attrs);
        let variant = &mutation.variant;
        quote!(#conditions #variant,)
    });
    quote!(#attrs enum #places { #(#variants)* })
}

fn serialize(items: &Items<'_>) -> TokenStream {
    let Items { attrs, log, model, private, .. } = items;
    let ty = items.log_ty();
    let bounded = items.recordable(&items.log_generics);
    let (generics, _, where_clause) = bounded.split_for_impl();
    let log_name = log.to_string();
    let arms = model.recorded().map(|mutation| {
        let conditions = carried::conditions(&mutation.method.attrs);
        let (pattern, place) = (pattern(items, mutation), items.place(mutation, "u32"));
        let variant = mutation.variant.to_string();
        let count = mutation.params.len();
        if count == 0 {
            return hidden!(#conditions #pattern => serializer.serialize_unit_variant(#log_name, #place, #variant),);
        }
        let fields = mutation.params.iter().map(|param| {
            let (field, name) = (&param.name, names::plain(&param.name));
            let put = argument(items, param, "put");
            hidden!(#put(#field, #name, &mut fields)?;)
        });
        hidden! {
            #conditions
            #pattern => {
                let mut fields = serializer.serialize_struct_variant(#log_name, #place, #variant, #count)?;
                #(#fields)*
                #private::serde::ser::SerializeStructVariant::end(fields)
            }
        }
    });
    hidden! {
        #attrs
        #[automatically_derived]
        impl #generics #private::serde::Serialize for #ty #where_clause {
            fn serialize<__S: #private::serde::Serializer>(
                &self,
                serializer: __S,
            ) -> ::core::result::Result<__S::Ok, __S::Error> {
                match *self { #(#arms)* }
            }
        }
    }
}

fn deserialize(items: &Items<'_>) -> TokenStream {
    let Items { attrs, private, .. } = items;
    let ty = items.log_ty();
    let mut bounded = items.recordable(&items.log_generics);
    bounded.params.insert(0, syn::parse_quote!('de));
    let (generics, _, where_clause) = bounded.split_for_impl();
    hidden! {
        #attrs
        #[automatically_derived]
        impl #generics #private::serde::Deserialize<'de> for #ty #where_clause {
            fn deserialize<__D: #private::serde::Deserializer<'de>>(
                deserializer: __D,
            ) -> ::core::result::Result<Self, __D::Error> {
                #private::log(deserializer)
            }
        }
    }
}

/// Which variant is read.
fn variants(items: &Items<'_>) -> TokenStream {
    let Items { attrs, log, model, private, .. } = items;
    let ty = items.log_ty();
    let bounded = items.recordable(&items.log_generics);
    let (generics, _, where_clause) = bounded.split_for_impl();
    let (_, arguments, _) = items.log_generics.split_for_impl();
    let log_name = log.to_string();
    let names = model.recorded().map(|mutation| {
        let conditions = carried::conditions(&mutation.method.attrs);
        let name = mutation.variant.to_string();
        quote!(#conditions #name,)
    });
    let arms = model.recorded().map(|mutation| {
        let conditions = carried::conditions(&mutation.method.attrs);
        let (variant, at) = (&mutation.variant, items.place(mutation, "usize"));
        let read = match mutation.params.is_empty() {
            true => hidden! {
                match #private::serde::de::VariantAccess::unit_variant(access) {
                    ::core::result::Result::Ok(()) => ::core::result::Result::Ok(#log::#variant),
                    ::core::result::Result::Err(error) => ::core::result::Result::Err(error),
                }
            },
            false => {
                let slots = names::slots(model.state, variant);
                hidden!(#private::arguments::<#slots #arguments, __A>(access))
            }
        };
        hidden!(#conditions place if place == #at => #read,)
    });
    hidden! {
        #attrs
        #[doc(hidden)]
        impl #generics #private::Variants for #ty #where_clause {
            const NAME: &'static str = #log_name;
            const NAMES: &'static [&'static str] = &[#(#names)*];

            fn take<'de, __A: #private::serde::de::VariantAccess<'de>>(
                place: usize,
                access: __A,
            ) -> ::core::result::Result<Self, __A::Error> {
                match place {
                    #(#arms)*
                    _ => ::core::result::Result::Err(#private::unknown(place)),
                }
            }
        }
    }
}

/// The arguments of one variant while they are read.
fn slots(items: &Items<'_>, mutation: &Mutation<'_>) -> TokenStream {
    let Items { attrs, log, log_generics, model, self_ty, private, .. } = items;
    let conditions = carried::conditions(&mutation.method.attrs);
    let variant = &mutation.variant;
    let slots = names::slots(model.state, variant);
    let log_ty = items.log_ty();
    let bounded = items.recordable(log_generics);
    let (generics, _, bounds) = bounded.split_for_impl();
    let (_, arguments, _) = log_generics.split_for_impl();
    let where_clause = &log_generics.where_clause;
    let types: Vec<_> = mutation.params.iter().map(|param| param.form.owned(self_ty)).collect();
    let names = mutation.params.iter().map(|param| names::plain(&param.name));
    let empty = types.iter().map(|_| quote!(::core::option::Option::None));
    let fills = mutation.params.iter().enumerate().map(|(at, param)| {
        let (slot, take) = (Index::from(at), argument(items, param, "take"));
        hidden!(#at => self.#slot = ::core::option::Option::Some(#take(from)?),)
    });
    let fields = mutation.params.iter().enumerate().map(|(at, param)| {
        let (slot, field, name) = (Index::from(at), &param.name, names::plain(&param.name));
        hidden! {
            #field: match self.#slot {
                ::core::option::Option::Some(value) => value,
                ::core::option::Option::None => return ::core::result::Result::Err(#name),
            }
        }
    });
    hidden! {
        #conditions
        #attrs
        struct #slots #log_generics (
            #(::core::option::Option<#types>,)*
            ::core::marker::PhantomData<fn() -> #log_ty>,
        ) #where_clause;

        #conditions
        #attrs
        impl #generics #private::Arguments for #slots #arguments #bounds {
            type Log = #log_ty;
            const NAMES: &'static [&'static str] = &[#(#names),*];

            fn empty() -> Self {
                #slots(#(#empty,)* ::core::marker::PhantomData)
            }

            fn fill<'de, __D: #private::serde::Deserializer<'de>>(
                &mut self,
                place: usize,
                from: __D,
            ) -> ::core::result::Result<(), __D::Error> {
                match place {
                    #(#fills)*
                    _ => return ::core::result::Result::Err(#private::unknown(place)),
                }
                ::core::result::Result::Ok(())
            }

            fn log(self) -> ::core::result::Result<#log_ty, &'static str> {
                ::core::result::Result::Ok(#log::#variant { #(#fields),* })
            }
        }
    }
}
