//! Rejects mistakes. Each message is at the tokens to change, and says what to write instead.

mod determinism;
mod duplicates;
mod encoding;
mod left_out;
mod method;
mod siblings;
pub(crate) mod state;

use quote::ToTokens;
use syn::GenericParam;

use self::siblings::Siblings;
use crate::errors::Errors;
use crate::model::BlockModel;
use crate::names;

/// Reports all mistakes in a block, and marks the methods that have one as broken.
pub(crate) fn block(model: &mut BlockModel<'_>, errors: &mut Errors) {
    block_itself(model, errors);
    // A state with a lifetime has only stubs.
    let is_borrowing = model.block.generics.lifetimes().next().is_some();
    let refused = determinism::rows();
    for mutation in &mut model.mutations {
        let before = errors.count();
        if !mutation.broken {
            method::mutation(mutation, errors);
        }
        mutation.broken |= is_borrowing || errors.count() > before;
        // A mistake in the body leaves the signature usable.
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
    duplicates::variants(&mut model.mutations, errors);
    duplicates::disk_names(&mut model.mutations, errors);
    duplicates::handle_names(model, errors);
}

fn block_itself(model: &mut BlockModel<'_>, errors: &mut Errors) {
    let (block, state) = (model.block, model.state);
    if let Some(trait_) = &block.trait_ {
        let message = format!(
            "mutations belong in an inherent impl block, `impl {state} {{ … }}`: move them there, and call them \
             from this trait's methods"
        );
        errors.at(trait_, message);
    } else if model.mutations.is_empty() && block.unread.is_empty() {
        let message = "this block has no `#[mutation]`: mark the `&mut self` methods to record";
        errors.at(&block.self_ty, message);
    }
    for param in &block.generics.params {
        if let GenericParam::Lifetime(param) = param {
            errors.at(&param.lifetime, "a state can't have a lifetime: store owned values");
        }
    }
    let Some(siblings) = Siblings::of(block) else { return };
    model.is_second = siblings.has_block_above();
    if model.is_second {
        let message = format!(
            "`{state}` has a `#[walr::mutations]` block above: move the mutations there; other methods can stay in \
             a plain impl block"
        );
        errors.at(&block.self_ty, message);
        return;
    }
    let made = [names::log(state), names::outcome(state), names::mutations(state)];
    for name in made.into_iter().filter(|name| siblings.has(name)) {
        let message = format!(
            "`#[walr::mutations]` generates a type `{name}`, but this module has one already: rename yours, or \
             move `{state}` and this block to another module"
        );
        errors.at(&block.self_ty, message);
        model.taken.push(name);
    }
}
