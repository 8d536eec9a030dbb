#![no_implicit_prelude]

#[derive(::std::default::Default, ::serde::Serialize, ::serde::Deserialize, ::walr::WalState)]
pub struct Log {
    result: ::std::vec::Vec<::std::string::String>,
}

#[::walr::mutations]
impl Log {
    #[mutation]
    pub fn core(&mut self, std: &str, log: &[u8], #[record(std.len())] lsn: usize) -> ::std::option::Option<usize> {
        self.result.push(::std::string::ToString::to_string(std));
        ::std::option::Option::Some(lsn + log.len())
    }

    #[query]
    pub fn state(&self, self_: usize) -> usize {
        self.result.len() + self_
    }
}

fn main() {}
