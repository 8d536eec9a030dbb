//! The names of fields and variants, told apart from their aliases.
//!
//! serde's derives list the names of fields and variants, and among them their aliases, without a word of which is which. A derived
//! identifier says which field or variant a name stands for: names of the same field have the same identifier.

use std::any::type_name;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::mem::discriminant;

use super::graph::{FieldStyle, Fields, Graph, NodeId, NodeKind, VariantNode};

/// The number of a derived identifier, which is that of a field or a variant within its type.
pub(super) type FieldIdentity = u64;

/// Returns the identity that a derived identifier stands for.
pub(super) fn identity<T>(identifier: &T) -> Option<FieldIdentity> {
    is_derived(type_name::<T>()).then(|| {
        let mut hasher = DefaultHasher::new();
        discriminant(identifier).hash(&mut hasher);
        hasher.finish()
    })
}

/// Returns whether an identifier's type is derived. Others may be a number or a text, which tell nothing of fields.
fn is_derived(type_name: &str) -> bool {
    type_name.contains("::__Field")
}

impl Graph {
    /// Returns whether the next pass can learn anything from these fields.
    pub(super) fn fields_have_more(&mut self, fields: &Fields) -> bool {
        if self.question(fields, false).is_some() {
            return true;
        }
        if !self.by_names || !matches!(fields.style, FieldStyle::Named(_)) {
            return self.any_has_more(&fields.nodes);
        }
        for (index, &field) in fields.nodes.iter().enumerate() {
            if self.has_more(field) {
                return true;
            }
            if self.height(field).is_none() {
                let count = self.field_names(fields).map_or(0, |names| names.len());
                let mut later = fields.nodes.iter().take(count).skip(index + 1);
                return self.question(fields, true).is_some() || later.any(|&field| self.has_more(field));
            }
        }
        false
    }

    /// Returns the next name to ask the type for.
    pub(super) fn unasked_field(&mut self, fields: &Fields) -> Option<&'static str> {
        let is_hiding = self.by_names && self.end_of_values(fields).is_some();
        self.question(fields, is_hiding)
    }

    /// Returns the next name to ask the type for, if the list may have aliases, or a field is hiding the later ones.
    fn question(&self, fields: &Fields, is_hiding: bool) -> Option<&'static str> {
        let FieldStyle::Named(names) = fields.style else { return None };
        let asked = self.identities.get(fields.nodes.first()?).map_or(0, Vec::len);
        let is_unread = |node: &NodeId| matches!(self.nodes[*node].kind, NodeKind::Unread);
        let asks = asked > 0 || names.len() > 1 && (is_hiding || fields.nodes.iter().any(is_unread));
        names.get(asked).filter(|_| asks).copied()
    }

    fn is_asked(&self, fields: &Fields) -> bool {
        let first = fields.nodes.first();
        first.is_some_and(|first| self.identities.get(first).is_some_and(|known| known.len() == fields.nodes.len()))
    }

    /// Returns the index of the first field without a value, if no further pass can learn anything from it.
    fn end_of_values(&mut self, fields: &Fields) -> Option<usize> {
        let end = fields.nodes.iter().position(|&node| self.height(node).is_none())?;
        (!self.has_more(fields.nodes[end])).then_some(end)
    }

    /// Notes which field the type reads for the next name. `first` is the node of the struct's first field.
    pub(super) fn note_field(&mut self, first: NodeId, identity: Option<FieldIdentity>) {
        self.identities.entry(first).or_default().push(identity);
        self.changes += 1;
    }

    /// Returns the first field after one without a value that can be read by its name.
    pub(super) fn hidden_field(&mut self, fields: &Fields) -> Option<(&'static str, NodeId)> {
        if !self.by_names || !self.is_asked(fields) {
            return None;
        }
        let end = self.end_of_values(fields)?;
        let names = self.field_names(fields)?;
        let mut later = names.iter().zip(&fields.nodes).skip(end + 1);
        later.find(|(_, node)| self.has_more(**node)).map(|(names, node)| (names[0], *node))
    }

    /// Returns the names of each named field. Returns `None` if it isn't known which names belong to the same field.
    pub(super) fn field_names(&self, fields: &Fields) -> Option<Vec<Vec<&'static str>>> {
        let FieldStyle::Named(names) = fields.style else { return Some(Vec::new()) };
        let alone = || Some(names.iter().map(|name| vec![*name]).collect());
        let Some(identities) = fields.nodes.first().and_then(|first| self.identities.get(first)) else {
            return alone();
        };
        let has_surplus = fields.nodes.iter().any(|node| matches!(self.nodes[*node].kind, NodeKind::Unread));
        let known: Vec<FieldIdentity> = identities.iter().copied().flatten().collect();
        match known.len() == names.len() {
            true => Some(groups(names.iter().copied().zip(known))),
            false if has_surplus => None,
            false => alone(),
        }
    }

    /// Returns the name of a field for a path.
    pub(super) fn field_name(&self, fields: &Fields, index: usize) -> Option<&'static str> {
        self.field_names(fields)?.get(index).and_then(|names| names.first().copied())
    }

    /// Notes which variant the type reads at this index.
    pub(super) fn note_variant(&mut self, id: NodeId, index: usize, identity: Option<FieldIdentity>) {
        if let NodeKind::Enum(_, variants) = &mut self.nodes[id].kind {
            variants[index].by_index = identity;
        }
    }

    /// Notes which variant the type reads for the name at this index.
    pub(super) fn note_variant_name(&mut self, id: NodeId, index: usize, identity: Option<FieldIdentity>) {
        self.changes += 1;
        if let NodeKind::Enum(_, variants) = &mut self.nodes[id].kind {
            variants[index].by_name = Some(identity);
        }
    }

    /// Returns the index of the next name to ask an explored enum for, if its list has aliases.
    pub(super) fn unasked_variant(&self, id: NodeId) -> Option<usize> {
        let NodeKind::Enum(_, variants) = &self.nodes[id].kind else { return None };
        let is_derived = variants.iter().any(|variant| variant.by_index.is_some());
        let has_surplus = (0..variants.len()).any(|index| !is_read(variants, index));
        variants.iter().position(|variant| is_derived && has_surplus && variant.by_name.is_none())
    }
}

/// Returns whether the type reads a variant of its own at this index. At the indexes of aliases, which follow those of all variants,
/// it reads none, or again the one that is `#[serde(other)]`.
fn is_read(variants: &[VariantNode], index: usize) -> bool {
    let identity = variants[index].by_index;
    identity.is_some() && variants[..index].iter().all(|before| before.by_index != identity)
}

/// Returns the variants that are read, in the order of their numbers, each with its names.
pub(super) fn variant_names(variants: &[VariantNode]) -> Vec<(&VariantNode, Vec<&'static str>)> {
    let is_asked = variants.iter().all(|variant| variant.by_name.flatten().is_some());
    if variants.is_empty() || !is_asked {
        return variants.iter().map(|variant| (variant, vec![variant.name])).collect();
    }
    let read = (0..variants.len()).filter(|&index| is_read(variants, index)).map(|index| &variants[index]);
    let names = |read: &VariantNode| {
        let own = variants.iter().filter(|variant| variant.by_name.flatten() == read.by_index);
        own.map(|variant| variant.name).collect()
    };
    read.map(|read| (read, names(read))).collect()
}

/// Returns the names of each identity, in the order of their first names.
fn groups(names: impl Iterator<Item = (&'static str, FieldIdentity)>) -> Vec<Vec<&'static str>> {
    let mut groups: Vec<(FieldIdentity, Vec<&'static str>)> = Vec::new();
    for (name, identity) in names {
        match groups.iter_mut().find(|(known, _)| *known == identity) {
            Some((_, names)) => names.push(name),
            None => groups.push((identity, vec![name])),
        }
    }
    groups.into_iter().map(|(_, names)| names).collect()
}
