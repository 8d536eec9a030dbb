//! The model of a block: its mutations and queries, borrowed from the user's code.

use proc_macro2::TokenStream;
use quote::{ToTokens, format_ident};
use syn::{Attribute, FnArg, Ident, Pat, Path, ReturnType, Type};

use crate::attributes::{MethodMark, MethodOptions, MethodRole};
use crate::block::{Block, Method};
use crate::errors::Errors;
use crate::names;
use crate::parameter::ParameterForm;
use crate::types::{bare, without_self};

/// The model of a state's impl block.
pub(crate) struct BlockModel<'a> {
    pub(crate) block: &'a Block,
    pub(crate) krate: &'a Path,
    /// The state's name. The names of generated items begin with it.
    pub(crate) state: &'a Ident,
    pub(crate) mutations: Vec<MutationMethod<'a>>,
    pub(crate) queries: Vec<QueryMethod<'a>>,
    /// True if a block above generates the items.
    pub(crate) is_second: bool,
    /// The names of generated items that the user's own types have.
    pub(crate) taken: Vec<Ident>,
}

/// A method marked `#[mutation]`.
pub(crate) struct MutationMethod<'a> {
    pub(crate) method: &'a Method,
    pub(crate) options: &'a MethodOptions,
    pub(crate) params: Vec<Parameter<'a>>,
    pub(crate) variant: Ident,
    /// True if it was rejected. Then it has no variant, and only a stub on the handle.
    pub(crate) broken: bool,
    /// True if the handle has it.
    pub(crate) offered: bool,
}

/// A method marked `#[query]`.
pub(crate) struct QueryMethod<'a> {
    pub(crate) method: &'a Method,
    pub(crate) options: &'a MethodOptions,
    pub(crate) params: Vec<Parameter<'a>>,
    pub(crate) broken: bool,
    pub(crate) offered: bool,
}

/// A parameter other than the receiver.
pub(crate) struct Parameter<'a> {
    pub(crate) pat: &'a Pat,
    pub(crate) name: Ident,
    pub(crate) ty: &'a Type,
    pub(crate) form: ParameterForm<'a>,
    /// The expression of `#[record(..)]`.
    pub(crate) record: Option<&'a TokenStream>,
    /// The parameter's `#[cfg]`.
    pub(crate) condition: Option<&'a Attribute>,
}

impl<'a> BlockModel<'a> {
    /// Borrows the model from `block`. Returns `None` if the block's type has no name.
    pub(crate) fn of(
        block: &'a Block,
        krate: &'a Path,
        marks: &'a [MethodMark],
        errors: &mut Errors,
    ) -> Option<BlockModel<'a>> {
        let Some(state) = last_name(&block.self_ty) else {
            errors.at(
                &block.self_ty,
                "a state is a struct or an enum of your own, and the type of this block is neither",
            );
            return None;
        };
        let mut model = BlockModel {
            block,
            krate,
            state,
            mutations: Vec::new(),
            queries: Vec::new(),
            is_second: false,
            taken: Vec::new(),
        };
        for (method, mark) in block.methods().zip(marks) {
            let params = params(method, mark);
            let broken = mark.broken;
            match &mark.role {
                MethodRole::Plain => {}
                MethodRole::Mutation(options) => {
                    let variant = names::variant(&method.sig.ident);
                    let offered = !options.replay_only;
                    model.mutations.push(MutationMethod { method, options, params, variant, broken, offered });
                }
                MethodRole::Query(options) => {
                    model.queries.push(QueryMethod { method, options, params, broken, offered: true });
                }
            }
        }
        Some(model)
    }

    pub(crate) fn self_ty(&self) -> &'a Type {
        bare(&self.block.self_ty)
    }

    /// Returns `name`, or another name if the user's code has it, so that the clash is the only error.
    pub(crate) fn free(&self, name: Ident) -> Ident {
        if self.taken.contains(&name) { format_ident!("__Walr{}", name) } else { name }
    }

    /// Returns the mutations that were not rejected.
    pub(crate) fn recorded(&self) -> impl Iterator<Item = &MutationMethod<'a>> {
        self.mutations.iter().filter(|mutation| !mutation.broken)
    }
}

impl MutationMethod<'_> {
    /// Returns the mutation's name on disk.
    pub(crate) fn disk_name(&self) -> String {
        match &self.options.name {
            Some(name) => name.value(),
            None => names::plain(&self.method.sig.ident),
        }
    }

    /// Returns the method's name on the handle.
    pub(crate) fn handle_name(&self) -> &Ident {
        self.options.handle.as_ref().unwrap_or(&self.method.sig.ident)
    }

    /// Returns the type of the method's result.
    pub(crate) fn result(&self, state: &Type) -> TokenStream {
        result(&self.method.sig.output, state)
    }
}

impl QueryMethod<'_> {
    /// Returns the method's name on the handle.
    pub(crate) fn handle_name(&self) -> &Ident {
        self.options.handle.as_ref().unwrap_or(&self.method.sig.ident)
    }

    /// Returns the type of the method's result.
    pub(crate) fn result(&self, state: &Type) -> TokenStream {
        result(&self.method.sig.output, state)
    }
}

pub(crate) fn result(output: &ReturnType, state: &Type) -> TokenStream {
    match output {
        ReturnType::Default => quote::quote!(()),
        ReturnType::Type(_, ty) => without_self(ty.to_token_stream(), state),
    }
}

fn last_name(ty: &Type) -> Option<&Ident> {
    match bare(ty) {
        Type::Path(path) if path.qself.is_none() => path.path.segments.last().map(|last| &last.ident),
        _ => None,
    }
}

fn params<'a>(method: &'a Method, mark: &'a MethodMark) -> Vec<Parameter<'a>> {
    let inputs = method.sig.inputs.iter().zip(&mark.records).enumerate();
    let param = |(place, (input, record)): (usize, (&'a FnArg, &'a Option<TokenStream>))| match input {
        FnArg::Receiver(_) => None,
        FnArg::Typed(typed) => {
            let name = match &*typed.pat {
                Pat::Ident(pat) => pat.ident.clone(),
                _ => names::parameter(place),
            };
            let form = ParameterForm::of(&typed.ty);
            let condition = typed.attrs.iter().find(|attr| attr.path().is_ident("cfg"));
            Some(Parameter { pat: &typed.pat, name, ty: &typed.ty, form, record: record.as_ref(), condition })
        }
    };
    inputs.filter_map(param).collect()
}
