//! The impl of `Recorded`: the schema, and how a logged value is applied.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;

use super::{Expansion, generics, hidden, user_attributes};
use crate::model::MutationMethod;
use crate::{names, text};

pub(crate) fn expand(expansion: &Expansion<'_>) -> TokenStream {
    let places = places(expansion);
    let Expansion { attrs, self_ty, private, mutations, generics, .. } = expansion;
    let log_ty = checked(expansion, expansion.log_ty(), &arguments(expansion));
    let outcome_ty = checked(expansion, expansion.outcome_ty(), &results(expansion));
    let (impl_generics, arguments, where_clause) = generics.split_for_impl();
    let schema = schema(expansion);
    let result_traces = result_traces(expansion);
    let apply = apply(expansion);
    let index = index(expansion);
    let digest = digest(expansion);
    hidden! {
        #places

        #attrs
        #[automatically_derived]
        impl #impl_generics #private::Recorded for #self_ty #where_clause {
            type Log = #log_ty;
            type Outcome = #outcome_ty;
            type Mutations = #mutations #arguments;
            const MUTATIONS: &'static [#private::Mutation] = &[#(#schema)*];
            const RESULTS: &'static [::core::option::Option<fn() -> #private::Shape>] = {
                use #private::UnreadResult as _;
                &[#(#result_traces)*]
            };

            fn apply(&mut self, log: Self::Log) -> Self::Outcome {
                #apply
            }

            fn index(log: &Self::Log) -> usize {
                #index
            }

            fn digest(outcome: &Self::Outcome) -> ::core::option::Option<u64> {
                #digest
            }
        }
    }
}

/// Returns `ty`, the log or the outcome, under the condition that all types that it holds pass a check (see `Checked` in
/// walr). A type that can't be recorded or returned is one error, at the user's own type.
fn checked(expansion: &Expansion<'_>, ty: TokenStream, checks: &[TokenStream]) -> TokenStream {
    let private = &expansion.private;
    match checks.is_empty() {
        true => ty,
        false => quote!(<#ty as #private::Checked<{ #(#checks)* true }>>::Itself),
    }
}

fn arguments(expansion: &Expansion<'_>) -> Vec<TokenStream> {
    let Expansion { self_ty, private, generics, model, .. } = expansion;
    let mut checks = Vec::new();
    for mutation in model.recorded() {
        let conditions = user_attributes::conditions(&mutation.method.attrs);
        for param in &mutation.params {
            let ty = param.form.item(self_ty).unwrap_or_else(|| param.form.owned(self_ty));
            if !generics::mentions_any(&ty, generics) {
                let at = param.ty.span();
                checks.push(quote_spanned!(at=> #conditions let () = <#ty as #private::Argument>::IS_RECORDED;));
            }
        }
    }
    checks
}

fn results(expansion: &Expansion<'_>) -> Vec<TokenStream> {
    let Expansion { self_ty, private, generics, model, .. } = expansion;
    let check = |mutation: &MutationMethod<'_>| {
        let syn::ReturnType::Type(_, ty) = &mutation.method.sig.output else { return None };
        let result = mutation.result(self_ty);
        let conditions = user_attributes::conditions(&mutation.method.attrs);
        let is_free = !generics::mentions_any(&result, generics);
        is_free.then(|| quote_spanned!(ty.span()=> #conditions let () = <#result as #private::Returned>::IS_RETURNED;))
    };
    model.recorded().filter_map(check).collect()
}

fn result_traces(expansion: &Expansion<'_>) -> impl Iterator<Item = TokenStream> {
    let Expansion { self_ty, private, model, .. } = expansion;
    model.recorded().map(move |mutation| {
        let conditions = user_attributes::conditions(&mutation.method.attrs);
        if mutation.options.allow_nondeterminism {
            return quote!(#conditions ::core::option::Option::None,);
        }
        let result = mutation.result(self_ty);
        quote!(#conditions #private::ResultType::<#result>::TRACE,)
    })
}

fn schema(expansion: &Expansion<'_>) -> impl Iterator<Item = TokenStream> {
    let private = &expansion.private;
    expansion.model.recorded().map(move |mutation| {
        let conditions = user_attributes::conditions(&mutation.method.attrs);
        let name = mutation.disk_name();
        let reads_back = reads_back(expansion, mutation);
        let params = mutation.params.iter().map(|param| {
            let (name, ty) = (names::plain(&param.name), param.form.text());
            quote!((#name, #ty))
        });
        let result = match &mutation.method.sig.output {
            // A result that counts has a type, so that a replay sees whether it counted when the record was made.
            _ if mutation.options.allow_nondeterminism => String::new(),
            syn::ReturnType::Default => "()".to_owned(),
            syn::ReturnType::Type(_, ty) => text::of_type(ty),
        };
        let fingerprint = mutation.method.fingerprint();
        quote! {
            #conditions
            #private::Mutation {
                name: #name,
                params: &[#(#params),*],
                result: #result,
                reads_back: #reads_back,
                fingerprint: #fingerprint,
            },
        }
    })
}

/// Returns an expression that is true if walr lists the types of all arguments as types that read back. For a listed type `Probe`
/// has an inherent constant. For all others the constant is that of the trait.
fn reads_back(expansion: &Expansion<'_>, mutation: &MutationMethod<'_>) -> TokenStream {
    let Expansion { private, self_ty, .. } = expansion;
    let owned = mutation.params.iter().map(|param| param.form.owned(self_ty));
    match mutation.params.is_empty() {
        true => quote!(true),
        false => quote!({
            use #private::Unlisted as _;
            #(#private::Probe::<#owned>::READS_BACK)&&*
        }),
    }
}

fn apply(expansion: &Expansion<'_>) -> TokenStream {
    let Expansion { log, outcome, model, .. } = expansion;
    let arms = model.recorded().map(|mutation| {
        let conditions = user_attributes::conditions(&mutation.method.attrs);
        let (method, variant) = (&mutation.method.sig.ident, &mutation.variant);
        let arguments = mutation.params.iter().map(|param| param.form.lend(&param.name));
        let fields = mutation.params.iter().map(|param| &param.name);
        hidden!(#conditions #log::#variant { #(#fields),* } => #outcome::#variant(Self::#method(self, #(#arguments),*)),)
    });
    hidden!(match log { #(#arms)* })
}

/// Expands to an enum that numbers the variants. Only rustc knows which of them a `#[cfg]` removes.
fn places(expansion: &Expansion<'_>) -> TokenStream {
    let Expansion { attrs, places, model, .. } = expansion;
    let variants = model.recorded().map(|mutation| {
        let conditions = user_attributes::conditions(&mutation.method.attrs);
        let variant = &mutation.variant;
        quote!(#conditions #variant,)
    });
    quote!(#attrs enum #places { #(#variants)* })
}

fn index(expansion: &Expansion<'_>) -> TokenStream {
    let Expansion { log, places, model, .. } = expansion;
    let arms = model.recorded().map(|mutation| {
        let conditions = user_attributes::conditions(&mutation.method.attrs);
        let variant = &mutation.variant;
        hidden!(#conditions #log::#variant { .. } => #places::#variant as usize,)
    });
    hidden!(match *log { #(#arms)* })
}

/// Expands to the digest of each result. rustc selects by the type whether it counts: see `MutationResult` in walr.
fn digest(expansion: &Expansion<'_>) -> TokenStream {
    let Expansion { private, outcome, model, .. } = expansion;
    let arms = model.recorded().map(|mutation| {
        let conditions = user_attributes::conditions(&mutation.method.attrs);
        let variant = &mutation.variant;
        match mutation.options.allow_nondeterminism {
            true => hidden!(#conditions #outcome::#variant(_) => ::core::option::Option::None,),
            false => hidden! {
                #conditions
                #outcome::#variant(ref result) => (&&&#private::MutationResult(result)).__walr_digest(),
            },
        }
    });
    hidden! {
        use #private::DigestedResult as _;
        match *outcome { #(#arms)* }
    }
}
