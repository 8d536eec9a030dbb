//! `Recorded` for the state: the schema and the replay.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;

use super::log::pattern;
use super::{Items, carried, generics, hidden};
use crate::model::Mutation;
use crate::{names, text};

pub(crate) fn expand(items: &Items<'_>) -> TokenStream {
    let Items { attrs, self_ty, private, mutations, generics, .. } = items;
    let (log_ty, outcome_ty) = (items.log_ty(), items.outcome_ty());
    let (impl_generics, arguments, where_clause) = generics.split_for_impl();
    let schema = schema(items);
    let fingerprint = text::fingerprint(items.model.block.source.clone());
    let apply = apply(items);
    let index = index(items);
    let results = results(items);
    hidden! {
        #attrs
        #[automatically_derived]
        impl #impl_generics #private::Recorded for #self_ty #where_clause {
            type Log = #log_ty;
            type Outcome = #outcome_ty;
            type Mutations = #mutations #arguments;
            const MUTATIONS: &'static [#private::Mutation] = &[#(#schema)*];
            const FINGERPRINT: u64 = #fingerprint;

            fn apply(&mut self, log: Self::Log) -> Self::Outcome {
                #apply
            }

            fn index(log: &Self::Log) -> usize {
                #index
            }
        }

        #results
    }
}

/// Asks of each result at its own type what it must be. Of those with parameters in them the bounds of `WalState` ask.
fn results(items: &Items<'_>) -> TokenStream {
    let Items { attrs, self_ty, private, generics, model, .. } = items;
    let checks = model.recorded().filter_map(|mutation| {
        let syn::ReturnType::Type(_, ty) = &mutation.method.sig.output else { return None };
        let result = mutation.result(self_ty);
        let conditions = carried::conditions(&mutation.method.attrs);
        let is_free = !generics::mentions_any(&result, generics);
        is_free.then(
            || quote_spanned!(ty.span()=> #conditions const _: () = <#result as #private::Returned>::IS_RETURNED;),
        )
    });
    hidden! {
        #attrs
        const _: () = { #(#checks)* };
    }
}

fn schema(items: &Items<'_>) -> impl Iterator<Item = TokenStream> {
    let private = &items.private;
    items.model.recorded().map(move |mutation| {
        let conditions = carried::conditions(&mutation.method.attrs);
        let name = mutation.disk_name();
        let faithful = faithful(items, mutation);
        let params = mutation.params.iter().map(|param| {
            let (name, ty) = (names::plain(&param.name), param.form.text());
            quote!((#name, #ty))
        });
        quote!(#conditions #private::Mutation { name: #name, params: &[#(#params),*], faithful: #faithful },)
    })
}

/// Whether the types of all arguments are known to be read back as they are written. With the trait in scope a type that isn't
/// known has its constant, and one that is known its own.
fn faithful(items: &Items<'_>, mutation: &Mutation<'_>) -> TokenStream {
    let Items { private, self_ty, .. } = items;
    let owned = mutation.params.iter().map(|param| param.form.owned(self_ty));
    match mutation.params.is_empty() {
        true => quote!(true),
        false => quote!({
            use #private::Doubtful as _;
            #(#private::Probe::<#owned>::FAITHFUL)&&*
        }),
    }
}

fn apply(items: &Items<'_>) -> TokenStream {
    let Items { log, outcome, model, .. } = items;
    let arms = model.recorded().map(|mutation| {
        let conditions = carried::conditions(&mutation.method.attrs);
        let (method, variant) = (&mutation.method.sig.ident, &mutation.variant);
        let arguments = mutation.params.iter().map(|param| param.form.lend(&param.name));
        let fields = mutation.params.iter().map(|param| &param.name);
        let pattern = match mutation.params.is_empty() {
            true => quote!(#log::#variant),
            false => quote!(#log::#variant { #(#fields),* }),
        };
        hidden!(#conditions #pattern => #outcome::#variant(Self::#method(self, #(#arguments),*)),)
    });
    hidden!(match log { #(#arms)* })
}

fn index(items: &Items<'_>) -> TokenStream {
    let arms = items.model.recorded().map(|mutation| {
        let conditions = carried::conditions(&mutation.method.attrs);
        let (pattern, place) = (pattern(items, mutation), items.place(mutation, "usize"));
        hidden!(#conditions #pattern => #place,)
    });
    hidden!(match *log { #(#arms)* })
}
