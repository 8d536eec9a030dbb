//! Methods that move, get other names, and go.

use walr::{Durable, Lsn};

use crate::Expected::{Refused, Works};
use crate::common::{Result, files_with};
use crate::{End, Outcome, changes, options, reopen, upgrade, wrote};

/// The program as it was.
pub(crate) mod v1 {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Serialize};
    use walr::WalState;

    #[derive(Default, Serialize, Deserialize, WalState)]
    pub(crate) struct Cache {
        pub(crate) entries: BTreeMap<String, u64>,
    }

    #[walr::mutations]
    impl Cache {
        #[mutation]
        pub(crate) fn insert(&mut self, key: &str, value: u64) {
            self.entries.insert(key.to_string(), value);
        }

        #[mutation]
        pub(crate) fn remove(&mut self, key: String) {
            self.entries.remove(&key);
        }
    }
}
use v1::CacheLog::{Insert, Remove};

/// Three calls of `insert` and one of `remove`.
pub(crate) fn calls() -> Vec<v1::CacheLog> {
    let insert = |key: &str, value| Insert { key: key.into(), value };
    vec![insert("a", 1), insert("b", 2), insert("c", 3), Remove { key: "b".into() }]
}

/// A later program: another block over the same struct.
macro_rules! later {
    ($name:ident { $($methods:tt)* }) => {
        pub(crate) mod $name {
            use std::collections::BTreeMap;

            use serde::{Deserialize, Serialize};
            use walr::WalState;

            #[derive(Default, Serialize, Deserialize, WalState)]
            pub(crate) struct Cache {
                pub(crate) entries: BTreeMap<String, u64>,
            }

            #[allow(dead_code)]
            #[walr::mutations]
            impl Cache { $($methods)* }
        }
    };
}
pub(crate) use later;

later!(moved {
    #[mutation]
    fn clear(&mut self) {
        self.entries.clear();
    }

    #[mutation]
    pub fn remove(&mut self, name: String) {
        self.entries.remove(&name);
    }

    #[mutation]
    fn insert(&mut self, name: &str, count: u64) {
        self.entries.insert(name.to_string(), count);
    }
});

later!(renamed {
    #[mutation(name = "insert")]
    pub(crate) fn put(&mut self, key: &str, value: u64) {
        self.entries.insert(key.to_string(), value);
    }

    #[mutation]
    fn remove(&mut self, key: String) {
        self.entries.remove(&key);
    }
});

later!(renamed_without_a_name {
    #[mutation]
    fn put(&mut self, key: &str, value: u64) {
        self.entries.insert(key.to_string(), value);
    }

    #[mutation]
    fn remove(&mut self, key: String) {
        self.entries.remove(&key);
    }
});

later!(without_remove {
    #[mutation]
    fn insert(&mut self, key: &str, value: u64) {
        self.entries.insert(key.to_string(), value);
    }
});

later!(remove_is_replayed_only {
    #[mutation]
    fn insert(&mut self, key: &str, value: u64) {
        self.entries.insert(key.to_string(), value);
    }

    #[mutation(replay_only)]
    fn remove(&mut self, key: String) {
        self.entries.remove(&key);
    }
});

/// The state that all of these programs must find.
macro_rules! is_kept {
    ($state:expr) => {
        $state.read(|cache| cache.entries.iter().map(|(key, value)| (key.as_str(), *value)).eq([("a", 1), ("c", 3)]))
    };
}
pub(crate) use is_kept;

macro_rules! seen {
    ($later:ident, $end:ident) => {
        async { Ok(upgrade::<v1::Cache, $later::Cache>(End::$end, calls()).await?.outcome(|state| is_kept!(state))) }
    };
}

changes! {
    nothing_changed, "nothing", Works => seen!(v1, Killed);
    methods_moved, "methods reordered, added, made private or public, parameters renamed", Works => seen!(moved, Killed);
    method_renamed, "a method renamed, with `name = \"insert\"`", Works => seen!(renamed, Killed);
    method_renamed_without, "a method renamed, without `name`",
        Refused(&["3 records of the mutation `insert`", "`#[mutation(name = \"insert\")]`", "replay_only"])
        => seen!(renamed_without_a_name, Killed);
    renamed_after_close, "a method renamed, without `name`, after a close", Works => seen!(renamed_without_a_name, Closed);
    method_removed, "a method removed while the log holds its records",
        Refused(&["1 record of the mutation `remove`", "replay_only"]) => seen!(without_remove, Killed);
    method_kept, "a method removed, but for a `replay_only` form", Works => seen!(remove_is_replayed_only, Killed);
    removed_after_close, "a method removed after a close", Works => seen!(without_remove, Closed);
    removed_and_damaged, "a method removed after a close, and the newest checkpoint is damaged",
        Refused(&["1 record of the mutation `remove`", "needed because", ".ckpt is damaged at byte"]) => fallen_back();
}

async fn fallen_back() -> Result<Outcome> {
    let folder = wrote::<v1::Cache>(End::Closed, calls()).await?;
    let newest = files_with(folder.path(), ".ckpt")?.pop().ok_or("no checkpoint")?;
    let mut bytes = std::fs::read(&newest)?;
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    std::fs::write(&newest, bytes)?;
    Ok(reopen(folder, options::<without_remove::Cache>()).await?.outcome(|_| true))
}

#[test]
fn a_renamed_method_goes_on_under_its_new_name() -> Result {
    crate::common::run(async {
        let seen = upgrade::<v1::Cache, renamed::Cache>(End::Killed, calls()).await?;
        let state = seen.opened?;
        state.put("d", 4).await?;
        drop(state);
        let state = Durable::<renamed::Cache>::open(seen.folder.path()).await?;
        assert_eq!(state.store().recovery().last, Lsn::new(5));
        assert_eq!(state.read(|cache| cache.entries.len()), 3);
        Ok(())
    })
}

#[test]
fn every_mutation_that_is_missing_is_named_at_once() -> Result {
    later!(neither {
        #[mutation]
        fn touch(&mut self) {}
    });
    crate::common::run(async {
        let seen = upgrade::<v1::Cache, neither::Cache>(End::Killed, calls()).await?;
        let message = seen.opened.expect_err("both are missing").to_string();
        assert!(message.contains("3 records of the mutation `insert`"), "{message}");
        assert!(message.contains("1 record of the mutation `remove`"), "{message}");
        Ok(())
    })
}
