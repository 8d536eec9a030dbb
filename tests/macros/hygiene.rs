//! User code that shadows every name which generated code could use.

use crate::open;

#[allow(dead_code, non_camel_case_types, non_upper_case_globals)]
mod shadowed {
    pub struct Result;
    pub struct Option;
    pub struct Vec;
    pub struct String;
    pub struct Box;
    pub struct PhantomData;
    pub struct Serialize;
    pub struct Deserialize;
    pub struct Debug;
    pub struct Clone;
    pub trait Send {}
    pub trait Sync {}
    pub trait From {}
    pub trait Into {}
    pub trait ToOwned {}
    pub trait Iterator {}
    pub fn drop() {}
    #[allow(non_snake_case)]
    pub fn Ok() {}
    #[allow(non_snake_case)]
    pub fn Err() {}
    #[allow(non_snake_case)]
    pub fn Some() {}
    pub const None: u8 = 0;
    pub mod std {}
    pub mod core {}
    pub mod alloc {}
    pub mod tokio {}
    pub mod serde {}
    pub mod walr {}

    #[derive(::core::default::Default, ::serde::Serialize, ::serde::Deserialize, ::walr::WalState)]
    pub(super) struct Hidden {
        values: ::std::vec::Vec<u64>,
    }

    #[::walr::mutations]
    impl Hidden {
        /// Has parameters with names that locals of generated code could have.
        #[mutation]
        #[allow(clippy::too_many_arguments)]
        pub(super) fn put(
            &mut self,
            state: u64,
            log: u64,
            self_: u64,
            core: u64,
            handle: u64,
            result: u64,
            lsn: u64,
            serializer: u64,
            fields: u64,
            formatter: u64,
            error: u64,
            value: u64,
            outcome: u64,
        ) -> u64 {
            self.values.extend([
                state, log, self_, core, handle, result, lsn, serializer, fields, formatter, error, value, outcome,
            ]);
            self.values.iter().sum()
        }

        #[mutation]
        pub(super) fn borrow_all(&mut self, place: &str, from: &[u64], access: &::std::path::Path) -> usize {
            place.len() + from.len() + access.as_os_str().len()
        }

        /// Has the name of a function of the generated struct.
        #[mutation]
        #[allow(clippy::new_ret_no_self, clippy::wrong_self_convention)]
        pub(super) fn new(&mut self) {}

        #[mutation]
        pub(super) fn handle(&mut self, #[record(1 + 1)] state: u64) -> u64 {
            state
        }

        #[mutation]
        pub(super) fn index(&mut self) -> usize {
            self.values.len()
        }

        #[query]
        pub(super) fn sum(&self, state: u64, handle: &[u64]) -> u64 {
            self.values.iter().chain(handle).sum::<u64>() + state
        }
    }
}

#[tokio::test]
async fn generated_code_captures_no_name_of_the_user() -> crate::Result {
    let (_folder, hidden) = open::<shadowed::Hidden>().await?;
    assert_eq!(hidden.put(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13).await?, 91);
    assert_eq!(hidden.borrow_all("a", &[1, 2], std::path::Path::new("b")).await?, 4);
    hidden.new().await?;
    assert_eq!(hidden.handle().await?, 2);
    assert_eq!(hidden.index().await?, 13);
    assert_eq!(hidden.sum(1, &[2]), 94);
    Ok(())
}

#[tokio::test]
async fn generated_code_needs_no_prelude() -> crate::Result {
    crate::no_prelude::check().await
}

/// A crate that knows walr under another name.
mod renamed {
    pub(crate) mod vendored {
        pub(crate) use walr as journal;
    }

    #[derive(Default, serde::Serialize, serde::Deserialize, vendored::journal::WalState)]
    #[wal(crate = crate::hygiene::renamed::vendored::journal)]
    pub(super) struct Renamed(u8);

    #[vendored::journal::mutations(crate = crate::hygiene::renamed::vendored::journal)]
    impl Renamed {
        #[mutation]
        pub(super) fn set(&mut self, value: &str) -> usize {
            self.0 = 1;
            value.len()
        }
    }
}

#[tokio::test]
async fn walr_may_have_another_name() -> crate::Result {
    let (_folder, renamed) = open::<renamed::Renamed>().await?;
    assert_eq!(renamed.set("abc").await?, 3);
    Ok(())
}

/// Impl blocks that `macro_rules!` generates.
mod made {
    macro_rules! counter {
        ($name:ident, $ty:ty, $method:ident, $param:ident) => {
            #[derive(Default, serde::Serialize, serde::Deserialize, walr::WalState)]
            pub(super) struct $name($ty);

            #[walr::mutations]
            impl $name {
                #[mutation]
                pub(super) fn $method(&mut self, $param: $ty, local: $crate::hygiene::made::Name, text: &str) -> $ty {
                    self.0 += $param + (local.0.len() + text.len()) as $ty;
                    self.0
                }
            }
        };
    }

    #[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
    pub(crate) struct Name(pub(crate) String);

    counter!(First, u64, add, by);
    counter!(Second, i32, change, local_by);
}

#[tokio::test]
async fn a_macro_may_generate_impl_blocks() -> crate::Result {
    let (_folder, first) = open::<made::First>().await?;
    assert_eq!(first.add(2, made::Name("a".into()), "bc").await?, 5);
    let (_folder, second) = open::<made::Second>().await?;
    assert_eq!(second.change(-2, made::Name("a".into()), "b").await?, 0);
    Ok(())
}
