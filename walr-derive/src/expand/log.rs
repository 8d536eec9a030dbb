//! The log and the outcome: one variant per mutation.

use proc_macro2::TokenStream;
use quote::quote;

use super::{Items, argument, carried, doc, held, hidden};
use crate::model::Mutation;
use crate::names;

pub(crate) fn expand(items: &Items<'_>) -> TokenStream {
    let log = log(items);
    let outcome = outcome(items);
    let debug = debug(items);
    let clone = clone(items);
    let held = held::expand(items);
    quote!(#log #outcome #debug #clone #held)
}

fn log(items: &Items<'_>) -> TokenStream {
    let Items { attrs, log, log_generics, model, self_ty, .. } = items;
    let docs = doc(format!("The log of `{}`: one variant per mutation, its arguments as fields.", model.state));
    let where_clause = &log_generics.where_clause;
    let variants = model.recorded().map(|mutation| {
        let kept = carried::of_variant(&mutation.method.attrs);
        let docs = variant_docs(items, mutation, "A call of");
        let variant = &mutation.variant;
        if mutation.params.is_empty() {
            return quote!(#docs #kept #variant,);
        }
        let fields = mutation.params.iter().map(|param| {
            let name = &param.name;
            let docs = doc(match param.record {
                None => format!("The argument `{name}`."),
                Some(_) => format!("The value of `{name}`, recorded at the call."),
            });
            let ty = param.form.owned(self_ty);
            quote!(#docs #name: #ty)
        });
        quote!(#docs #kept #variant { #(#fields),* },)
    });
    quote! {
        #docs
        #attrs
        pub enum #log #log_generics #where_clause { #(#variants)* }
    }
}

fn outcome(items: &Items<'_>) -> TokenStream {
    let Items { attrs, outcome, outcome_generics, model, self_ty, .. } = items;
    let docs = doc(format!("What a mutation of `{}` returned: one variant per mutation.", model.state));
    let where_clause = &outcome_generics.where_clause;
    let variants = model.recorded().map(|mutation| {
        let kept = carried::of_variant(&mutation.method.attrs);
        let docs = variant_docs(items, mutation, "The result of");
        let variant = &mutation.variant;
        let result = mutation.result(self_ty);
        quote!(#docs #kept #variant(#result),)
    });
    quote! {
        #docs
        #attrs
        pub enum #outcome #outcome_generics #where_clause { #(#variants)* }
    }
}

fn variant_docs(items: &Items<'_>, mutation: &Mutation<'_>, what: &str) -> TokenStream {
    let first = doc(format!("{what} `{}`.", names::plain(&mutation.method.sig.ident)));
    let summary = carried::summary(&mutation.method.attrs);
    if summary.is_empty() {
        return first;
    }
    let summary = doc(summary.replace("Self::", &format!("{}::", items.model.state)));
    quote!(#first #[doc = ""] #summary)
}

fn debug(items: &Items<'_>) -> TokenStream {
    let Items { attrs, model, .. } = items;
    let ty = items.log_ty();
    let bounded = items.recordable(&items.log_generics);
    let (generics, _, where_clause) = bounded.split_for_impl();
    let arms = model.recorded().map(|mutation| {
        let conditions = carried::conditions(&mutation.method.attrs);
        let (variant, pattern) = (&mutation.variant, pattern(items, mutation));
        let name = variant.to_string();
        let fields = mutation.params.iter().map(|param| {
            let (field, name) = (&param.name, names::plain(&param.name));
            let debug = argument(items, param, "debug");
            hidden!(.field(#name, #debug(#field)))
        });
        match mutation.params.is_empty() {
            true => hidden!(#conditions #pattern => formatter.write_str(#name),),
            false => hidden!(#conditions #pattern => formatter.debug_struct(#name) #(#fields)* .finish(),),
        }
    });
    hidden! {
        #attrs
        #[automatically_derived]
        impl #generics ::core::fmt::Debug for #ty #where_clause {
            fn fmt(&self, formatter: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                match *self { #(#arms)* }
            }
        }
    }
}

fn clone(items: &Items<'_>) -> TokenStream {
    let Items { attrs, log, model, .. } = items;
    let ty = items.log_ty();
    let bounded = items.recordable(&items.log_generics);
    let (generics, _, where_clause) = bounded.split_for_impl();
    let arms = model.recorded().map(|mutation| {
        let conditions = carried::conditions(&mutation.method.attrs);
        let (variant, pattern) = (&mutation.variant, pattern(items, mutation));
        let fields = mutation.params.iter().map(|param| {
            let field = &param.name;
            let copy = argument(items, param, "copy");
            hidden!(#field: #copy(#field))
        });
        match mutation.params.is_empty() {
            true => hidden!(#conditions #pattern => #log::#variant,),
            false => hidden!(#conditions #pattern => #log::#variant { #(#fields),* },),
        }
    });
    hidden! {
        #attrs
        #[automatically_derived]
        impl #generics ::core::clone::Clone for #ty #where_clause {
            fn clone(&self) -> Self {
                match *self { #(#arms)* }
            }
        }
    }
}

/// `CacheLog::Insert { ref key, ref value }`, under the parameters' own names.
pub(super) fn pattern(items: &Items<'_>, mutation: &Mutation<'_>) -> TokenStream {
    let (log, variant) = (&items.log, &mutation.variant);
    let fields = mutation.params.iter().map(|param| &param.name);
    match mutation.params.is_empty() {
        true => quote!(#log::#variant),
        false => quote!(#log::#variant { #(ref #fields),* }),
    }
}
