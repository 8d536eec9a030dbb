//! The struct that `Durable` dereferences to, with a method for each mutation and query.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{FnArg, Ident, ReturnType, Type, Visibility};

use super::{Expansion, doc, hidden, user_attributes};
use crate::block::Method;
use crate::model::{MutationMethod, Parameter, QueryMethod};
use crate::parameter::ParameterForm;
use crate::types::{BorrowSearch, bare, without_self};
use crate::{names, text};

pub(crate) fn expand(expansion: &Expansion<'_>) -> TokenStream {
    let Expansion { attrs, mutations, generics, self_ty, private, model, .. } = expansion;
    let (impl_generics, arguments, where_clause) = generics.split_for_impl();
    let docs = doc(format!("The methods of a handle to a `{}`: its mutations and queries.", model.state));
    let name = mutations.to_string();
    let methods = methods(expansion);
    let example = example(expansion);
    hidden! {
        #docs
        #example
        #attrs
        pub struct #mutations #generics #where_clause {
            #[doc = " The open store."]
            __walr: #private::Handle<#self_ty>,
        }

        #methods

        #attrs
        #[automatically_derived]
        #[doc(hidden)]
        impl #impl_generics #private::Mutations<#self_ty> for #mutations #arguments #where_clause {
            fn new(handle: #private::Handle<#self_ty>) -> Self {
                #mutations { __walr: handle }
            }
        }

        #attrs
        #[automatically_derived]
        impl #impl_generics ::core::fmt::Debug for #mutations #arguments #where_clause {
            fn fmt(&self, formatter: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                formatter.debug_struct(#name).finish_non_exhaustive()
            }
        }
    }
}

/// Returns an example for the docs. It is text, because it may not compile without more of the user's code.
fn example(expansion: &Expansion<'_>) -> TokenStream {
    let state = names::snake(expansion.model.state);
    let call = |name: &Ident, params: &[Parameter<'_>]| {
        let passed = params.iter().filter(|param| param.record.is_none()).map(|param| names::plain(&param.name));
        format!("{state}.{name}({})", passed.collect::<Vec<_>>().join(", "))
    };
    let is_seen = |vis: &Visibility| !matches!(vis, Visibility::Inherited);
    let offered = || expansion.model.recorded().filter(|mutation| mutation.offered);
    let seen = offered().find(|mutation| is_seen(&mutation.method.vis));
    let Some(mutation) = seen.or_else(|| offered().next()) else { return TokenStream::new() };
    let mut lines = vec![
        String::new(),
        format!(" Call a handle `{state}: Durable<{}>` like the state itself:", text::of_type(expansion.self_ty)),
        String::new(),
        " ```text".to_owned(),
        format!(" {}.await?;", call(mutation.handle_name(), &mutation.params)),
    ];
    let query =
        expansion.model.queries.iter().find(|query| query.offered && !query.broken && is_seen(&query.method.vis));
    lines.extend(query.map(|query| format!(" {};", call(query.handle_name(), &query.params))));
    lines.push(" ```".to_owned());
    quote!(#(#[doc = #lines])*)
}

fn methods(expansion: &Expansion<'_>) -> TokenStream {
    let Expansion { attrs, mutations, generics, self_ty, private, model, .. } = expansion;
    let mut bounded = (*generics).clone();
    if !generics.params.is_empty() {
        // rustc doesn't know `Log` and `Outcome` from a plain `WalState` bound.
        let (krate, log_ty, outcome_ty) = (model.krate, expansion.log_ty(), expansion.outcome_ty());
        bounded = expansion.recordable(generics);
        bounded.make_where_clause().predicates.push(syn::parse_quote! {
            #self_ty: #krate::WalState + #private::Recorded<Log = #log_ty, Outcome = #outcome_ty>
        });
    }
    let (impl_generics, _, where_clause) = bounded.split_for_impl();
    let (_, arguments, _) = generics.split_for_impl();
    let offered = model.mutations.iter().filter(|mutation| mutation.offered);
    let mutation_methods = offered.map(|mutation| match mutation.broken {
        false => mutation_method(expansion, mutation),
        true => stub(expansion, mutation.method, mutation.handle_name(), Some(mutation)),
    });
    let query_methods = model.queries.iter().filter(|query| query.offered).map(|query| match query.broken {
        false => query_method(expansion, query),
        true => stub(expansion, query.method, query.handle_name(), None),
    });
    hidden! {
        #attrs
        impl #impl_generics #mutations #arguments #where_clause {
            #(#mutation_methods)*
            #(#query_methods)*
        }
    }
}

fn mutation_method(expansion: &Expansion<'_>, mutation: &MutationMethod<'_>) -> TokenStream {
    let Expansion { log, outcome, self_ty, private, model, .. } = expansion;
    let krate = model.krate;
    let docs = mutation_docs(expansion, mutation);
    let kept = user_attributes::of_method(&mutation.method.attrs, false);
    let (vis, name, variant) = (&mutation.method.vis, mutation.handle_name(), &mutation.variant);
    let result = mutation.result(self_ty);
    let passed = mutation.params.iter().filter(|param| param.record.is_none()).map(|param| {
        let (name, ty) = (&param.name, param.form.passed(self_ty));
        quote!(#name: #ty)
    });
    let recorded = mutation.params.iter().filter_map(|param| {
        let (name, ty) = (&param.name, param.form.passed(self_ty));
        let value = without_self(param.record?.clone(), self_ty);
        Some(quote!(let #name: #ty = #value;))
    });
    // Borrowed arguments are copied first, because they may borrow from an argument that is moved.
    let borrowed = mutation.params.iter().filter(|param| !matches!(param.form, ParameterForm::Value(_)));
    let stored = borrowed.map(|param| {
        let (name, value) = (&param.name, param.form.store(&param.name, self_ty, private));
        quote!(let #name = #value;)
    });
    let fields = mutation.params.iter().map(|param| &param.name);
    let value = quote!(#log::#variant { #(#fields),* });
    // At the span of the state's name, where rustc reports that the type is no state.
    let this = local("self");
    let outcome_of =
        quote_spanned!(self_ty.span()=> <#self_ty as #private::HandleMethods>::mutate(&#this.__walr, #value).await);
    hidden! {
        #docs
        #kept
        #vis async fn #name(&self, #(#passed),*) -> #krate::Result<#result> {
            #(#recorded)*
            #(#stored)*
            match #outcome_of {
                ::core::result::Result::Ok(#outcome::#variant(result)) => ::core::result::Result::Ok(result),
                ::core::result::Result::Ok(_) => ::core::result::Result::Err(#private::mismatch()),
                ::core::result::Result::Err(error) => ::core::result::Result::Err(error),
            }
        }
    }
}

fn query_method(expansion: &Expansion<'_>, query: &QueryMethod<'_>) -> TokenStream {
    let Expansion { self_ty, private, .. } = expansion;
    let sig = &query.method.sig;
    let mut docs = user_attributes::docs(&query.method.attrs, expansion.model);
    if docs.is_empty() {
        docs = doc(format!("Calls `{}::{}` on the state.", expansion.model.state, sig.ident));
    }
    let kept = user_attributes::of_method(&query.method.attrs, true);
    let (vis, name, method) = (&query.method.vis, query.handle_name(), &sig.ident);
    let result = query.result(self_ty);
    let generics = &sig.generics;
    let where_clause = generics.where_clause.as_ref().map(|clause| without_self(clause.to_token_stream(), self_ty));
    let passed = query.params.iter().map(|param| {
        let (name, ty) = (&param.name, without_self(param.ty.to_token_stream(), self_ty));
        quote!(#name: #ty)
    });
    let names = query.params.iter().map(|param| &param.name);
    let (this, state) = (local("self"), local("state"));
    // At the span of the result, where rustc reports a lifetime that the tokens don't show.
    let call = quote_spanned!(sig.output.span()=> <#self_ty>::#method(#state, #(#names),*));
    let answer = quote_spanned! {self_ty.span()=>
        <#self_ty as #private::HandleMethods>::query(&#this.__walr, |#state: &#self_ty| #call)
    };
    hidden! {
        #docs
        #kept
        #vis fn #name #generics (&self, #(#passed),*) -> #result #where_clause {
            #answer
        }
    }
}

fn mutation_docs(expansion: &Expansion<'_>, mutation: &MutationMethod<'_>) -> TokenStream {
    let attrs = &mutation.method.attrs;
    let state = expansion.model.state;
    // The sentence about all mutations goes before the user's sections, not into the last one.
    let (about, sections) = attrs.split_at(user_attributes::first_section(attrs));
    let (mut docs, sections) =
        (user_attributes::docs(about, expansion.model), user_attributes::docs(sections, expansion.model));
    if docs.is_empty() {
        docs = doc(format!("Calls `{state}::{}` on the state.", mutation.method.sig.ident));
    }
    let durable = doc(
        "The call is recorded before it is applied. It is as durable as the store's options say when it returns `Ok`.",
    );
    // The user's own section describes the inner result.
    let errors = match user_attributes::has_section(attrs, "Errors") {
        true => quote!(),
        false => {
            let text =
                doc("The outer error is the store's: its `fate()` tells whether the call may have been recorded.");
            quote!(#[doc = ""] #[doc = " # Errors"] #[doc = ""] #text)
        }
    };
    quote!(#docs #[doc = ""] #durable #[doc = ""] #sections #errors)
}

/// Returns a local that the user's code can neither see nor shadow, for use among tokens of another span.
fn local(name: &str) -> Ident {
    Ident::new(name, Span::mixed_site())
}

/// Expands to a stub for a method that was rejected, so that calls of it are no further errors.
fn stub(
    expansion: &Expansion<'_>,
    method: &Method,
    name: &Ident,
    mutation: Option<&MutationMethod<'_>>,
) -> TokenStream {
    let self_ty = expansion.self_ty;
    let sig = &method.sig;
    let is_never = matches!(&sig.output, ReturnType::Type(_, ty) if matches!(bare(ty), Type::Never(_)));
    if is_never || BorrowSearch::of_result(&sig.output).opaque.is_some() {
        return TokenStream::new();
    }
    let kept = user_attributes::conditions(&method.attrs);
    let (vis, generics) = (&method.vis, &sig.generics);
    let where_clause = generics.where_clause.as_ref().map(|clause| without_self(clause.to_token_stream(), self_ty));
    let recorded = |place: usize| {
        mutation.is_some_and(|mutation| {
            let first = sig.inputs.len() - mutation.params.len();
            place.checked_sub(first).is_some_and(|at| mutation.params[at].record.is_some())
        })
    };
    let passed = sig.inputs.iter().enumerate().filter_map(|(place, input)| match input {
        FnArg::Typed(param) if !recorded(place) => {
            let ty = without_self(param.ty.to_token_stream(), self_ty);
            Some(quote!(_: #ty))
        }
        _ => None,
    });
    let krate = expansion.model.krate;
    let result = match mutation {
        Some(mutation) => mutation.result(self_ty),
        None => crate::model::result(&sig.output, self_ty),
    };
    // In the parameters of an `async fn` rustc refuses hidden lifetimes.
    let (asyncness, output, body) = match mutation {
        Some(_) => (
            None,
            quote!(impl ::core::future::Future<Output = #krate::Result<#result>>),
            quote!(async { ::core::unreachable!() }),
        ),
        None => (sig.asyncness, result, quote!(::core::unreachable!())),
    };
    hidden! {
        #kept
        #[doc(hidden)]
        #vis #asyncness fn #name #generics (&self, #(#passed),*) -> #output #where_clause {
            #body
        }
    }
}
