//! Types that ask the format for the type of the next value. A codec that writes no types can encode such a type, and never
//! decode it.

use std::fmt::{self, Display};

/// A request for the type of the next value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SelfDescribing {
    /// The compiler's name of the type that was read, or of a helper type that serde derives for it.
    pub(crate) asked: &'static str,
    /// True if the type asked for the names of its fields.
    pub(crate) by_names: bool,
}

impl SelfDescribing {
    /// Returns whether the request comes from code that serde derives for a type with another name.
    pub(crate) fn is_derived(&self) -> bool {
        let of_serde = self.asked.contains("serde::") || self.asked.contains("serde_core::");
        let is_buffer = self.asked.contains("Content");
        of_serde && is_buffer || self.asked.contains("__Field")
    }

    /// Returns the type's name, for messages.
    pub(crate) fn name(&self) -> String {
        short(self.asked)
    }

    /// Returns the end of the message: a type to use instead.
    fn advice(&self) -> &'static str {
        match self.name().as_str() {
            "serde_json::Value" | "serde_json::Number" | "toml::Value" | "toml_datetime::Datetime" => {
                "keep its text, `value.to_string()`"
            }
            "rust_decimal::Decimal" => "turn on the feature `serde-str` of `rust_decimal`",
            "bson::Bson" | "rmpv::Value" | "ciborium::Value" | "serde_yaml::Value" | "ron::Value" => {
                "keep its text or its bytes, as its crate writes them"
            }
            _ => "keep a text of it, or a struct with the fields that you need",
        }
    }
}

impl Display for SelfDescribing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_derived() {
            return f.write_str(
                "`untagged`, `tag` and `flatten` ask for types and names, but bincode writes only values; remove the attribute: \
                 bincode writes the number of each variant, and all fields in order",
            );
        }
        let (name, advice) = (self.name(), self.advice());
        match self.by_names {
            true => write!(f, "`{name}` reads its fields by their names, but bincode writes only values; {advice}"),
            false => {
                write!(f, "`{name}` asks for the type of the next value, but bincode writes only values; {advice}")
            }
        }
    }
}

/// Returns a type's name as a program writes it: each path is its crate and its last part, or only the last part if it is std's.
pub(crate) fn short(name: &str) -> String {
    let mut short = String::new();
    let mut rest = name;
    while !rest.is_empty() {
        let is_path = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
        let end = rest.find(|c| !is_path(c)).unwrap_or(rest.len());
        let (path, after) = rest.split_at(end);
        short += &short_path(path);
        let end = after.find(is_path).unwrap_or(after.len());
        short += &after[..end];
        rest = &after[end..];
    }
    short
}

fn short_path(path: &str) -> String {
    let parts: Vec<&str> = path.split("::").collect();
    match parts.as_slice() {
        [] | [_] => path.to_string(),
        ["alloc" | "core" | "std", .., last] => (*last).to_string(),
        [krate, .., last] => format!("{krate}::{last}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_path_of_a_name_is_shortened() {
        assert_eq!(short("u64"), "u64");
        assert_eq!(short("serde_json::value::Value"), "serde_json::Value");
        assert_eq!(
            short("alloc::vec::Vec<(core::option::Option<app::jobs::Job>, &str)>"),
            "Vec<(Option<app::Job>, &str)>"
        );
    }
}
