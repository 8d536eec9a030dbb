//! The attributes in a block of mutations: `#[mutation]`, `#[query]` and `#[record]`.

pub(crate) mod serde;
pub(crate) mod state;
mod value;

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use quote::{ToTokens, TokenStreamExt};
use syn::meta::ParseNestedMeta;
use syn::parse::Parser;
use syn::{Attribute, Expr, FnArg, Ident, LitStr, Meta, Pat, Path, parse_quote};

use self::value::{flag, identifier, once, path, text, unknown};
use crate::block::{Block, BlockItem, Method};
use crate::errors::Errors;
use crate::types::mentions;

/// The marks of a method and its parameters.
#[derive(Default)]
pub(crate) struct MethodMark {
    pub(crate) role: MethodRole,
    /// True if the attributes contradict each other. Then the method is not checked further.
    pub(crate) broken: bool,
    /// The expression of `#[record(..)]` for each parameter, the receiver included.
    pub(crate) records: Vec<Option<TokenStream>>,
}

#[derive(Default)]
pub(crate) enum MethodRole {
    #[default]
    Plain,
    Mutation(MethodOptions),
    Query(MethodOptions),
}

/// The options of `#[mutation(..)]` and `#[query(..)]`.
#[derive(Default)]
pub(crate) struct MethodOptions {
    /// The mutation's name on disk.
    pub(crate) name: Option<LitStr>,
    /// The method's name on the handle.
    pub(crate) handle: Option<Ident>,
    /// True if only old records hold the mutation, and the handle doesn't have it.
    pub(crate) replay_only: bool,
    /// True if the body may use clocks and the like.
    pub(crate) allow_nondeterminism: bool,
}

/// Removes walr's attributes from the block, and returns those of each method.
pub(crate) fn take_marks(block: &mut Block, errors: &mut Errors) -> Vec<MethodMark> {
    let mut marks = Vec::new();
    for item in &mut block.items {
        match item {
            BlockItem::Method(method) => {
                let mut mark = take_role(&mut method.attrs, errors);
                let is_mutation = matches!(mark.role, MethodRole::Mutation(_));
                for input in &mut method.sig.inputs {
                    mark.records.push(take_record(input, is_mutation, errors));
                }
                mark_as_used(method, &mark.records);
                marks.push(mark);
            }
            BlockItem::Other(other) => {
                if let Some(attrs) = other_attrs(other) {
                    for attr in attrs.extract_if(.., |attr| is_ours(attr)) {
                        errors.at(attr.path(), "only a method can be a mutation or a query");
                    }
                }
            }
        }
    }
    for (item, error) in &mut block.unread {
        let bare = without_marks(item.clone());
        // Of an unmarked method rustc reports the error, if it is one for rustc.
        if bare.to_string() != item.to_string() {
            errors.push(syn::Error::new(error.span(), format_args!("can't parse this method: {error}")));
        }
        *item = bare;
    }
    marks
}

/// Allows a parameter to be unused in the body, if a later recorded expression names it.
fn mark_as_used(method: &mut Method, records: &[Option<TokenStream>]) {
    for (place, input) in method.sig.inputs.iter_mut().enumerate() {
        let FnArg::Typed(parameter) = input else { continue };
        let Pat::Ident(pat) = &*parameter.pat else { continue };
        let mut later = records[place + 1..].iter().flatten();
        if later.any(|record| mentions(record.clone(), &pat.ident)) {
            parameter.attrs.push(parse_quote!(#[allow(unused_variables)]));
        }
    }
}

/// Returns `tokens` without walr's attributes. rustc's own errors about code that doesn't parse are better without
/// them.
pub(crate) fn without_marks(tokens: TokenStream) -> TokenStream {
    let mut tokens = tokens.into_iter().peekable();
    let mut bare = TokenStream::new();
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Punct(hash) if hash.as_char() == '#' && tokens.peek().is_some_and(is_mark) => {
                tokens.next();
            }
            TokenTree::Group(group) => {
                let mut inner = Group::new(group.delimiter(), without_marks(group.stream()));
                inner.set_span(group.span());
                bare.append(inner);
            }
            other => bare.append(other),
        }
    }
    bare
}

/// Returns whether the token is `[mutation(..)]`, `[walr::query]`, `[record(..)]` or the like.
fn is_mark(token: &TokenTree) -> bool {
    let TokenTree::Group(group) = token else { return false };
    let path = group.stream().into_iter().take_while(|token| !matches!(token, TokenTree::Group(_)));
    let path: String = path.map(|token| token.to_string()).collect();
    group.delimiter() == Delimiter::Bracket
        && ["mutation", "query", "record"].contains(&path.trim_start_matches("walr::"))
}

fn is_ours(attr: &Attribute) -> bool {
    is(attr, "mutation") || is(attr, "query")
}

/// Returns whether the attribute is `name` or `walr::name`.
fn is(attr: &Attribute, name: &str) -> bool {
    let path = attr.path();
    let with_crate = path.segments.len() == 2 && path.segments[0].ident == "walr" && path.segments[1].ident == name;
    path.is_ident(name) || with_crate
}

fn other_attrs(item: &mut syn::ImplItem) -> Option<&mut Vec<Attribute>> {
    match item {
        syn::ImplItem::Const(item) => Some(&mut item.attrs),
        syn::ImplItem::Type(item) => Some(&mut item.attrs),
        syn::ImplItem::Macro(item) => Some(&mut item.attrs),
        _ => None,
    }
}

fn take_role(attrs: &mut Vec<Attribute>, errors: &mut Errors) -> MethodMark {
    let mut mark = MethodMark::default();
    for attr in attrs.extract_if(.., |attr| is_ours(attr)) {
        let is_mutation = is(&attr, "mutation");
        let message = match &mark.role {
            MethodRole::Plain => None,
            MethodRole::Mutation(_) if is_mutation => {
                Some("`#[mutation]` is on this method twice: keep one, with all options")
            }
            MethodRole::Query(_) if !is_mutation => Some("`#[query]` is on this method twice: keep one"),
            _ => Some(
                "a method can't be both a `#[mutation]` and a `#[query]`: keep `#[mutation]` if it changes \
                       the state, or else `#[query]`",
            ),
        };
        if let Some(message) = message {
            errors.at(attr.path(), message);
            mark.broken = true;
            continue;
        }
        let options = method_options(&attr, is_mutation, errors);
        mark.role = if is_mutation { MethodRole::Mutation(options) } else { MethodRole::Query(options) };
    }
    mark
}

fn method_options(attr: &Attribute, is_mutation: bool, errors: &mut Errors) -> MethodOptions {
    let mut options = MethodOptions::default();
    let known = match is_mutation {
        true => "`name = \"…\"`, `handle = \"…\"`, `replay_only` and `allow_nondeterminism`",
        false => "`handle = \"…\"`",
    };
    let mut given = Vec::new();
    let parse = |meta: ParseNestedMeta<'_>| {
        once(&meta, &mut given)?;
        if meta.path.is_ident("name") && is_mutation {
            options.name = Some(text(&meta)?);
        } else if meta.path.is_ident("handle") {
            options.handle = Some(identifier(&text(&meta)?)?);
        } else if meta.path.is_ident("replay_only") && is_mutation {
            options.replay_only = flag(&meta)?;
        } else if meta.path.is_ident("allow_nondeterminism") && is_mutation {
            options.allow_nondeterminism = flag(&meta)?;
        } else {
            return Err(unknown(&meta, known));
        }
        Ok(())
    };
    match &attr.meta {
        Meta::Path(_) => {}
        Meta::List(_) => {
            errors.ok(attr.parse_nested_meta(parse));
        }
        Meta::NameValue(meta) => {
            let name = meta.path.to_token_stream();
            errors.at(&meta.value, format_args!("options go in parentheses: `#[{name}(name = \"…\")]`"));
        }
    }
    options
}

fn take_record(input: &mut FnArg, is_mutation: bool, errors: &mut Errors) -> Option<TokenStream> {
    let attrs = match input {
        FnArg::Receiver(receiver) => &mut receiver.attrs,
        FnArg::Typed(parameter) => &mut parameter.attrs,
    };
    let attr = attrs.extract_if(.., |attr| is(attr, "record")).next()?;
    if !is_mutation {
        errors.at(attr.path(), "only a `#[mutation]` records its arguments");
        return None;
    }
    let expression = match &attr.meta {
        Meta::List(list) => list.parse_args::<Expr>(),
        other => Err(syn::Error::new_spanned(
            other,
            "`#[record]` needs an expression, which each call evaluates once: `#[record(SystemTime::now())]`",
        )),
    };
    errors.ok(expression).map(ToTokens::into_token_stream)
}

/// Returns the path to walr: that of `#[walr::mutations(crate = path)]`, or `::walr`.
pub(crate) fn block_options(tokens: TokenStream, errors: &mut Errors) -> Path {
    let mut krate = None;
    let parser = syn::meta::parser(|meta| {
        if meta.path.is_ident("crate") {
            krate = Some(path(&meta)?);
            Ok(())
        } else {
            Err(unknown(&meta, "`crate = path`"))
        }
    });
    errors.ok(parser.parse2(tokens));
    krate.unwrap_or_else(default_crate)
}

pub(crate) fn default_crate() -> Path {
    parse_quote!(::walr)
}
