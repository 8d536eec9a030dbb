//! What the macros refuse, each mistake at the tokens to change and with what to write instead.

mod determinism;
pub(crate) mod left_out;
mod method;
mod unique;

use quote::ToTokens;
use syn::GenericParam;

use crate::errors::Errors;
use crate::model::Model;
use crate::names;
use crate::siblings::Siblings;

/// Reports every mistake of the block, and marks the methods that hold one.
pub(crate) fn check(model: &mut Model<'_>, errors: &mut Errors) {
    block(model, errors);
    // Of a state that can't be one only stubs are left.
    let is_borrowing = model.block.generics.lifetimes().next().is_some();
    let refused = determinism::rows();
    for mutation in &mut model.mutations {
        let before = errors.count();
        if !mutation.broken {
            method::mutation(mutation, errors);
        }
        mutation.broken |= is_borrowing || errors.count() > before;
        // A body in need of change leaves all that is made of the signature as it is.
        if !mutation.options.allow_nondeterminism {
            determinism::check(mutation.method.body.to_token_stream(), &refused, errors);
        }
    }
    for query in &mut model.queries {
        let before = errors.count();
        if !query.broken {
            method::query(query, errors);
        }
        query.broken |= is_borrowing || errors.count() > before;
    }
    unique::variants(&mut model.mutations, errors);
    unique::disk_names(&mut model.mutations, errors);
    unique::handle_names(model, errors);
}

fn block(model: &mut Model<'_>, errors: &mut Errors) {
    let (block, state) = (model.block, model.state);
    if let Some(trait_) = &block.trait_ {
        let message = format!(
            "mutations stand in an inherent impl block: `impl {state} {{ … }}`; call them from this trait's methods"
        );
        errors.at(trait_, message);
    } else if model.mutations.is_empty() && block.unread.is_empty() {
        let message = "no method of this block is marked `#[mutation]`; mark the `&mut self` methods to record";
        errors.at(&block.self_ty, message);
    }
    for param in &block.generics.params {
        if let GenericParam::Lifetime(param) = param {
            errors.at(&param.lifetime, "a state owns what it holds, and can't have a lifetime; store owned values");
        }
    }
    let Some(siblings) = Siblings::of(block) else { return };
    model.is_second = siblings.has_block_above();
    if model.is_second {
        let message = format!(
            "`{state}` has a `#[walr::mutations]` block above; move the mutations there, and keep other methods in a \
             plain impl block"
        );
        errors.at(&block.self_ty, message);
        return;
    }
    let made = [names::log(state), names::outcome(state), names::mutations(state)];
    for name in made.into_iter().filter(|name| siblings.has(name)) {
        let message = format!(
            "`#[walr::mutations]` makes a type `{name}`, and this module has one of that name: rename yours, or move \
             `{state}` and this block into a module of their own"
        );
        errors.at(&block.self_ty, message);
        model.taken.push(name);
    }
}
