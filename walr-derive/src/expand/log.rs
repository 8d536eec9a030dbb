//! The log and the outcome: one variant per mutation.

use proc_macro2::TokenStream;
use quote::quote;

use super::traits::Enum;
use super::{Items, carried, doc};
use crate::model::Mutation;
use crate::names;

pub(crate) fn expand(items: &Items<'_>) -> TokenStream {
    let (log, outcome) = (Enum::log(items), Enum::outcome(items));
    let log_aliases = log.aliases();
    let log_enum = log_enum(items, &log.serde());
    let log_traits = [log.clone(), log.debug(), log.partial_eq()];
    let outcome_aliases = outcome.conditional_aliases();
    let outcome_enum = outcome_enum(items);
    let outcome_traits = [outcome.debug(), outcome.partial_eq()];
    quote!(#log_enum #outcome_enum #log_aliases #(#log_traits)* #outcome_aliases #(#outcome_traits)*)
}

fn log_enum(items: &Items<'_>, serde: &TokenStream) -> TokenStream {
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
        #serde
        pub enum #log #log_generics #where_clause { #(#variants)* }
    }
}

fn outcome_enum(items: &Items<'_>) -> TokenStream {
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
