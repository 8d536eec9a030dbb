//! Shapes that differ only by names. The data is the same, and `#[serde(rename)]` can keep the old names.

use super::OPAQUE;

/// The words in a shape's text that aren't names.
const WORDS: &[&str] = &[
    "itself", "struct", "enum", "option", "seq", "map", "bool", "char", "string", "bytes", "u8", "u16", "u32", "u64",
    "u128", "i8", "i16", "i32", "i64", "i128", "f32", "f64",
];

/// Returns the pairs of old and new names, if the shapes differ by nothing else. A name that both shapes have was moved, and not
/// renamed.
pub(crate) fn renames<'a>(old: &'a str, new: &'a str) -> Option<Vec<(&'a str, &'a str)>> {
    let (was, is) = (tokens(old), tokens(new));
    // Opaque shapes are compared by the source, where serde's names don't count.
    if was.len() != is.len() || was.contains(&OPAQUE) {
        return None;
    }
    let mut pairs = Vec::new();
    for pair in was.iter().copied().zip(is.iter().copied()).filter(|(was, is)| was != is) {
        if !is_name(pair.0) || !is_name(pair.1) || is.contains(&pair.0) || was.contains(&pair.1) {
            return None;
        }
        if !pairs.contains(&pair) {
            pairs.push(pair);
        }
    }
    let alone = |pair: &(&str, &str)| pairs.iter().filter(|(was, is)| *was == pair.0 || *is == pair.1).count() == 1;
    pairs.iter().all(alone).then_some(pairs)
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

fn is_name(token: &str) -> bool {
    token.starts_with(|first: char| first.is_alphabetic() || first == '_') && !WORDS.contains(&token)
}

/// Splits a text into words and single other characters.
fn tokens(text: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == '#';
        let end = match is_part(first) {
            true => rest.find(|c| !is_part(c)).unwrap_or(rest.len()),
            false => first.len_utf8(),
        };
        let (token, after) = rest.split_at(end);
        tokens.push(token);
        rest = after;
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_that_differ_only_by_names_give_the_renames() {
        let old = "struct { items: seq<struct Item { n: u64 }>, last: option<Item> }";
        let new = "struct { items: seq<struct Thing { n: u64 }>, newest: option<Thing> }";
        assert_eq!(renames(old, new), Some(vec![("Item", "Thing"), ("last", "newest")]));
        assert_eq!(
            renames("enum Door { Open, Closed(u8) }", "enum Door { Open, Shut(u8) }"),
            Some(vec![("Closed", "Shut")])
        );
        assert_eq!(renames(old, old), Some(vec![]));
    }

    #[test]
    fn other_differences_give_no_renames() {
        let pairs = [
            ("struct A { x: u64, y: u64 }", "struct A { y: u64, x: u64 }"),
            ("struct A { x: u64, y: u64 }", "struct A { y: u64, z: u64 }"),
            ("struct A { x: u64 }", "struct A { z: u32 }"),
            ("struct A { x: u64 }", "struct A { x: u64, y: u64 }"),
            ("(struct A { x: u8 }, A)", "(struct B { x: u8 }, C)"),
            ("(struct A { x: u8 }, struct B { x: u8 })", "(struct C { x: u8 }, struct C { x: u8 })"),
            ("[u8; 4]", "[u8; 5]"),
            ("opaque", "string"),
            ("(struct A { x: u8 }, opaque)", "(struct B { x: u8 }, opaque)"),
        ];
        for (old, new) in pairs {
            assert_eq!(renames(old, new), None, "{old}, {new}");
        }
    }
}
