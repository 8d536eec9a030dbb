//! Rejects signatures that a mutation or a query can't have.

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::{FnArg, GenericParam, Ident, Pat, ReceiverKind, ReturnType, Safety, Signature, Type};

use crate::errors::Errors;
use crate::model::{MutationMethod, Parameter, QueryMethod};
use crate::names;
use crate::parameter::suggestion;
use crate::text;
use crate::types::{BorrowSearch, bare};

pub(super) fn mutation(mutation: &MutationMethod<'_>, errors: &mut Errors) {
    let sig = &mutation.method.sig;
    mutation_receiver(sig, errors);
    qualifiers(sig, "a mutation", errors);
    for param in &sig.generics.params {
        let (kind, name) = match param {
            GenericParam::Lifetime(_) => continue,
            GenericParam::Type(param) => ("type", &param.ident),
            GenericParam::Const(param) => ("const", &param.ident),
        };
        let message =
            format!("a call is stored as a value, so a mutation can't have {kind} parameters: write a concrete type");
        errors.at(name, message);
    }
    for param in &mutation.params {
        mutation_param(param, errors);
    }
    if let ReturnType::Type(_, ty) = &sig.output
        && let Type::Never(never) = bare(ty)
    {
        errors.at(never, "a mutation that never returns can't be recorded: return a value, or nothing");
    }
    let loans = BorrowSearch::of_result(&sig.output);
    if let Some(opaque) = &loans.opaque {
        errors.at(opaque, "a mutation's result is a field of the outcome: name its type instead of `impl Trait`");
    } else if let Some(borrow) = &loans.borrow {
        errors.at(borrow, result_message("a mutation's", &sig.output));
    }
    match (mutation.options.replay_only, &mutation.options.handle) {
        (false, _) => reserved(mutation.handle_name(), "mutation", errors),
        (true, Some(handle)) => {
            errors.at(handle, "a `replay_only` mutation isn't on the handle: remove `handle`");
        }
        (true, None) => {}
    }
}

pub(super) fn query(query: &QueryMethod<'_>, errors: &mut Errors) {
    let sig = &query.method.sig;
    match sig.inputs.first() {
        Some(FnArg::Receiver(receiver)) => match &receiver.kind {
            ReceiverKind::Reference(_, _, None) => {}
            ReceiverKind::Reference(_, _, Some(mutability)) => {
                errors.at(mutability, "a query only reads: take `&self`, or mark the method `#[mutation]`");
            }
            _ => errors.at(receiver, "a query takes `&self`"),
        },
        _ => {
            let message = "a query takes `&self`: remove the mark from this associated function";
            errors.at(&sig.ident, message);
        }
    }
    qualifiers(sig, "a query", errors);
    let loans = BorrowSearch::of_result(&sig.output);
    if let Some(opaque) = &loans.opaque {
        let message = "a query's result leaves the state's lock: return a named, owned type instead of `impl Trait`";
        errors.at(opaque, message);
    } else if let Some(borrow) = &loans.borrow {
        errors.at(borrow, result_message("a query's", &sig.output));
    }
    reserved(query.handle_name(), "query", errors);
}

fn mutation_receiver(sig: &Signature, errors: &mut Errors) {
    match sig.inputs.first() {
        Some(FnArg::Receiver(receiver)) => match &receiver.kind {
            ReceiverKind::Reference(_, _, Some(_)) => {}
            ReceiverKind::Reference(_, _, None) => {
                let message = "a mutation takes `&mut self`: a method that only reads is a `#[query]`, or has no mark";
                errors.at(receiver, message);
            }
            ReceiverKind::Value => errors.at(receiver, "a mutation changes the state in place: take `&mut self`"),
            _ => errors.at(receiver, "a mutation's receiver must be written `&mut self`"),
        },
        _ => errors.at(&sig.ident, "a mutation takes `&mut self`: this function has no state to change"),
    }
}

fn qualifiers(sig: &Signature, what: &str, errors: &mut Errors) {
    if let Some(asyncness) = &sig.asyncness {
        let message = format!(
            "{what} runs under the state's lock, so it can't be `async`: await before the call, and pass \
                     the result"
        );
        errors.at(asyncness, message);
    }
    if let Safety::Unsafe(unsafety) = &sig.safety {
        let message = format!(
            "{what} can't be `unsafe`, because a replay calls it without checking its conditions: \
                         check them in the body"
        );
        errors.at(unsafety, message);
    }
    if let Some(abi) = &sig.abi {
        errors.at(abi, format_args!("{what} can't be `extern`: remove it"));
    }
}

fn mutation_param(param: &Parameter<'_>, errors: &mut Errors) {
    pattern(param.pat, errors);
    if let Some(condition) = param.condition {
        errors.at(condition, "a parameter can't have a `#[cfg]`: write two methods, each with a `#[cfg]` of its own");
    }
    if let Some(tokens) = param.record {
        record(tokens.clone(), errors);
    }
    let inner = match bare(param.ty) {
        Type::Reference(reference) if reference.mutability.is_some() => {
            let message = "an argument is stored, so a mutation can't write through it: take it by value or by `&`, \
                         and return the changed value";
            return errors.at(param.ty, message);
        }
        Type::Reference(reference) => match &reference.lifetime {
            Some(lifetime) if lifetime.ident == "static" => {
                let message = "a replayed argument doesn't live for `'static`: remove the lifetime";
                return errors.at(lifetime, message);
            }
            _ => bare(&reference.elem),
        },
        other => other,
    };
    let loans = BorrowSearch::of_argument(inner);
    if let Some(opaque) = &loans.opaque {
        let message = "an argument is a field of the log: write a concrete type instead of `impl Trait`";
        errors.at(opaque, message);
    } else if let Type::TraitObject(object) = inner {
        errors.at(object, "a trait object can't be stored: write a concrete type");
    } else if loans.borrow.is_some() {
        let instead = instead(param.ty);
        errors.at(param.ty, format_args!("a borrow inside an argument's type can't be stored: write {instead}"));
    }
}

fn pattern(pat: &Pat, errors: &mut Errors) {
    let message = match pat {
        Pat::Ident(pat) if pat.by_ref.is_none() && pat.subpat.is_none() => return,
        Pat::Wild(_) => "an argument is stored under its name: give it one, such as `_unused`",
        _ => "an argument is stored under its name: write a name here, and destructure it in the body",
    };
    errors.at(pat, message);
}

/// Checks the expression of `#[record(..)]`. It runs in the handle's method, not in the user's.
fn record(tokens: TokenStream, errors: &mut Errors) {
    let mut after_dot = false;
    for token in tokens {
        let message = match &token {
            TokenTree::Group(group) => {
                record(group.stream(), errors);
                None
            }
            TokenTree::Punct(punct) if punct.as_char() == '?' => {
                Some("a recorded expression can't return an error: handle the error inside it")
            }
            TokenTree::Ident(word) if word == "return" => {
                Some("a recorded expression can't `return`: end it with its value")
            }
            TokenTree::Ident(word) if word == "await" && after_dot => Some(
                "a recorded expression can't `.await`: await before the call, and pass the value as an \
                      argument",
            ),
            TokenTree::Ident(word) if word == "self" => Some(
                "a recorded expression is evaluated before the call reaches the state, so it can't use \
                      `self`: compute this in the body",
            ),
            _ => None,
        };
        after_dot = matches!(&token, TokenTree::Punct(punct) if punct.as_char() == '.');
        if let Some(message) = message {
            errors.at(token, message);
        }
    }
}

fn result_message(whose: &str, output: &ReturnType) -> String {
    let ReturnType::Type(_, ty) = output else { return String::new() };
    let instead = instead(ty);
    format!("{whose} result leaves the state's lock, so it can't borrow: return {instead}")
}

/// Returns the owned form of a type that borrows, if the tokens show it.
fn instead(ty: &Type) -> String {
    let owned = suggestion(ty);
    let is_known = !owned.contains(['\'', '&']) && owned != text::of_tokens(bare(ty).to_token_stream());
    if is_known { format!("`{owned}`") } else { "an owned type".to_owned() }
}

fn reserved(name: &Ident, role: &str, errors: &mut Errors) {
    let plain = names::plain(name);
    if names::is_reserved(&plain) {
        let message = format!(
            "the handle has a method `{plain}` of its own: rename this one, or give it another name on the handle \
             alone, `#[{role}(handle = \"…\")]`"
        );
        errors.at(name, message);
    }
}
