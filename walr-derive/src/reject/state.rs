//! Rejects types that can't be a state, and options of a state that contradict each other.

use syn::{Data, DeriveInput};

use super::{encoding, left_out};
use crate::attributes::state::StateOptions;
use crate::errors::Errors;

/// Reports all mistakes in a state. Returns whether the type can have an impl of `WalState`.
pub(crate) fn check(input: &DeriveInput, options: &StateOptions, errors: &mut Errors) -> bool {
    encoding::check(input, errors);
    left_out::check(input, options.after_load.is_some(), errors);
    migrations(options, errors);
    if let Data::Union(union) = &input.data {
        errors
            .at(union.union_token, "a union can't be a state, because it can't be encoded: write a struct or an enum");
        return false;
    }
    if let Some(param) = input.generics.lifetimes().next() {
        errors.at(&param.lifetime, "a state can't have a lifetime: store owned values");
        return false;
    }
    true
}

fn migrations(options: &StateOptions, errors: &mut Errors) {
    let Some(oldest) = options.migrate_from.first() else { return };
    match options.version {
        None | Some(1) => {
            errors
                .at(oldest, "`migrate_from` names an earlier version, so this one is 2 or later: write `version = 2`");
        }
        Some(version) if options.migrate_from.len() >= version as usize => {
            let count = options.migrate_from.len();
            let message = format!(
                "`migrate_from` names {count} earlier versions, but version {version} has fewer: raise \
                         `version`, or shorten the list"
            );
            errors.at(oldest, message);
        }
        Some(_) => {}
    }
}
