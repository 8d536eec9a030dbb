#![deny(warnings, missing_docs, missing_debug_implementations, unused, clippy::all, clippy::pedantic)]
#![deny(rust_2018_idioms, future_incompatible, nonstandard_style, let_underscore, keyword_idents)]
#![deny(single_use_lifetimes, unused_lifetimes, unused_qualifications, trivial_casts, trivial_numeric_casts)]
#![deny(unused_results, unit_bindings, unnameable_types, explicit_outlives_requirements, meta_variable_misuse)]
#![forbid(unsafe_code)]
//! Generated code gives no warning if nothing is called, nothing is public, and every lint is denied.

mod inner {
    #[derive(Debug, Default, serde::Serialize, serde::Deserialize, walr::WalState)]
    struct Lonely(u8);

    #[walr::mutations]
    impl Lonely {
        #[mutation]
        fn set(&mut self, value: u8) {
            self.0 = value;
        }

        #[mutation]
        #[deprecated = "use `set`"]
        fn old(&mut self, _value: u8) -> Result<u8, String> {
            Ok(self.0)
        }

        #[query]
        fn get(&self) -> u8 {
            self.0
        }
    }

    #[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
    struct Secret(u8);

    #[derive(Debug, Default, serde::Serialize, serde::Deserialize, walr::WalState)]
    pub struct Open(Vec<Secret>);

    #[walr::mutations]
    impl Open {
        #[mutation]
        fn keep(&mut self, secret: &Secret, more: Vec<Secret>) -> Option<Secret> {
            self.0.extend(more);
            self.0.push(secret.clone());
            self.0.first().cloned()
        }
    }
}

fn main() {
    drop(inner::Open::default());
}
