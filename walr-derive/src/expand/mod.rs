//! From the model to code.

pub(crate) mod derive;
mod fields;
mod generics;
mod handle;
mod log;
mod recorded;
#[cfg(test)]
mod tests_listing;
mod traits;
mod user_attributes;

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::parse::{ParseStream, Parser};
use syn::{Attribute, Generics, Ident, Signature, Type, Visibility};

use crate::block::Block;
use crate::errors::Errors;
use crate::model::BlockModel;
use crate::{attributes, names, reject};

/// Expands `#[walr::mutations]`.
pub(crate) fn mutations(options: TokenStream, tokens: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let krate = attributes::block_options(options, &mut errors);
    let mut block = match Block::parse(tokens.clone()) {
        Ok(block) => block,
        Err(error) => {
            errors.push(error);
            let tokens = attributes::without_marks(tokens);
            return quote!(#tokens #errors);
        }
    };
    let marks = attributes::strip(&mut block, &mut errors);
    let mut model = BlockModel::of(&block, &krate, &marks, &mut errors);
    if let Some(model) = &mut model {
        reject::check(model, &mut errors);
    }
    // A second block's expansion would clash with those of the first.
    let expansion = model.filter(|model| !model.is_second).map(|model| Expansion::of(&model).expand());
    quote!(#block #errors #expansion)
}

/// Expands `#[walr::mutation]` and `#[walr::query]` outside of a block: the item as it is, and what is missing.
pub(crate) fn alone(mark: &str, item: TokenStream) -> TokenStream {
    let item = attributes::without_marks(item);
    let signature = |input: ParseStream<'_>| -> syn::Result<Signature> {
        input.call(Attribute::parse_outer)?;
        input.parse::<Visibility>()?;
        let signature = input.parse()?;
        input.parse::<TokenStream>()?;
        Ok(signature)
    };
    let message = match signature.parse2(item.clone()) {
        Ok(signature) if signature.receiver().is_some() => {
            format!(
                "`#[{mark}]` marks a method inside a block of mutations: put `#[walr::mutations]` on the impl block"
            )
        }
        Ok(_) => format!(
            "`#[{mark}]` marks a method of a state, and this has no `self`: move it into the state's impl block, under \
             `#[walr::mutations]`"
        ),
        Err(_) => {
            format!("`#[{mark}]` marks one method: put `#[walr::mutations]` on the impl block, and this on its methods")
        }
    };
    let error = syn::Error::new(Span::call_site(), message).into_compile_error();
    quote!(#item #error)
}

/// What all generated expansion of a block share.
///
/// The expansion are `pub`, whatever the state is. The attribute can't see the state's visibility, and a `pub` state needs
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
    fn of(model: &'a BlockModel<'a>) -> Expansion<'a> {
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

    fn expand(&self) -> TokenStream {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(block: TokenStream) -> String {
        mutations(TokenStream::new(), block).to_string()
    }

    #[test]
    fn the_users_block_comes_first_and_unchanged_also_with_mistakes() {
        for method in [
            quote!(
                pub fn push(&mut self, entry: String) -> usize {
                    self.entries.len()
                }
            ),
            quote!(pub async fn push(self, entry: &mut String) -> &str { self. }),
            quote!(pub fn push<T>(&self, (a, b): (u8, T)) -> impl Fn() { SystemTime::now() let }),
        ] {
            let block = quote!(impl Cache { #[doc = "a"] #[mutation(name = "b")] #method const A: u8 = 1; });
            let own = quote!(impl Cache { #[doc = "a"] #method const A: u8 = 1; }).to_string();
            assert!(expanded(block).starts_with(&own), "{own}");
        }
    }

    #[test]
    fn docs_are_carried_and_completed() {
        let text = expanded(quote!(
            impl WordCount {
                #[mutation]
                fn reset(&mut self) {}

                #[doc = " Adds, see [`Self::count`]."]
                #[mutation]
                pub fn add(&mut self, word: &str, #[record(now())] at: u64) {}

                #[query]
                pub fn count(&self, word: &str) -> u64 { 1 }
            }
        ));
        let has = |part: &str| assert!(text.contains(part), "no {part:?} in {text}");
        has("A handle `word_count: Durable<WordCount>` is called");
        has("word_count.add(word).await?;");
        has("word_count.count(word);");
        has("Adds, see [`WordCount::count`].");
        has("Recorded before it is applied");
        has("A call of `add`.");
        let sections = expanded(quote!(
            impl WordCount {
                #[doc = " Adds."]
                #[doc = " ```"]
                #[doc = " # hidden();"]
                #[doc = " ```"]
                #[doc = " # Errors"]
                #[doc = " Never."]
                #[mutation]
                pub fn add(&mut self, word: &str) {}
            }
        ));
        let handle = &sections[sections.find("impl WordCountMutations").unwrap_or_default()..];
        let places = ["hidden()", "Recorded before", "# Errors", "Never."].map(|part| handle.find(part));
        assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{places:?} in {handle}");
        has("The value of `at`, recorded at the call.");
        has("Calls `WordCount::count` on the state.");
    }
}
