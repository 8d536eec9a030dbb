//! The macros of walr: `#[derive(WalState)]` and `#[walr::mutations]`. Their docs are at the re-exports in `walr`.
//!
//! `macros` takes each call through four steps: parse the attributes (`attributes`), borrow a model from the user's
//! code (`model`), reject mistakes (`reject`), and generate code (`expand`).
#![forbid(unsafe_code)]

mod attributes;
mod block;
mod errors;
mod expand;
mod macros;
mod model;
mod names;
mod parameter;
mod reject;
mod text;
mod types;

use proc_macro::TokenStream;

/// Makes a type a state that walr can store; see `walr::WalState`.
#[proc_macro_derive(WalState, attributes(wal))]
pub fn derive_wal_state(input: TokenStream) -> TokenStream {
    macros::derive_wal_state(input.into()).into()
}

/// Records the mutations of an impl block; see `walr::mutations`.
#[proc_macro_attribute]
pub fn mutations(options: TokenStream, block: TokenStream) -> TokenStream {
    macros::mutations(options.into(), block.into()).into()
}

/// Marks a method as a mutation, inside a block under `#[walr::mutations]`; see `walr::mutations`.
///
/// `#[walr::mutations]` removes this attribute from its block, so rustc expands it only outside of a block.
#[proc_macro_attribute]
pub fn mutation(_: TokenStream, method: TokenStream) -> TokenStream {
    macros::mark_outside_block("mutation", method.into()).into()
}

/// Marks a method as a query, inside a block under `#[walr::mutations]`; see `walr::mutations`.
#[proc_macro_attribute]
pub fn query(_: TokenStream, method: TokenStream) -> TokenStream {
    macros::mark_outside_block("query", method.into()).into()
}
