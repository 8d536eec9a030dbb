//! The macros, on tokens that tests can make.
//!
//! All mistakes of a call are reported at once. The user's own impl block is always emitted, so that the compiler's
//! other messages, and an editor, see it as it is.

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::parse::{ParseStream, Parser};
use syn::{Attribute, DeriveInput, Signature, Visibility};

use crate::block::Block;
use crate::errors::Errors;
use crate::expand::{self, Expansion};
use crate::model::BlockModel;
use crate::{attributes, reject};

/// Expands `#[derive(WalState)]`.
pub(crate) fn derive_wal_state(tokens: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let input: DeriveInput = match syn::parse2(tokens) {
        Ok(input) => input,
        Err(error) => return error.into_compile_error(),
    };
    let options = attributes::state::options(&input.attrs, &mut errors);
    let can_be_state = reject::state::check(&input, &options, &mut errors);
    let state = can_be_state.then(|| expand::state::expand(&input, &options));
    quote!(#errors #state)
}

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
    let marks = attributes::take_marks(&mut block, &mut errors);
    let mut model = BlockModel::of(&block, &krate, &marks, &mut errors);
    if let Some(model) = &mut model {
        reject::block(model, &mut errors);
    }
    // The items of a second block would clash with those of the first.
    let items = model.filter(|model| !model.is_second).map(|model| Expansion::of(&model).expand());
    quote!(#block #errors #items)
}

/// Expands `#[walr::mutation]` and `#[walr::query]` outside of a block, to the item and an error that says what is
/// missing.
pub(crate) fn mark_outside_block(mark: &str, item: TokenStream) -> TokenStream {
    let item = attributes::without_marks(item);
    let signature = |input: ParseStream<'_>| -> syn::Result<Signature> {
        input.call(Attribute::parse_outer)?;
        input.parse::<Visibility>()?;
        let signature = input.parse()?;
        input.parse::<TokenStream>()?;
        Ok(signature)
    };
    let message = match signature.parse2(item.clone()) {
        Ok(signature) if signature.receiver().is_some() => format!(
            "`#[{mark}]` belongs on a method in a block of mutations: put `#[walr::mutations]` on the impl block"
        ),
        Ok(_) => format!(
            "`#[{mark}]` belongs on a method of a state, but this function has no `self`: move it to the state's \
             impl block, under `#[walr::mutations]`"
        ),
        Err(_) => format!(
            "`#[{mark}]` belongs on a method: put `#[walr::mutations]` on the impl block, and `#[{mark}]` on its \
             methods"
        ),
    };
    let error = syn::Error::new(Span::call_site(), message).into_compile_error();
    quote!(#item #error)
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
        has("Call a handle `word_count: Durable<WordCount>` like the state itself");
        has("word_count.add(word).await?;");
        has("word_count.count(word);");
        has("Adds, see [`WordCount::count`].");
        has("The call is recorded before it is applied");
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
        let places = ["hidden()", "is recorded before", "# Errors", "Never."].map(|part| handle.find(part));
        assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{places:?} in {handle}");
        has("The value of `at`, recorded at the call.");
        has("Calls `WordCount::count` on the state.");
    }
}
