//! Types whose values are written as another one than they are read as.

use std::fmt::Debug;
use std::rc::Rc;

use serde::{Deserialize, Serialize};

use super::tests::Pieces;
use super::*;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Newtype<T>(T);

/// A text that no sample is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
struct Account(String);

impl TryFrom<String> for Account {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Account, &'static str> {
        if text.starts_with("acc-") { Ok(Account(text)) } else { Err("no account") }
    }
}

impl From<Account> for String {
    fn from(account: Account) -> String {
        account.0
    }
}

/// `Shut` is written as number 2 and read as `Broken`.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Gate {
    Open(Account),
    #[serde(skip)]
    #[expect(dead_code)]
    Imagined,
    Shut(Account),
    Broken(Account),
}

/// An enum with the names that `Gate` reads. The compiler may keep one list for both.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Door {
    Open(Account),
    Shut(Account),
    Broken(Account),
}

#[test]
fn a_misread_variant_is_refused_as_the_whole_value_and_beside_an_enum_of_the_same_names() {
    fn refused<T: Serialize + DeserializeOwned + Debug>(value: T) -> bool {
        let mut bytes = Vec::new();
        let tokens = encode_noted(&value, &mut bytes).unwrap();
        let streamed = encode_to(&value, &mut Vec::new()).unwrap();
        let (mut failure, path) = (None, std::path::Path::new(""));
        let mut source = Pieces { chunks: [bytes.clone()].into(), bound: bytes.len() as u64 };
        let again = CheckpointDecoder::new(&mut source, &mut failure, "it", path).decode_again::<T>(&streamed);
        let refused = decode_again(&value, &bytes, &tokens).is_err();
        assert_eq!(again.is_err(), refused, "a checkpoint and a call differ about {value:?}");
        refused
    }
    let account = || Account("acc-1".to_string());
    assert!(!refused(Gate::Open(account())) && !refused(Door::Shut(account())));
    assert!(refused(Gate::Shut(account())) && refused(Newtype(Gate::Shut(account()))));
    assert!(refused((Door::Open(account()), Gate::Shut(account()))));
    assert!(refused((Gate::Shut(account()), Door::Open(account()))));
}

#[test]
fn a_sample_that_a_conversion_changes_is_refused() {
    #[derive(Debug, Serialize, Deserialize)]
    enum Written {
        Low,
        High,
    }
    #[derive(Debug, Serialize, Deserialize)]
    enum Stored {
        High,
        Low,
    }
    #[derive(Clone, Debug, Serialize, Deserialize)]
    #[serde(from = "Stored", into = "Written")]
    enum Level {
        Low,
        High,
    }
    impl From<Stored> for Level {
        fn from(stored: Stored) -> Level {
            match stored {
                Stored::High => Level::High,
                Stored::Low => Level::Low,
            }
        }
    }
    impl From<Level> for Written {
        fn from(level: Level) -> Written {
            match level {
                Level::Low => Written::Low,
                Level::High => Written::High,
            }
        }
    }
    let names = Rc::new(SampleNames::default());
    assert!(check_sample(&Level::Low, &names).is_err() && check_sample(&Level::High, &names).is_err());
    assert!(check_sample(&Door::Open(Account("acc-1".to_string())), &names).is_ok());
}
