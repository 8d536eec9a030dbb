//! The impl block as the user wrote it. The bodies of methods are tokens that nothing parses: the macros don't need
//! to, and a body that is still being typed doesn't take the other methods with it.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use quote::{ToTokens, TokenStreamExt, quote};
use syn::parse::discouraged::Speculative;
use syn::parse::{Parse, ParseStream};
use syn::{Attribute, Generics, Ident, ImplItem, Lifetime, Signature, Token, Type, Visibility, token};

use crate::text;

/// An impl block.
pub(crate) struct Block {
    /// All tokens of the block.
    pub(crate) source: TokenStream,
    /// The tokens before the braces.
    header: TokenStream,
    braces: Group,
    /// The other attributes of the block.
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) generics: Generics,
    pub(crate) trait_: Option<Type>,
    pub(crate) self_ty: Type,
    inner_attrs: Vec<Attribute>,
    pub(crate) items: Vec<BlockItem>,
    /// The items that don't parse, each with the error.
    pub(crate) unread: Vec<(TokenStream, syn::Error)>,
}

/// An item of the block.
pub(crate) enum BlockItem {
    Method(Box<Method>),
    /// A constant, a type, or a macro call.
    Other(Box<ImplItem>),
}

/// A method or associated function.
pub(crate) struct Method {
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) vis: Visibility,
    defaultness: Option<Token![default]>,
    pub(crate) sig: Signature,
    pub(crate) body: TokenTree,
}

struct BlockHeader {
    attrs: Vec<Attribute>,
    generics: Generics,
    trait_: Option<Type>,
    self_ty: Type,
}

struct BlockBody {
    inner_attrs: Vec<Attribute>,
    items: Vec<BlockItem>,
    unread: Vec<(TokenStream, syn::Error)>,
}

impl Block {
    /// Parses the block under the attribute.
    pub(crate) fn parse(tokens: TokenStream) -> syn::Result<Block> {
        let mut header: Vec<TokenTree> = tokens.clone().into_iter().collect();
        let braces = match header.pop() {
            Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => group,
            last => return Err(not_an_impl(header.iter().chain(&last))),
        };
        let is_impl = |token: &TokenTree| matches!(token, TokenTree::Ident(word) if word == "impl");
        if !header.iter().any(is_impl) {
            return Err(not_an_impl(header.iter()));
        }
        let header: TokenStream = header.into_iter().collect();
        let parts: BlockHeader = syn::parse2(header.clone())?;
        let BlockBody { inner_attrs, items, unread } = syn::parse2(braces.stream())?;
        let BlockHeader { attrs, generics, trait_, self_ty } = parts;
        Ok(Block { source: tokens, header, braces, attrs, generics, trait_, self_ty, inner_attrs, items, unread })
    }

    fn braced(&self, body: TokenStream) -> Group {
        let mut braces = Group::new(Delimiter::Brace, body);
        braces.set_span(self.braces.span());
        braces
    }

    pub(crate) fn methods(&self) -> impl Iterator<Item = &Method> {
        self.items.iter().filter_map(|item| match item {
            BlockItem::Method(method) => Some(&**method),
            BlockItem::Other(_) => None,
        })
    }
}

fn not_an_impl<'a>(mut tokens: impl Iterator<Item = &'a TokenTree>) -> syn::Error {
    // The error is at the item's first word.
    let word = tokens.find(|token| matches!(token, TokenTree::Ident(_)));
    syn::Error::new_spanned(word, "`#[walr::mutations]` belongs on an inherent impl block: `impl Cache { … }`")
}

impl Parse for BlockHeader {
    fn parse(input: ParseStream<'_>) -> syn::Result<BlockHeader> {
        let attrs = input.call(Attribute::parse_outer)?;
        input.parse::<Option<Token![default]>>()?;
        // rustc refuses an unsafe inherent block.
        input.parse::<Option<Token![unsafe]>>()?;
        input.parse::<Token![impl]>()?;
        let mut generics = if has_generics(input) { input.parse()? } else { Generics::default() };
        input.parse::<Option<Token![!]>>()?;
        let first: Type = input.parse()?;
        let (trait_, self_ty) = match input.parse::<Option<Token![for]>>()? {
            None => (None, first),
            // rustc reports a type that is no trait.
            Some(_) => (Some(first), input.parse()?),
        };
        generics.where_clause = input.parse()?;
        Ok(BlockHeader { attrs, generics, trait_, self_ty })
    }
}

/// Returns whether the `<` after `impl` begins generics. It can also begin a type, as in `impl <T as Trait>::Type`.
fn has_generics(input: ParseStream<'_>) -> bool {
    input.peek(Token![<])
        && (input.peek2(Token![>])
            || input.peek2(Token![#])
            || input.peek2(Token![const])
            || (input.peek2(Ident) || input.peek2(Lifetime))
                && (input.peek3(Token![:]) && !input.peek3(Token![::])
                    || input.peek3(Token![,])
                    || input.peek3(Token![>])
                    || input.peek3(Token![=])))
}

impl Parse for BlockBody {
    fn parse(input: ParseStream<'_>) -> syn::Result<BlockBody> {
        let inner_attrs = input.call(Attribute::parse_inner)?;
        let mut body = BlockBody { inner_attrs, items: Vec::new(), unread: Vec::new() };
        while !input.is_empty() {
            let ahead = input.fork();
            match ahead.parse() {
                Ok(item) => {
                    body.items.push(item);
                    input.advance_to(&ahead);
                }
                Err(error) => body.unread.push((input.call(pass_item)?, error)),
            }
        }
        Ok(body)
    }
}

/// Returns the tokens of an item that doesn't parse: up to its body or its semicolon, or to the start of the next
/// item.
fn pass_item(input: ParseStream<'_>) -> syn::Result<TokenStream> {
    let mut tokens = TokenStream::new();
    let mut has_begun = false;
    while !input.is_empty() {
        if has_begun && (input.peek(Token![pub]) || input.peek(Token![#]) && input.peek2(token::Bracket)) {
            break;
        }
        let token: TokenTree = input.parse()?;
        let is_end = match &token {
            TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
            TokenTree::Punct(punct) => punct.as_char() == ';',
            _ => false,
        };
        has_begun |= matches!(&token, TokenTree::Ident(word) if word != "pub");
        tokens.append(token);
        if is_end {
            break;
        }
    }
    Ok(tokens)
}

impl Parse for BlockItem {
    fn parse(input: ParseStream<'_>) -> syn::Result<BlockItem> {
        let ahead = input.fork();
        let signature = Method::parse_signature(&ahead);
        match signature {
            Ok(_) if ahead.peek(token::Brace) || ahead.peek(Token![;]) => {
                let (attrs, vis, defaultness, sig) = Method::parse_signature(input)?;
                let body = input.parse()?;
                Ok(BlockItem::Method(Box::new(Method { attrs, vis, defaultness, sig, body })))
            }
            _ => Ok(BlockItem::Other(Box::new(input.parse()?))),
        }
    }
}

impl Method {
    /// Returns a hash of the parameters, the result and the body, which is the same under another name of the method.
    pub(crate) fn fingerprint(&self) -> u64 {
        let Signature { inputs, output, .. } = &self.sig;
        let body = &self.body;
        text::fingerprint(quote!(#inputs #output #body))
    }

    fn parse_signature(
        input: ParseStream<'_>,
    ) -> syn::Result<(Vec<Attribute>, Visibility, Option<Token![default]>, Signature)> {
        Ok((input.call(Attribute::parse_outer)?, input.parse()?, input.parse()?, input.parse()?))
    }
}

impl ToTokens for Block {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        tokens.extend(self.header.clone());
        let mut body = TokenStream::new();
        body.append_all(&self.inner_attrs);
        body.append_all(&self.items);
        tokens.append(self.braced(body));
        // rustc skips the rest of a block after an item that doesn't parse, so these items go into a second block.
        if !self.unread.is_empty() {
            tokens.extend(self.header.clone());
            tokens.append(self.braced(self.unread.iter().map(|(item, _)| item.clone()).collect()));
        }
    }
}

impl ToTokens for BlockItem {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        match self {
            BlockItem::Method(method) => {
                tokens.append_all(&method.attrs);
                method.vis.to_tokens(tokens);
                method.defaultness.to_tokens(tokens);
                method.sig.to_tokens(tokens);
                method.body.to_tokens(tokens);
            }
            BlockItem::Other(item) => item.to_tokens(tokens),
        }
    }
}

#[cfg(test)]
mod tests {
    use quote::quote;

    use super::*;

    fn parse(tokens: TokenStream) -> Block {
        Block::parse(tokens).unwrap()
    }

    #[test]
    fn a_body_that_does_not_parse_is_emitted_unchanged() {
        let source = quote! {
            impl<T: Clone> Cache<T> where T: Copy {
                #![allow(dead_code)]
                pub(crate) fn push(&mut self) -> u8 { self.entries. }
                const A: u8 = 1;
                fn other(&self) { let = 1; }
            }
        };
        let block = parse(source.clone());
        assert_eq!(block.methods().count(), 2);
        assert_eq!(block.to_token_stream().to_string(), source.to_string());
    }

    #[test]
    fn an_item_that_can_not_be_read_takes_no_other_with_it() {
        for unread in [
            quote!(#[mutation] pub fn pu),
            quote!(#[mutation] pub fn push(&mut self, entry: ) {}),
            quote!(#[doc = "a"] pub fn push(&mut self) ->),
            quote!(fn (&mut self) {}),
            quote!(pub fn push(&mut self entry: u8);),
        ] {
            let block = parse(quote!(impl A { #[a] fn first() {} #unread #[mutation] pub fn last(&mut self) {} }));
            let names: Vec<_> = block.methods().map(|method| method.sig.ident.to_string()).collect();
            assert_eq!(names, ["first", "last"], "{unread}");
            let emitted =
                quote!(impl A { #[a] fn first() {} #[mutation] pub fn last(&mut self) {} } impl A { #unread });
            assert_eq!(block.to_token_stream().to_string(), emitted.to_string());
        }
    }
}
