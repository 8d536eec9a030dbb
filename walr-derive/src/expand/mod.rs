//! Generates code from the model.

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

/// The names, types and attributes that all generated items of a block share.
///
/// The items are `pub`. The attribute can't see the state's visibility, and the items of a `pub` state must be `pub`,
/// because a private type can't be an associated type of a public one (E0446). For a private state it only means that
/// other modules can name the items where they can name the module. The handle's methods keep the visibility of the
/// user's methods. Three other ways follow the state's visibility, but lose more: with aliases made by the derive,
/// rustdoc shows no variants; with hidden names behind a `use`, rustc's messages show the hidden names; with a macro
/// made by the derive, the impl block can't be in another module. Therefore the lints `private_interfaces` and
/// `unreachable_pub` are allowed.
pub(crate) struct Expansion<'a> {
    model: &'a BlockModel<'a>,
    self_ty: &'a Type,
    /// The path `::walr::__private`.
    private: TokenStream,
    /// The name under which the block imports `private`. serde's attributes hold paths as text, which can't be a
    /// `$crate`.
    private_alias: Ident,
    log: Ident,
    outcome: Ident,
    mutations: Ident,
    places: Ident,
    /// The generics of the block, as far as the log's fields use them.
    log_generics: Generics,
    outcome_generics: Generics,
    generics: &'a Generics,
    /// The attributes of each item: the block's `#[cfg]`, and the lints that only the user's own code should obey.
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

    /// Returns `TableLog<K>`.
    fn log_ty(&self) -> TokenStream {
        let log = &self.log;
        let (_, arguments, _) = self.log_generics.split_for_impl();
        quote!(#log #arguments)
    }

    /// Returns `TableOutcome<V>`.
    fn outcome_ty(&self) -> TokenStream {
        let outcome = &self.outcome;
        let (_, arguments, _) = self.outcome_generics.split_for_impl();
        quote!(#outcome #arguments)
    }

    /// Returns `generics` with a bound for each of the log's fields that mentions one of them: that it can be
    /// recorded. The other fields are checked at their own types.
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

/// Quotes tokens whose locals the user's code can neither see nor shadow.
macro_rules! hidden {
    ($($tokens:tt)*) => { ::quote::quote_spanned!(::proc_macro2::Span::mixed_site()=> $($tokens)*) };
}
use hidden;

/// Returns a doc comment.
fn doc(text: impl AsRef<str>) -> TokenStream {
    let text = format!(" {}", text.as_ref());
    quote!(#[doc = #text])
}
