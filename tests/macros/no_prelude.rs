//! A state in a module without the prelude.
#![no_implicit_prelude]

#[derive(::std::default::Default, ::serde::Serialize, ::serde::Deserialize, ::walr::WalState)]
#[wal(after_load = Bare::ready)]
struct Bare {
    values: ::std::vec::Vec<::std::string::String>,
}

#[::walr::mutations]
impl Bare {
    #[mutation]
    fn put(&mut self, value: &str, more: &[u8], #[record(value.len())] length: usize) -> usize {
        self.values.push(::std::string::ToString::to_string(value));
        more.len() + length
    }

    #[mutation]
    fn fail(&mut self) -> ::std::result::Result<(), ::std::string::String> {
        ::std::result::Result::Err(::std::string::String::new())
    }

    #[query]
    fn count(&self) -> usize {
        self.values.len()
    }

    fn ready(&mut self) {}
}

/// Calls the state.
pub(crate) async fn check() -> crate::Result {
    let (_folder, bare) = crate::open::<Bare>().await?;
    ::std::assert_eq!(bare.put("abc", &[1]).await?, 4);
    ::std::assert!(bare.fail().await?.is_err());
    ::std::assert_eq!(bare.count(), 1);
    ::std::result::Result::Ok(())
}
