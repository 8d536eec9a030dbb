//! From the model to code.

mod fields;
mod generics;
mod handle;
mod log;
mod recorded;
pub(crate) mod state;
#[cfg(test)]
mod tests_listing;
mod traits;
mod user_attributes;

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Generics, Ident, Type};

use crate::model::BlockModel;
use crate::names;

/// What all generated items of a block share.
///
/// The items are `pub`, whatever the state is. The attribute can't see the state's visibility, and a `pub` state needs
/// them `pub` (a private type can't be an associated type of a public one, E0446), even where each of its mutations is
/// private. For a private state it means no more than that they can be named where its module can be: the methods of the
/// handle keep the visibility of the user's own. Aliases by the derive, hidden names behind `use`, or a macro of the
/// derive would follow the state's visibility, and cost the variants in the docs, the names in rustc's messages, or
/// impl blocks in other modules. It is why `private_interfaces` and `unreachable_pub` are allowed.
pub(crate) struct Expansion<'a> {
    model: &'a BlockModel<'a>,
    self_ty: &'a Type,
    /// `::walr::__private`.
    private: TokenStream,
    /// The name of `private` in this module, for serde's attributes: they hold paths as text.
    private_alias: Ident,
    log: Ident,
    outcome: Ident,
    mutations: Ident,
    places: Ident,
    /// The generics that the log's fields use, those that the outcome's use, and those of the block.
    log_generics: Generics,
    outcome_generics: Generics,
    generics: &'a Generics,
    /// What every item bears: the block's `#[cfg]`, and the lints that aren't the user's to answer for.
    attrs: TokenStream,
}

impl<'a> Expansion<'a> {
    pub(crate) fn of(model: &'a BlockModel<'a>) -> Expansion<'a> {
        let self_ty = model.self_ty();
        let krate = model.krate;
        let generics = &model.block.generics;
        let fields =
            model.recorded().flat_map(|mutation| mutation.params.iter().map(|param| param.form.owned(self_ty)));
        let results = model.recorded().map(|mutation| mutation.result(self_ty));
        let conditions = user_attributes::conditions(&model.block.attrs);
        Expansion {
            model,
            self_ty,
            private: quote!(#krate::__private),
            private_alias: names::private(model.state),
            log: model.free(names::log(model.state)),
            outcome: model.free(names::outcome(model.state)),
            mutations: model.free(names::mutations(model.state)),
            places: names::places(model.state),
            log_generics: generics::used_by(generics, &fields.collect()),
            outcome_generics: generics::used_by(generics, &results.collect()),
            generics,
            attrs: quote! {
                #conditions
                #[allow(
                    clippy::all,
                    clippy::nursery,
                    clippy::pedantic,
                    clippy::restriction,
                    dead_code,
                    deprecated,
                    private_bounds,
                    private_interfaces,
                    unreachable_code,
                    unreachable_patterns,
                    unreachable_pub,
                    unused_imports,
                    unused_variables
                )]
            },
        }
    }

    pub(crate) fn expand(&self) -> TokenStream {
        let Expansion { attrs, private, private_alias, .. } = self;
        let log = log::expand(self);
        let recorded = recorded::expand(self);
        let handle = handle::expand(self);
        quote! {
            #attrs
            use #private as #private_alias;
            #log
            #recorded
            #handle
        }
    }

    /// `TableLog<K>`.
    fn log_ty(&self) -> TokenStream {
        let log = &self.log;
        let (_, arguments, _) = self.log_generics.split_for_impl();
        quote!(#log #arguments)
    }

    /// `TableOutcome<V>`.
    fn outcome_ty(&self) -> TokenStream {
        let outcome = &self.outcome;
        let (_, arguments, _) = self.outcome_generics.split_for_impl();
        quote!(#outcome #arguments)
    }

    /// `generics`, with the bounds that the log's fields can be recorded. Without generics there are none, so that what
    /// can't be recorded is an error at its own type, and not of everyone who uses the log.
    fn recordable(&self, generics: &Generics) -> Generics {
        let private = &self.private;
        let mut bounded = generics.clone();
        for param in self.model.recorded().flat_map(|mutation| &mutation.params) {
            let ty = param.form.item(self.self_ty).unwrap_or_else(|| param.form.owned(self.self_ty));
            if generics::mentions_any(&ty, generics) {
                bounded.make_where_clause().predicates.push(syn::parse_quote!(#ty: #private::Argument));
            }
        }
        bounded
    }
}

/// `quote!` whose locals no user's code can see or hide.
macro_rules! hidden {
    ($($tokens:tt)*) => { ::quote::quote_spanned!(::proc_macro2::Span::mixed_site()=> $($tokens)*) };
}
use hidden;

/// A doc comment.
fn doc(text: impl AsRef<str>) -> TokenStream {
    let text = format!(" {}", text.as_ref());
    quote!(#[doc = #text])
}
