//! The identifiers that the macros generate, and the names that the handle reserves.

use quote::format_ident;
use syn::Ident;
use syn::ext::IdentExt;

/// The names of the handle's own methods and of its traits' methods. They hide a mutation of the same name.
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
    "linearizable",
    "read",
    "stats",
    "store",
    "sync",
    "to_owned",
    "try_from",
    "try_into",
    "type_id",
];

/// Returns whether the handle has a method `name` of its own.
pub(crate) fn is_reserved(name: &str) -> bool {
    RESERVED.contains(&name)
}

/// Returns `CacheLog` for `Cache`.
pub(crate) fn log(state: &Ident) -> Ident {
    format_ident!("{}Log", state)
}

/// Returns `CacheOutcome` for `Cache`.
pub(crate) fn outcome(state: &Ident) -> Ident {
    format_ident!("{}Outcome", state)
}

/// Returns `CacheMutations` for `Cache`.
pub(crate) fn mutations(state: &Ident) -> Ident {
    format_ident!("{}Mutations", state)
}

/// Returns the name of the enum that numbers the variants.
pub(crate) fn places(state: &Ident) -> Ident {
    format_ident!("__{}Places", state)
}

/// Returns the name of the alias of a type that `holder`, the log or the outcome, holds.
pub(crate) fn held(holder: &Ident, place: usize) -> Ident {
    format_ident!("__{}Held{}", holder, place)
}

/// Returns the name under which the block imports `walr::__private`.
pub(crate) fn private(state: &Ident) -> Ident {
    format_ident!("__{}Private", state)
}

/// Returns the name of a parameter whose pattern is no name.
pub(crate) fn parameter(place: usize) -> Ident {
    format_ident!("argument_{}", place)
}

/// Returns `ident` without `r#`.
pub(crate) fn plain(ident: &Ident) -> String {
    ident.unraw().to_string()
}

/// Returns `word_count` for `WordCount`: the variable of a handle in an example.
pub(crate) fn snake(state: &Ident) -> String {
    let mut snake = String::new();
    for letter in plain(state).chars() {
        if letter.is_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.extend(letter.to_lowercase());
    }
    snake
}

/// Returns the log's variant for a method: `PutAll` for `put_all`.
pub(crate) fn variant(name: &Ident) -> Ident {
    let plain = plain(name);
    let mut camel = String::new();
    for word in plain.split('_') {
        let mut letters = word.chars();
        camel.extend(letters.next().into_iter().flat_map(char::to_uppercase));
        camel.push_str(letters.as_str());
    }
    // `self_` would be the keyword `Self`, which can't be raw. `_1` doesn't begin with a letter.
    match syn::parse_str::<Ident>(&camel) {
        Ok(_) => Ident::new(&camel, name.span()),
        Err(_) => format_ident!("{}_", if camel == "Self" { camel } else { format!("_{camel}") }, span = name.span()),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::{Path, PathBuf};

    use syn::{FnArg, ImplItem, Item, ItemImpl, Type, Visibility};

    use super::*;

    /// The methods that every type has: through the prelude's traits, and through traits of std that a user may
    /// import.
    const OF_ALL_TYPES: [&str; 8] =
        ["borrow", "borrow_mut", "clone_into", "into", "to_owned", "try_from", "try_into", "type_id"];
    /// The provided methods of traits that the handle implements or could implement.
    const OF_ITS_TRAITS: [&str; 3] = ["clone_from", "drop", "from"];

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
    fn handles_are_snake_case() {
        for (state, expected) in [("Cache", "cache"), ("WordCount", "word_count"), ("Über", "über")] {
            assert!(syn::parse_str::<Ident>(state).is_ok_and(|ident| snake(&ident) == expected), "{state}");
        }
    }

    #[test]
    fn reserved_names_are_sorted_and_single() {
        assert!(RESERVED.is_sorted_by(|a, b| a < b));
        assert!(is_reserved("read") && is_reserved("linearizable") && !is_reserved("open"));
    }

    /// A new method of the handle must be reserved, and a reserved name must be a method of the handle.
    #[test]
    fn reserved_names_are_the_handles_methods() {
        let mut files = Vec::new();
        collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../walr/src"), &mut files);
        let mut methods = BTreeSet::new();
        for file in files {
            let source = fs::read_to_string(&file).unwrap();
            // Parsing takes longer than this check.
            if source.contains("Durable<") {
                let blocks = syn::parse_file(&source).unwrap().items;
                blocks.iter().for_each(|item| methods.extend(of_the_handle(item)));
            }
        }
        assert!(methods.contains("read") && methods.contains("fmt"), "not the handle's methods: {methods:?}");
        methods.extend(OF_ALL_TYPES.into_iter().chain(OF_ITS_TRAITS).map(str::to_owned));
        let reserved: BTreeSet<_> = RESERVED.iter().map(|&name| name.to_owned()).collect();
        assert_eq!(reserved, methods);
    }

    fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                collect(&path, files);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }

    /// Returns the names of the methods that this block adds to the handle for users of walr.
    fn of_the_handle(item: &Item) -> Vec<String> {
        let Item::Impl(ItemImpl { self_ty, trait_, items, .. }) = item else { return Vec::new() };
        if !is_handle(self_ty) {
            return Vec::new();
        }
        let methods = items.iter().filter_map(|item| match item {
            ImplItem::Fn(method) => Some(method),
            _ => None,
        });
        let seen = methods.filter(|method| {
            let is_public = trait_.is_some() || matches!(method.vis, Visibility::Public(_));
            is_public && matches!(method.sig.inputs.first(), Some(FnArg::Receiver(_)))
        });
        seen.map(|method| method.sig.ident.to_string()).collect()
    }

    fn is_handle(ty: &Type) -> bool {
        match ty {
            Type::Path(path) => path.path.segments.last().is_some_and(|last| last.ident == "Durable"),
            Type::Reference(reference) => is_handle(&reference.elem),
            _ => false,
        }
    }
}
