//! Traits that the log or the outcome implements where all that it holds does: `PartialEq` for both, `Debug` for the
//! outcome.
//!
//! A bound on a type without parameters, such as `where Secret: PartialEq`, is an error where it doesn't hold. Written
//! `for<'w> Secret: PartialEq` it is looked at only where the trait is used.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, format_ident, quote};
use syn::{Generics, Ident, Index, Member};

use super::{Items, carried, generics, hidden};
use crate::model::{Mutation, Param};
use crate::names;

/// Expands the impls.
pub(super) fn expand(items: &Items<'_>) -> TokenStream {
    let log = Holder {
        items,
        name: &items.log,
        ty: items.log_ty(),
        generics: &items.log_generics,
        fields: |items, mutation| {
            let field = |param: &Param<'_>| (Member::Named(param.name.clone()), param.form.owned(items.self_ty));
            mutation.params.iter().map(field).collect()
        },
    };
    let outcome = Holder {
        items,
        name: &items.outcome,
        ty: items.outcome_ty(),
        generics: &items.outcome_generics,
        fields: |items, mutation| vec![(Member::Unnamed(Index::from(0)), mutation.result(items.self_ty))],
    };
    let (log_aliases, log_types) = log.held();
    let (outcome_aliases, outcome_types) = outcome.held();
    let log_eq = log.partial_eq(&log_types);
    let outcome_debug = outcome.debug(&outcome_types);
    let outcome_eq = outcome.partial_eq(&outcome_types);
    quote!(#log_aliases #log_eq #outcome_aliases #outcome_debug #outcome_eq)
}

/// The log or the outcome.
struct Holder<'a> {
    items: &'a Items<'a>,
    name: &'a Ident,
    ty: TokenStream,
    generics: &'a Generics,
    /// The fields of a mutation's variant, with their types.
    fields: fn(&Items<'_>, &Mutation<'_>) -> Vec<(Member, TokenStream)>,
}

impl Holder<'_> {
    /// Aliases for the types under a `#[cfg]`, and the types of all fields, each once.
    fn held(&self) -> (TokenStream, Vec<TokenStream>) {
        let mut aliases = TokenStream::new();
        let mut types: Vec<TokenStream> = Vec::new();
        for mutation in self.items.model.recorded() {
            let conditions = carried::cfgs(&mutation.method.attrs);
            for (_, ty) in (self.fields)(self.items, mutation) {
                let held = match conditions.is_empty() {
                    true => ty,
                    false => self.alias(types.len(), &ty, &conditions, &mut aliases),
                };
                if !types.iter().any(|other| other.to_string() == held.to_string()) {
                    types.push(held);
                }
            }
        }
        (aliases, types)
    }

    /// Declares an alias for a type under a `#[cfg]`. A bound can't be conditional, so where the condition doesn't hold,
    /// the alias is a type that implements all that is asked for.
    fn alias(&self, place: usize, ty: &TokenStream, conditions: &[TokenStream], to: &mut TokenStream) -> TokenStream {
        let attrs = &self.items.attrs;
        let alias = names::held(self.name, place);
        let generics = generics::used_by(self.generics, ty);
        let (_, arguments, where_clause) = generics.split_for_impl();
        let parameters = generics.type_params().map(|param| &param.ident);
        to.extend(quote! {
            #attrs
            #[allow(type_alias_bounds)]
            #[cfg(all(#(#conditions),*))]
            type #alias #generics #where_clause = #ty;

            #attrs
            #[allow(type_alias_bounds)]
            #[cfg(not(all(#(#conditions),*)))]
            type #alias #generics #where_clause = ::core::marker::PhantomData<fn() -> (#(#parameters,)*)>;
        });
        quote!(#alias #arguments)
    }

    fn debug(&self, held: &[TokenStream]) -> TokenStream {
        let arms = self.items.model.recorded().map(|mutation| {
            let conditions = carried::conditions(&mutation.method.attrs);
            let (pattern, values) = self.pattern(mutation, "value");
            let name = mutation.variant.to_string();
            hidden!(#conditions #pattern => formatter.debug_tuple(#name) #(.field(#values))* .finish(),)
        });
        let method = hidden! {
            fn fmt(&self, formatter: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                match *self { #(#arms)* }
            }
        };
        self.implementation(&quote!(::core::fmt::Debug), held, &method)
    }

    fn partial_eq(&self, held: &[TokenStream]) -> TokenStream {
        let arms = self.items.model.recorded().map(|mutation| {
            let conditions = carried::conditions(&mutation.method.attrs);
            let (left, left_values) = self.pattern(mutation, "left");
            let (right, right_values) = self.pattern(mutation, "right");
            let all = left_values.iter().zip(&right_values);
            let all = all.map(|(left, right)| hidden!(&& ::core::cmp::PartialEq::eq(#left, #right)));
            hidden!(#conditions (&#left, &#right) => true #(#all)*,)
        });
        let method = hidden! {
            fn eq(&self, other: &Self) -> bool {
                match (self, other) {
                    #(#arms)*
                    _ => false,
                }
            }
        };
        self.implementation(&quote!(::core::cmp::PartialEq), held, &method)
    }

    fn implementation(&self, of: &TokenStream, held: &[TokenStream], method: &TokenStream) -> TokenStream {
        let attrs = &self.items.attrs;
        let ty = &self.ty;
        let (generics, _, where_clause) = self.generics.split_for_impl();
        let predicates = where_clause.map(|clause| &clause.predicates).into_iter().flatten();
        hidden! {
            #attrs
            #[automatically_derived]
            impl #generics #of for #ty where #(#predicates,)* #(for<'w> #held: #of,)* {
                #method
            }
        }
    }

    /// The pattern of a mutation's variant, and the names that it gives to the fields. It says the same of a variant with
    /// named fields, of one with a field without a name, and of one without fields.
    fn pattern(&self, mutation: &Mutation<'_>, prefix: &str) -> (TokenStream, Vec<TokenStream>) {
        let (name, variant) = (self.name, &mutation.variant);
        let fields = (self.fields)(self.items, mutation);
        let members = fields.iter().map(|(member, _)| member);
        let bindings: Vec<_> = (0..fields.len())
            .map(|place| format_ident!("{prefix}_{place}", span = Span::mixed_site()).into_token_stream())
            .collect();
        (quote!(#name::#variant { #(#members: ref #bindings),* }), bindings)
    }
}
