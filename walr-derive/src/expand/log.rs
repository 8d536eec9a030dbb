//! The log and the outcome: two enums with a variant for each mutation.

use proc_macro2::TokenStream;
use quote::quote;

use super::traits::GeneratedEnum;
use super::{Expansion, doc, user_attributes};
use crate::model::MutationMethod;
use crate::names;

pub(crate) fn expand(expansion: &Expansion<'_>) -> TokenStream {
    let (log, outcome) = (GeneratedEnum::log(expansion), GeneratedEnum::outcome(expansion));
    let log_aliases = log.aliases();
    let log_enum = log_enum(expansion, &log.serde());
    let log_traits = [log.clone(), log.debug(), log.partial_eq()];
    let outcome_aliases = outcome.conditional_aliases();
    let outcome_enum = outcome_enum(expansion);
    let outcome_traits = [outcome.debug(), outcome.partial_eq()];
    quote!(#log_enum #outcome_enum #log_aliases #(#log_traits)* #outcome_aliases #(#outcome_traits)*)
}

fn log_enum(expansion: &Expansion<'_>, serde: &TokenStream) -> TokenStream {
    let Expansion { attrs, log, log_generics, model, self_ty, .. } = expansion;
    let docs = doc(format!("The log of `{}`: one variant per mutation, its arguments as fields.", model.state));
    let where_clause = &log_generics.where_clause;
    let variants = model.recorded().map(|mutation| {
        let kept = user_attributes::of_variant(&mutation.method.attrs);
        let docs = variant_docs(expansion, mutation, "A call of");
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

fn outcome_enum(expansion: &Expansion<'_>) -> TokenStream {
    let Expansion { attrs, outcome, outcome_generics, model, self_ty, .. } = expansion;
    let docs = doc(format!("The results of `{}`: one variant per mutation, with what it returned.", model.state));
    let where_clause = &outcome_generics.where_clause;
    let variants = model.recorded().map(|mutation| {
        let kept = user_attributes::of_variant(&mutation.method.attrs);
        let docs = variant_docs(expansion, mutation, "The result of");
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

fn variant_docs(expansion: &Expansion<'_>, mutation: &MutationMethod<'_>, what: &str) -> TokenStream {
    let first = doc(format!("{what} `{}`.", names::plain(&mutation.method.sig.ident)));
    let summary = user_attributes::summary(&mutation.method.attrs);
    if summary.is_empty() {
        return first;
    }
    let summary = doc(summary.replace("Self::", &format!("{}::", expansion.model.state)));
    quote!(#first #[doc = ""] #summary)
}
