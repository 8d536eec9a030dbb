//! Searches the items next to a block for those that clash with generated items: a second block of the same type, or a
//! type with the name of a generated one.
//!
//! A macro sees only its own block, so this module reads the block's source file. Without it rustc reports 21 errors
//! for a second block, and 4 for an imported `CacheOutcome`, most of them about generated code. It still does where
//! the file can't be read, and for a block inside a function.

use std::fs;

use syn::{Attribute, Ident, Item, ItemImpl, UseTree};

use crate::block::Block;

/// The items of a block's module, and the index of the block among them.
pub(super) struct Siblings {
    items: Vec<Item>,
    block: usize,
}

impl Siblings {
    /// Finds `block` in its source file.
    pub(super) fn of(block: &Block) -> Option<Siblings> {
        // Unit tests run without a compiler.
        if !proc_macro::is_available() {
            return None;
        }
        let path = proc_macro::Span::call_site().local_file()?;
        let block = syn::parse2(block.source.clone()).ok()?;
        Siblings::in_items(syn::parse_file(&fs::read_to_string(path).ok()?).ok()?.items, &block)
    }

    fn in_items(items: Vec<Item>, block: &ItemImpl) -> Option<Siblings> {
        let is_it = |other: &ItemImpl| other.self_ty == block.self_ty && other.items == block.items;
        if let Some(block) = items.iter().position(|item| marked(item).is_some_and(is_it)) {
            return Some(Siblings { items, block });
        }
        items.into_iter().find_map(|item| match item {
            Item::Mod(module) => Siblings::in_items(module.content?.1, block),
            _ => None,
        })
    }

    /// Returns whether a block of the same type comes before this one.
    pub(super) fn has_block_above(&self) -> bool {
        let block = marked(&self.items[self.block]);
        let above = self.items[..self.block].iter().filter_map(marked);
        above
            .filter(|above| !is_conditional(&above.attrs))
            .any(|above| block.is_some_and(|block| block.self_ty == above.self_ty))
    }

    /// Returns whether the module declares or imports a type `name`, not under a `#[cfg]`.
    pub(super) fn has(&self, name: &Ident) -> bool {
        self.items.iter().any(|item| match item {
            Item::Enum(item) => item.ident == *name && !is_conditional(&item.attrs),
            Item::Struct(item) => item.ident == *name && !is_conditional(&item.attrs),
            Item::Trait(item) => item.ident == *name && !is_conditional(&item.attrs),
            Item::Type(item) => item.ident == *name && !is_conditional(&item.attrs),
            Item::Union(item) => item.ident == *name && !is_conditional(&item.attrs),
            Item::Use(item) => imports(&item.tree, name) && !is_conditional(&item.attrs),
            _ => false,
        })
    }
}

/// Returns the impl block, if `item` is one under `#[walr::mutations]`.
fn marked(item: &Item) -> Option<&ItemImpl> {
    let is_ours = |attr: &Attribute| attr.path().segments.last().is_some_and(|last| last.ident == "mutations");
    match item {
        Item::Impl(block) if block.attrs.iter().any(is_ours) => Some(block),
        _ => None,
    }
}

fn is_conditional(attrs: &[Attribute]) -> bool {
    attrs.iter().any(|attr| attr.path().is_ident("cfg") || attr.path().is_ident("cfg_attr"))
}

fn imports(tree: &UseTree, name: &Ident) -> bool {
    match tree {
        UseTree::Path(path) => imports(&path.tree, name),
        UseTree::Name(import) => import.ident == *name,
        UseTree::Rename(import) => import.rename == *name,
        UseTree::Group(group) => group.items.iter().any(|tree| imports(tree, name)),
        UseTree::Glob(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use syn::{File, parse_quote};

    use super::*;

    fn siblings(file: File) -> Siblings {
        let block = parse_quote!(impl Cache { #[mutation] fn b(&mut self) {} });
        Siblings::in_items(file.items, &block).expect("the block is there")
    }

    #[test]
    fn a_block_above_is_found() {
        let second = |file| siblings(file).has_block_above();
        let other: Item = parse_quote!(
            #[walr::mutations]
            impl Cache {
                #[mutation]
                fn a(&mut self) {}
            }
        );
        let block: Item = parse_quote!(
            #[walr::mutations]
            impl Cache {
                #[mutation]
                fn b(&mut self) {}
            }
        );
        assert!(second(parse_quote!(#other #block)));
        assert!(second(parse_quote!(mod inner { #other struct Between; #block })));
        assert!(!second(parse_quote!(#block #other)), "the first of the two is not to blame");
        assert!(!second(parse_quote!(mod inner { #other } #block)), "another module's `Cache` is another type");
        assert!(!second(parse_quote!(#block)));
        assert!(!second(parse_quote!(#[walr::mutations] impl Ledger { #[mutation] fn a(&mut self) {} } #block)));
        assert!(!second(parse_quote!(#[walr::mutations] #[cfg(unix)] impl Cache {} #block)));
        assert!(!second(parse_quote!(#[cfg(unix)] #[walr::mutations] impl Cache {} #block)));
        assert!(!second(parse_quote!(impl Cache { fn a(&mut self) {} } #block)));
    }

    #[test]
    fn taken_names_are_found() {
        let name: Ident = parse_quote!(CacheLog);
        let is_taken = |file| siblings(file).has(&name);
        let block: Item = parse_quote!(
            #[walr::mutations]
            impl Cache {
                #[mutation]
                fn b(&mut self) {}
            }
        );
        assert!(is_taken(parse_quote!(pub(crate) struct CacheLog; #block)));
        assert!(is_taken(parse_quote!(mod inner { #block #[derive(Debug)] enum CacheLog {} })));
        assert!(is_taken(parse_quote!(use a::{b::CacheLog, c}; #block)));
        assert!(is_taken(parse_quote!(use a::B as CacheLog; #block)));
        assert!(!is_taken(parse_quote!(use CacheLog::*; use a::CacheLog as Other; fn f(log: CacheLog) {} #block)));
        assert!(!is_taken(parse_quote!(#[cfg(any())] pub struct CacheLog; #[cfg(any())] use a::CacheLog; #block)));
        assert!(!is_taken(parse_quote!(struct CacheLog; mod inner { #block })), "another module's");
    }
}
