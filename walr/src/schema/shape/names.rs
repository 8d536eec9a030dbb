//! Shapes that differ by names alone: the data is the same, and serde can give the names back.

use super::OPAQUE;

/// The words of a shape's text that are no names.
const WORDS: &[&str] = &[
    "itself", "struct", "enum", "option", "seq", "map", "bool", "char", "string", "bytes", "u8", "u16", "u32", "u64",
    "u128", "i8", "i16", "i32", "i64", "i128", "f32", "f64",
];

/// The names of the shape `old` that are others in `new`, if nothing else differs. A name that both have was moved, and not
/// changed.
pub(crate) fn renamed<'a>(old: &'a str, new: &'a str) -> Option<Vec<(&'a str, &'a str)>> {
    let (was, is) = (tokens(old), tokens(new));
    // What is opaque is compared as it is written, where serde's names don't count.
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

/// What gives the `names` back to the data, for the end of a message; nothing if there are none.
pub(crate) fn given_back(names: &[(&str, &str)]) -> String {
    if names.is_empty() {
        return String::new();
    }
    let one = |(was, is): &(&str, &str)| format!("`#[serde(rename = \"{was}\")]` on `{is}`");
    let names = names.iter().map(one).collect::<Vec<_>>().join(", ");
    let way = format!("or, if only names were changed, give them back to the data: {names}");
    format!("; {way}")
}

fn is_name(token: &str) -> bool {
    token.starts_with(|first: char| first.is_alphabetic() || first == '_') && !WORDS.contains(&token)
}

/// Words, and what stands between them.
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
    fn names_that_alone_differ_are_told() {
        let old = "struct { items: seq<struct Item { n: u64 }>, last: option<Item> }";
        let new = "struct { items: seq<struct Thing { n: u64 }>, newest: option<Thing> }";
        assert_eq!(renamed(old, new), Some(vec![("Item", "Thing"), ("last", "newest")]));
        assert_eq!(
            renamed("enum Door { Open, Closed(u8) }", "enum Door { Open, Shut(u8) }"),
            Some(vec![("Closed", "Shut")])
        );
        assert_eq!(renamed(old, old), Some(vec![]));
    }

    #[test]
    fn what_else_differs_is_no_renaming() {
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
            assert_eq!(renamed(old, new), None, "{old}, {new}");
        }
    }
}
