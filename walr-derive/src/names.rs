//! Every identifier that the macros invent.

use quote::format_ident;
use syn::Ident;
use syn::ext::IdentExt;

/// What the handle's own methods, and those of the traits that it implements, are called: a mutation of such a name
/// couldn't be reached through the handle.
const RESERVED: &[&str] = &[
    "apply",
    "apply_batch",
    "borrow",
    "borrow_mut",
    "checkpoint",
    "clone",
    "clone_from",
    "clone_into",
    "close",
    "deref",
    "drop",
    "fmt",
    "from",
    "into",
    "read",
    "stats",
    "store",
    "sync",
    "to_owned",
    "try_from",
    "try_into",
    "type_id",
];

/// Whether the handle already has a method `name`.
pub(crate) fn is_reserved(name: &str) -> bool {
    RESERVED.contains(&name)
}

/// `CacheLog`.
pub(crate) fn log(state: &Ident) -> Ident {
    format_ident!("{}Log", state)
}

/// `CacheOutcome`.
pub(crate) fn outcome(state: &Ident) -> Ident {
    format_ident!("{}Outcome", state)
}

/// `CacheMutations`.
pub(crate) fn mutations(state: &Ident) -> Ident {
    format_ident!("{}Mutations", state)
}

/// The enum that counts the variants that `#[cfg]` leaves.
pub(crate) fn places(state: &Ident) -> Ident {
    format_ident!("__{}Places", state)
}

/// The struct that holds a variant's arguments while they are read.
pub(crate) fn slots(state: &Ident, variant: &Ident) -> Ident {
    format_ident!("__{}{}Slots", state, variant)
}

/// The name of a parameter whose pattern has none.
pub(crate) fn parameter(place: usize) -> Ident {
    format_ident!("argument_{}", place)
}

/// The name on disk of what is called `ident` in the source.
pub(crate) fn plain(ident: &Ident) -> String {
    ident.unraw().to_string()
}

/// The log's variant for the method `name`: `put_all` → `PutAll`.
pub(crate) fn variant(name: &Ident) -> Ident {
    let plain = plain(name);
    let mut camel = String::new();
    for word in plain.split('_') {
        let mut letters = word.chars();
        camel.extend(letters.next().into_iter().flat_map(char::to_uppercase));
        camel.push_str(letters.as_str());
    }
    // `self_` would be the keyword `Self`, which can't be raw; `_1` has no letter to begin with.
    match syn::parse_str::<Ident>(&camel) {
        Ok(_) => Ident::new(&camel, name.span()),
        Err(_) => format_ident!("{}_", if camel == "Self" { camel } else { format!("_{camel}") }, span = name.span()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variants_are_upper_camel_case() {
        let cases = [
            ("insert", "Insert"),
            ("put_all", "PutAll"),
            ("r#type", "Type"),
            ("set_x2_y", "SetX2Y"),
            ("_hidden", "Hidden"),
            ("self_", "Self_"),
            ("_1", "_1_"),
            ("über", "Über"),
        ];
        for (method, expected) in cases {
            let ident = syn::parse_str::<Ident>(method);
            assert!(ident.is_ok_and(|ident| variant(&ident) == expected), "{method}");
        }
    }

    #[test]
    fn reserved_names_are_sorted_and_single() {
        assert!(RESERVED.is_sorted_by(|a, b| a < b));
        assert!(is_reserved("read") && !is_reserved("open"));
    }
}
