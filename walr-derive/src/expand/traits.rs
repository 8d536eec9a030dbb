//! The traits of the log and the outcome. The enum implements a trait if all types that it holds do.
//!
//! rustc refuses a bound that doesn't hold on a type without parameters, such as `where Secret: PartialEq`. It
//! accepts `where for<'w> Secret: PartialEq`, and checks it only where the trait is used. So a type that lacks a
//! trait is no error here: the checks in `recorded` report it once, at the user's own type.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, format_ident, quote};
use syn::{Generics, Ident, Index, Member};

use super::{Expansion, generics, hidden, user_attributes};
use crate::model::{MutationMethod, Parameter};
use crate::names;

/// The log or the outcome.
pub(super) struct GeneratedEnum<'a> {
    expansion: &'a Expansion<'a>,
    name: &'a Ident,
    ty: TokenStream,
    generics: &'a Generics,
    /// The fields of a mutation's variant, with their types.
    fields: fn(&Expansion<'_>, &MutationMethod<'_>) -> Vec<(Member, TokenStream)>,
    held: Vec<HeldType>,
}

/// The type of a field.
struct HeldType {
    /// The type in a bound.
    ty: TokenStream,
    /// An alias of the type. serde's attributes hold types as text, but a type's tokens may have a `$crate`, which
    /// has no text.
    alias: TokenStream,
    declaration: TokenStream,
    is_conditional: bool,
}

impl<'a> GeneratedEnum<'a> {
    pub(super) fn log(expansion: &'a Expansion<'a>) -> GeneratedEnum<'a> {
        GeneratedEnum {
            expansion,
            name: &expansion.log,
            ty: expansion.log_ty(),
            generics: &expansion.log_generics,
            fields: |expansion, mutation| {
                let field =
                    |param: &Parameter<'_>| (Member::Named(param.name.clone()), param.form.owned(expansion.self_ty));
                mutation.params.iter().map(field).collect()
            },
            held: Vec::new(),
        }
        .with_held()
    }

    pub(super) fn outcome(expansion: &'a Expansion<'a>) -> GeneratedEnum<'a> {
        GeneratedEnum {
            expansion,
            name: &expansion.outcome,
            ty: expansion.outcome_ty(),
            generics: &expansion.outcome_generics,
            fields: |expansion, mutation| vec![(Member::Unnamed(Index::from(0)), mutation.result(expansion.self_ty))],
            held: Vec::new(),
        }
        .with_held()
    }

    /// Adds the types of the fields, each once.
    fn with_held(mut self) -> Self {
        for mutation in self.expansion.model.recorded() {
            let conditions = user_attributes::cfgs(&mutation.method.attrs);
            for (_, ty) in (self.fields)(self.expansion, mutation) {
                let is_new = |held: &HeldType| held.is_conditional || held.ty.to_string() != ty.to_string();
                if !conditions.is_empty() || self.held.iter().all(is_new) {
                    self.held.push(self.hold(ty, &conditions));
                }
            }
        }
        self
    }

    /// Declares the alias of a type. A bound can't have a `#[cfg]`, so the alias of a type under a `#[cfg]` has it.
    /// If the `#[cfg]` is off, the alias is a type that implements all of the traits.
    fn hold(&self, ty: TokenStream, conditions: &[TokenStream]) -> HeldType {
        let attrs = &self.expansion.attrs;
        let name = names::held(self.name, self.held.len());
        let generics = generics::used_by(self.generics, &ty);
        let (_, arguments, where_clause) = generics.split_for_impl();
        let parameters = generics.type_params().map(|param| &param.ident);
        let otherwise = (!conditions.is_empty()).then(|| {
            quote! {
                #attrs
                #[allow(type_alias_bounds)]
                #[cfg(not(all(#(#conditions),*)))]
                type #name #generics #where_clause = ::core::marker::PhantomData<fn() -> (#(#parameters,)*)>;
            }
        });
        let declaration = quote! {
            #attrs
            #[allow(type_alias_bounds)]
            #(#[cfg(#conditions)])*
            type #name #generics #where_clause = #ty;
            #otherwise
        };
        let alias = quote!(#name #arguments);
        let is_conditional = !conditions.is_empty();
        let ty = if is_conditional { alias.clone() } else { ty };
        HeldType { ty, alias, declaration, is_conditional }
    }

    /// Expands to the aliases of types under a `#[cfg]`. The other bounds name the types themselves.
    pub(super) fn conditional_aliases(&self) -> TokenStream {
        self.held.iter().filter(|held| held.is_conditional).map(|held| held.declaration.clone()).collect()
    }

    /// Expands to the aliases of all types. serde's bounds need them.
    pub(super) fn aliases(&self) -> TokenStream {
        self.held.iter().map(|held| held.declaration.clone()).collect()
    }

    /// Expands to serde's derives on the enum, with bounds that compile also if they don't hold.
    pub(super) fn serde(&self) -> TokenStream {
        let Expansion { private, private_alias, .. } = self.expansion;
        let path = format!("{private_alias}::serde");
        let bound = |of: TokenStream| {
            let alias = self.held.iter().map(|held| &held.alias);
            quote!(#(for<'w> #alias: #private_alias::#of),*).to_string()
        };
        let (serialize, deserialize) = (bound(quote!(serde::Serialize)), bound(quote!(DeserializeOwned)));
        quote! {
            #[derive(#private::serde::Serialize, #private::serde::Deserialize)]
            #[serde(crate = #path, bound(serialize = #serialize, deserialize = #deserialize))]
        }
    }

    pub(super) fn clone(&self) -> TokenStream {
        let arms = self.arms(|mutation| {
            let (pattern, values) = self.pattern(mutation, "value");
            let members = (self.fields)(self.expansion, mutation).into_iter().map(|(member, _)| member);
            let (name, variant) = (self.name, &mutation.variant);
            let copy = hidden!(#name::#variant { #(#members: ::core::clone::Clone::clone(#values)),* });
            hidden!(#pattern => #copy,)
        });
        let method = hidden! {
            fn clone(&self) -> Self {
                match *self { #arms }
            }
        };
        self.implementation(&quote!(::core::clone::Clone), &method)
    }

    pub(super) fn debug(&self) -> TokenStream {
        let arms = self.arms(|mutation| {
            let (pattern, values) = self.pattern(mutation, "value");
            let name = mutation.variant.to_string();
            let fields = (self.fields)(self.expansion, mutation);
            let shown = match fields.first() {
                None => hidden!(formatter.write_str(#name)),
                Some((Member::Unnamed(_), _)) => hidden!(formatter.debug_tuple(#name) #(.field(#values))* .finish()),
                Some((Member::Named(_), _)) => {
                    let names = fields.iter().map(|(member, _)| match member {
                        Member::Named(name) => names::plain(name),
                        Member::Unnamed(_) => String::new(),
                    });
                    hidden!(formatter.debug_struct(#name) #(.field(#names, #values))* .finish())
                }
            };
            hidden!(#pattern => #shown,)
        });
        let method = hidden! {
            fn fmt(&self, formatter: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                match *self { #arms }
            }
        };
        self.implementation(&quote!(::core::fmt::Debug), &method)
    }

    pub(super) fn partial_eq(&self) -> TokenStream {
        let arms = self.arms(|mutation| {
            let (left, left_values) = self.pattern(mutation, "left");
            let (right, right_values) = self.pattern(mutation, "right");
            let all = left_values.iter().zip(&right_values);
            let all = all.map(|(left, right)| hidden!(&& ::core::cmp::PartialEq::eq(#left, #right)));
            hidden!((&#left, &#right) => true #(#all)*,)
        });
        let method = hidden! {
            fn eq(&self, other: &Self) -> bool {
                match (self, other) {
                    #arms
                    _ => false,
                }
            }
        };
        self.implementation(&quote!(::core::cmp::PartialEq), &method)
    }

    /// Returns an arm for each mutation, under its `#[cfg]`.
    fn arms(&self, arm: impl Fn(&MutationMethod<'_>) -> TokenStream) -> TokenStream {
        let mutations = self.expansion.model.recorded();
        mutations
            .map(|mutation| {
                let conditions = user_attributes::conditions(&mutation.method.attrs);
                let arm = arm(mutation);
                quote!(#conditions #arm)
            })
            .collect()
    }

    fn implementation(&self, of: &TokenStream, method: &TokenStream) -> TokenStream {
        let attrs = &self.expansion.attrs;
        let ty = &self.ty;
        let (generics, _, where_clause) = self.generics.split_for_impl();
        let predicates = where_clause.map(|clause| &clause.predicates).into_iter().flatten();
        let held = self.held.iter().map(|held| &held.ty);
        hidden! {
            #attrs
            #[automatically_derived]
            impl #generics #of for #ty where #(#predicates,)* #(for<'w> #held: #of,)* {
                #method
            }
        }
    }

    /// Returns the pattern of a mutation's variant, and the names that it binds. `Variant { .. }` also matches a
    /// variant with unnamed fields or without fields.
    fn pattern(&self, mutation: &MutationMethod<'_>, prefix: &str) -> (TokenStream, Vec<TokenStream>) {
        let (name, variant) = (self.name, &mutation.variant);
        let fields = (self.fields)(self.expansion, mutation);
        let members = fields.iter().map(|(member, _)| member);
        let bindings: Vec<_> = (0..fields.len())
            .map(|place| format_ident!("{prefix}_{place}", span = Span::mixed_site()).into_token_stream())
            .collect();
        (quote!(#name::#variant { #(#members: ref #bindings),* }), bindings)
    }
}
