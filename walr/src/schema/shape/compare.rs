//! The comparison of two shapes, and the names by which they differ.
//!
//! An encoding holds no names, but a field of another name may have another meaning. So names count, and if nothing else differs,
//! the message says how `#[serde(rename)]` keeps the old ones.

use std::collections::{BTreeSet, HashSet};

use super::{FieldShapes, NameShape, Shape, ShapeId, ShapeNode};

/// The names of one part in two shapes.
struct NamePair<'a> {
    was: &'a str,
    is: &'a str,
    /// The new type accepts the old name: as its own or as an alias.
    is_accepted: bool,
}

impl Shape {
    /// Returns whether an encoding of this shape can be read as the shape `now`, part by part in the same order.
    pub(crate) fn reads_as(&self, now: &Shape) -> bool {
        name_pairs(self, now).is_some_and(|pairs| pairs.iter().all(|pair| pair.is_accepted))
    }

    /// Returns the pairs of old and new names, if the shapes differ by nothing else. A name that both shapes have was moved, and
    /// not renamed.
    pub(crate) fn renames<'a>(&'a self, now: &'a Shape) -> Option<Vec<(&'a str, &'a str)>> {
        // Opaque shapes are compared by the source, where serde's names don't count.
        if !self.is_complete() || !now.is_complete() {
            return None;
        }
        let (old_names, new_names) = (self.names(), now.names());
        let mut renames = Vec::new();
        for NamePair { was, is, .. } in name_pairs(self, now)?.into_iter().filter(|pair| !pair.is_accepted) {
            if was.is_empty() || is.is_empty() || new_names.contains(was) || old_names.contains(is) {
                return None;
            }
            if !renames.contains(&(was, is)) {
                renames.push((was, is));
            }
        }
        let alone =
            |pair: &(&str, &str)| renames.iter().filter(|(was, is)| *was == pair.0 || *is == pair.1).count() == 1;
        renames.iter().all(alone).then_some(renames)
    }

    /// Returns the names of all types, fields and variants.
    fn names(&self) -> BTreeSet<&str> {
        fn of_fields(fields: &FieldShapes) -> impl Iterator<Item = &str> {
            let named = if let FieldShapes::Named(fields) = fields { &fields[..] } else { &[] };
            named.iter().map(|(names, _)| names.name.as_str())
        }
        let mut names = BTreeSet::new();
        for node in &self.nodes {
            match node {
                ShapeNode::Struct(name, fields) => {
                    names.insert(name.as_str());
                    names.extend(of_fields(fields));
                }
                ShapeNode::Enum(name, variants) => {
                    names.insert(name.as_str());
                    for variant in variants {
                        names.insert(variant.name.name.as_str());
                        names.extend(of_fields(&variant.fields));
                    }
                }
                _ => {}
            }
        }
        names
    }
}

/// Returns the names of each type, field and variant in two shapes, if they have the same parts otherwise.
fn name_pairs<'a>(old: &'a Shape, new: &'a Shape) -> Option<Vec<NamePair<'a>>> {
    let mut comparison = Comparing { pairs: Vec::new(), todo: vec![(0, 0)], seen: HashSet::from([(0, 0)]) };
    while let Some((was, is)) = comparison.todo.pop() {
        comparison.nodes(old.node(was), new.node(is))?;
    }
    Some(comparison.pairs)
}

/// A walk through two shapes. The types that contain themselves are equal unless a difference is found.
struct Comparing<'a> {
    pairs: Vec<NamePair<'a>>,
    todo: Vec<(ShapeId, ShapeId)>,
    seen: HashSet<(ShapeId, ShapeId)>,
}

impl<'a> Comparing<'a> {
    /// Compares two nodes. A method returns `None` if they differ.
    fn nodes(&mut self, old: &'a ShapeNode, new: &'a ShapeNode) -> Option<()> {
        match (old, new) {
            (ShapeNode::Scalar(old), ShapeNode::Scalar(new)) => (old == new).then_some(()),
            (ShapeNode::Struct(was, old), ShapeNode::Struct(is, new)) => {
                self.types(was, is);
                self.fields(old, new)
            }
            (ShapeNode::Enum(was, old), ShapeNode::Enum(is, new)) if old.len() == new.len() => {
                self.types(was, is);
                old.iter().zip(new).try_for_each(|(old, new)| {
                    self.names(&old.name, &new.name);
                    self.fields(&old.fields, &new.fields)
                })
            }
            (ShapeNode::Opaque(_), ShapeNode::Opaque(_))
            | (ShapeNode::Option(_), ShapeNode::Option(_))
            | (ShapeNode::Seq(_), ShapeNode::Seq(_))
            | (ShapeNode::Map(..), ShapeNode::Map(..))
            | (ShapeNode::Tuple(_), ShapeNode::Tuple(_)) => self.parts(&old.parts(), &new.parts()),
            _ => None,
        }
    }

    fn fields(&mut self, old: &'a FieldShapes, new: &'a FieldShapes) -> Option<()> {
        if let (FieldShapes::Named(old), FieldShapes::Named(new)) = (old, new) {
            old.iter().zip(new).for_each(|((was, _), (is, _))| self.names(was, is));
        }
        let is_same_style = std::mem::discriminant(old) == std::mem::discriminant(new);
        is_same_style.then(|| self.parts(&old.ids(), &new.ids()))?
    }

    fn parts(&mut self, old: &[ShapeId], new: &[ShapeId]) -> Option<()> {
        for pair in old.iter().copied().zip(new.iter().copied()) {
            if self.seen.insert(pair) {
                self.todo.push(pair);
            }
        }
        (old.len() == new.len()).then_some(())
    }

    fn types(&mut self, was: &'a str, is: &'a str) {
        self.pairs.push(NamePair { was, is, is_accepted: was == is });
    }

    fn names(&mut self, old: &'a NameShape, new: &'a NameShape) {
        let is_accepted = old.name == new.name || new.aliases.contains(&old.name);
        self.pairs.push(NamePair { was: &old.name, is: &new.name, is_accepted });
    }
}

/// Returns the attributes that keep the old names, for the end of a message. Returns nothing if there are no `renames`.
pub(crate) fn rename_hint(renames: &[(&str, &str)]) -> String {
    if renames.is_empty() {
        return String::new();
    }
    let attribute = |(was, is): &(&str, &str)| format!("`#[serde(rename = \"{was}\")]` on `{is}`");
    let attributes = renames.iter().map(attribute).collect::<Vec<_>>().join(", ");
    format!("; or, if you only changed names, keep the old ones in the data: {attributes}")
}
