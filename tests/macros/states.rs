//! `#[derive(WalState)]` on each kind of type, and with each option.

use serde::{Deserialize, Serialize};
use walr::{Durable, WalState};

use crate::{Result, open};

#[derive(Default, Serialize, Deserialize, WalState)]
struct Tuple(u64, std::collections::BTreeMap<String, u8>);

#[walr::mutations]
impl Tuple {
    #[mutation]
    fn bump(&mut self) -> u64 {
        self.0 += 1;
        self.0
    }
}

#[derive(Default, Serialize, Deserialize, WalState)]
struct Unit;

#[walr::mutations]
impl Unit {
    #[mutation]
    fn touch(&mut self) {}
}

#[derive(Debug, Default, PartialEq, Serialize, Deserialize, WalState)]
enum Door {
    #[default]
    Closed,
    Open {
        since: u64,
    },
    Broken(String),
}

#[walr::mutations]
impl Door {
    #[mutation]
    fn open(&mut self, since: u64) -> bool {
        *self = match self {
            Door::Closed => Self::Open { since },
            _ => Self::Broken("twice".into()),
        };
        matches!(self, Door::Open { .. })
    }
}

#[tokio::test]
async fn structs_and_enums_may_be_states() -> Result {
    let (_folder, tuple) = open::<Tuple>().await?;
    assert_eq!(tuple.bump().await?, 1);
    let (_folder, unit) = open::<Unit>().await?;
    unit.touch().await?;
    let (_folder, door) = open::<Door>().await?;
    assert!(door.open(1).await? && !door.open(2).await?);
    assert!(door.read(|door| *door == Door::Broken("twice".into())));
    Ok(())
}

#[test]
fn shapes_names_and_versions_come_from_the_type_and_its_options() {
    assert_eq!(Tuple::SHAPE, "(u64, BTreeMap<String, u8>)");
    assert_eq!(Unit::SHAPE, "");
    assert_eq!(Door::SHAPE, "Closed | Open { since: u64 } | Broken(String)");
    assert_eq!((Door::NAME, Door::VERSION), ("Door", 1));
    assert_eq!((new::Index::NAME, new::Index::VERSION), ("Index", 3));
    assert_eq!(new::Index::SHAPE, "{ words: Vec<String> }");
}

/// The state of an older program.
mod old {
    use serde::{Deserialize, Serialize};
    use walr::WalState;

    #[derive(Default, Serialize, Deserialize, WalState)]
    #[wal(name = "Index", version = 2)]
    pub(super) struct OldIndex {
        pub(super) text: String,
    }

    #[walr::mutations]
    impl OldIndex {
        #[mutation]
        pub(super) fn add(&mut self, word: &str) {
            self.text += word;
            self.text.push(' ');
        }
    }
}

mod new {
    use std::collections::HashMap;

    use serde::{Deserialize, Serialize};
    use walr::WalState;

    #[derive(Default, Serialize, Deserialize, WalState)]
    #[wal(version = 3, migrate_from = super::old::OldIndex, after_load = Self::index)]
    pub(super) struct Index {
        words: Vec<String>,
        #[serde(skip)]
        places: HashMap<String, usize>,
    }

    impl From<super::old::OldIndex> for Index {
        fn from(old: super::old::OldIndex) -> Self {
            Index { words: old.text.split_whitespace().map(str::to_string).collect(), places: HashMap::new() }
        }
    }

    #[walr::mutations]
    impl Index {
        #[mutation]
        pub(super) fn add(&mut self, word: &str) {
            self.places.insert(word.to_string(), self.words.len());
            self.words.push(word.to_string());
        }

        #[query]
        pub(super) fn place(&self, word: &str) -> Option<usize> {
            self.places.get(word).copied()
        }

        fn index(&mut self) {
            let places = self.words.iter().enumerate();
            self.places = places.map(|(place, word)| (word.clone(), place)).collect();
        }
    }
}

#[tokio::test]
async fn an_old_version_is_migrated_and_its_index_is_rebuilt() -> Result {
    let (folder, old) = open::<old::OldIndex>().await?;
    old.add("one").await?;
    old.add("two").await?;
    old.close().await?;
    drop(old);
    let new = Durable::<new::Index>::open(folder.path()).await?;
    assert_eq!((new.place("one"), new.place("two")), (Some(0), Some(1)));
    new.add("three").await?;
    new.close().await?;
    drop(new);
    let again = Durable::<new::Index>::open(folder.path()).await?;
    assert_eq!(again.place("three"), Some(2));
    Ok(())
}

mod unindexed {
    use serde::{Deserialize, Serialize};
    use walr::WalState;

    #[derive(Default, Serialize, Deserialize, WalState)]
    #[wal(name = "Words")]
    pub(super) struct Plain {
        words: Vec<String>,
    }

    #[walr::mutations]
    impl Plain {
        #[mutation]
        pub(super) fn add(&mut self, word: &str) {
            self.words.push(word.to_string());
        }
    }

    #[derive(Default, Serialize, Deserialize, WalState)]
    #[wal(name = "Words", after_load = Self::index)]
    pub(super) struct Indexed {
        words: Vec<String>,
    }

    #[walr::mutations]
    impl Indexed {
        #[mutation]
        pub(super) fn add(&mut self, word: &str) {
            self.words.push(word.to_string());
        }

        fn index(&mut self) {
            assert!(self.words.is_empty(), "there is no place for {} words", self.words.len());
        }
    }
}

#[tokio::test]
async fn a_panic_in_after_load_is_an_error_that_names_the_function() -> Result {
    let (folder, plain) = open::<unindexed::Plain>().await?;
    plain.add("one").await?;
    plain.close().await?;
    drop(plain);
    let error = Durable::<unindexed::Indexed>::open(folder.path()).await.expect_err("the panic was ignored");
    assert!(matches!(error, walr::Error::Schema { .. }), "{error}");
    let message = error.to_string();
    assert!(message.contains("there is no place for 1 words") && message.contains("fix that function"), "{message}");
    let plain = Durable::<unindexed::Plain>::open(folder.path()).await?;
    plain.add("two").await?;
    Ok(())
}
