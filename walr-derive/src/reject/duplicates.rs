//! Rejects two methods with the same name: as a variant, on disk, or on the handle.

use std::collections::{HashMap, HashSet};

use syn::Ident;

use crate::block::Method;
use crate::errors::Errors;
use crate::model::{BlockModel, MutationMethod};
use crate::names;

/// Reports each mutation that has the same `key` as an earlier one.
///
/// Mutations under `#[cfg]` may have one name, if only one of them is compiled. rustc reports it if both are.
fn unique<'m, 'a>(
    mutations: impl Iterator<Item = &'m mut MutationMethod<'a>>,
    key: impl Fn(&MutationMethod<'a>) -> String,
    mut report: impl FnMut(&MutationMethod<'a>, &Ident),
) where
    'a: 'm,
{
    let mut seen: HashMap<String, &'m Ident> = HashMap::new();
    for mutation in mutations {
        let name = &mutation.method.sig.ident;
        match seen.get(&key(mutation)) {
            Some(first) if !is_conditional(mutation.method) => {
                report(mutation, first);
                mutation.broken = true;
            }
            _ => {
                seen.insert(key(mutation), name);
            }
        }
    }
}

pub(super) fn variants(mutations: &mut [MutationMethod<'_>], errors: &mut Errors) {
    let key = |mutation: &MutationMethod<'_>| mutation.variant.to_string();
    unique(mutations.iter_mut(), key, |mutation, first| {
        let (name, variant) = (&mutation.method.sig.ident, &mutation.variant);
        let message = format!("`{name}` and `{first}` would both be the log's variant `{variant}`: rename one");
        errors.at(name, message);
    });
}

pub(super) fn disk_names(mutations: &mut [MutationMethod<'_>], errors: &mut Errors) {
    let sound = mutations.iter_mut().filter(|mutation| !mutation.broken);
    unique(sound, MutationMethod::disk_name, |mutation, first| {
        let name = mutation.disk_name();
        let message = format!("`{first}` has the name `{name}` on disk already: give this mutation another one");
        match &mutation.options.name {
            Some(name) => errors.at(name, message),
            None => errors.at(&mutation.method.sig.ident, message),
        }
    });
}

pub(super) fn handle_names(model: &mut BlockModel<'_>, errors: &mut Errors) {
    let mutations = model.mutations.iter_mut().filter(|mutation| mutation.offered);
    let mutations = mutations.map(|mutation| (mutation.method, mutation.options, &mut mutation.offered));
    let queries = model.queries.iter_mut().map(|query| (query.method, query.options, &mut query.offered));
    let mut seen = HashSet::new();
    for (method, options, offered) in mutations.chain(queries) {
        let name = options.handle.as_ref().unwrap_or(&method.sig.ident);
        if seen.insert(names::plain(name)) || is_conditional(method) {
            continue;
        }
        *offered = false;
        // Without the option it is the method's own name, and rustc reports the duplicate.
        if options.handle.is_some() {
            let message = format!("the handle has a method `{name}` from this block already: choose another name");
            errors.at(name, message);
        }
    }
}

fn is_conditional(method: &Method) -> bool {
    method.attrs.iter().any(|attr| attr.path().is_ident("cfg"))
}
