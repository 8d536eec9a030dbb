//! Selects the block's generics that an item needs.

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::{GenericParam, Generics, Ident};

use crate::types::mentions;

/// Returns the generics that `tokens` mention, with those of their bounds that mention no others.
///
/// An enum can't have a parameter that no field uses. A marker variant would allow that, but each exhaustive `match`
/// of the user's would have to name it.
pub(crate) fn used_by(generics: &Generics, tokens: &TokenStream) -> Generics {
    let (kept, dropped): (Vec<_>, Vec<_>) = generics
        .params
        .iter()
        .filter(|param| !matches!(param, GenericParam::Lifetime(_)))
        .partition(|param| mentions(tokens.clone(), name(param)));
    let is_free = |bound: TokenStream| !dropped.iter().any(|param| mentions(bound.clone(), name(param)));
    let mut used = Generics::default();
    for param in &kept {
        let mut param = (*param).clone();
        if let GenericParam::Type(param) = &mut param {
            param.bounds = param.bounds.iter().filter(|bound| is_free(bound.to_token_stream())).cloned().collect();
        }
        used.params.push(param);
    }
    for predicate in generics.where_clause.iter().flat_map(|clause| &clause.predicates) {
        let predicate_tokens = predicate.to_token_stream();
        if is_free(predicate_tokens.clone()) && kept.iter().any(|param| mentions(predicate_tokens.clone(), name(param)))
        {
            used.make_where_clause().predicates.push(predicate.clone());
        }
    }
    used
}

/// Returns whether `tokens` mention one of the parameters of `generics`.
pub(crate) fn mentions_any(tokens: &TokenStream, generics: &Generics) -> bool {
    generics.params.iter().any(|param| mentions(tokens.clone(), name(param)))
}

fn name(param: &GenericParam) -> &Ident {
    match param {
        GenericParam::Type(param) => &param.ident,
        GenericParam::Const(param) => &param.ident,
        GenericParam::Lifetime(param) => &param.lifetime.ident,
    }
}

#[cfg(test)]
mod tests {
    use quote::quote;
    use syn::{ItemImpl, parse_quote};

    use super::*;

    #[test]
    fn only_what_is_used_stays() {
        let block: ItemImpl = parse_quote!(
            impl<K: Ord + Into<V>, V, const N: usize> Table<K, V, N>
            where
                K: Clone,
                V: Copy,
                K: From<V>,
            {
            }
        );
        let of = |tokens| {
            let used = used_by(&block.generics, &tokens);
            let clause = &used.where_clause;
            quote!(#used #clause).to_string()
        };
        assert_eq!(of(quote!(Vec<K>)), quote!(<K: Ord> where K: Clone).to_string());
        assert_eq!(of(quote!([u8; N])), quote!(<const N: usize>).to_string());
        assert_eq!(of(quote!(u8)), "");
    }
}
