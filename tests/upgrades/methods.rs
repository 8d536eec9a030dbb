//! Methods that are moved, renamed and removed.

use walr::{Durable, Lsn};

use crate::Expected::{Refused, Works};
use crate::common::{Result, change_file, newest_with, run};
use crate::{End, Outcome, changes, options, reopen, upgrade, written};

/// The first program.
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

/// Returns three calls of `insert` and one of `remove`.
pub(crate) fn calls() -> Vec<v1::CacheLog> {
    let insert = |key: &str, value| Insert { key: key.into(), value };
    vec![insert("a", 1), insert("b", 2), insert("c", 3), Remove { key: "b".into() }]
}

/// Defines a later program: the same struct with another impl block.
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

/// Says whether the state is the one that all of these programs must find.
macro_rules! is_kept {
    ($state:expr) => {
        $state.read(|cache| cache.entries.iter().map(|(key, value)| (key.as_str(), *value)).eq([("a", 1), ("c", 3)]))
    };
}
pub(crate) use is_kept;

/// Makes the calls with the first program, and opens the folder with a later one.
macro_rules! upgraded {
    ($later:ident, $end:ident) => {
        async { Ok(upgrade::<v1::Cache, $later::Cache>(End::$end, calls()).await?.outcome(|state| is_kept!(state))) }
    };
}

changes! {
    nothing_changed, "nothing", Works => upgraded!(v1, Killed);
    methods_are_moved, "methods reordered, added, made private or public, parameters renamed", Works => upgraded!(moved, Killed);
    method_is_renamed_with_its_old_name_on_disk, "a method renamed, with `name = \"insert\"`", Works => upgraded!(renamed, Killed);
    method_is_renamed, "a method renamed, without `name`",
        Refused(&["3 records of the mutation `insert`", "`#[mutation(name = \"insert\")]`", "replay_only"])
        => upgraded!(renamed_without_a_name, Killed);
    method_is_renamed_after_a_close, "a method renamed, without `name`, after a close", Works => upgraded!(renamed_without_a_name, Closed);
    method_is_removed, "a method removed while the log holds its records",
        Refused(&["1 record of the mutation `remove`", "replay_only"]) => upgraded!(without_remove, Killed);
    method_is_kept_for_replays, "a method removed except for a `replay_only` form", Works => upgraded!(remove_is_replayed_only, Killed);
    method_is_removed_after_a_close, "a method removed after a close", Works => upgraded!(without_remove, Closed);
    method_is_removed_and_the_newest_checkpoint_is_corrupt, "a method removed after a close, with a corrupt newest checkpoint",
        Refused(&["1 record of the mutation `remove`", "needed because", ".ckpt is corrupt at byte"]) => with_corrupt_checkpoint();
}

async fn with_corrupt_checkpoint() -> Result<Outcome> {
    let folder = written::<v1::Cache>(End::Closed, calls()).await?;
    change_file(&newest_with(folder.path(), ".ckpt")?, |bytes| {
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
    })?;
    Ok(reopen(folder, options::<without_remove::Cache>()).await?.outcome(|_| true))
}

#[test]
fn a_renamed_method_works_under_its_new_name() -> Result {
    run(async {
        let reopened = upgrade::<v1::Cache, renamed::Cache>(End::Killed, calls()).await?;
        let state = reopened.opened?;
        state.put("d", 4).await?;
        drop(state);
        let state = Durable::<renamed::Cache>::open(reopened.folder.path()).await?;
        assert_eq!(state.store().recovery().last, Lsn::new(5));
        assert_eq!(state.read(|cache| cache.entries.len()), 3);
        Ok(())
    })
}

#[test]
fn a_refusal_names_all_missing_mutations() -> Result {
    later!(neither {
        #[mutation]
        fn touch(&mut self) {}
    });
    run(async {
        let reopened = upgrade::<v1::Cache, neither::Cache>(End::Killed, calls()).await?;
        let message = reopened.opened.expect_err("records of missing mutations were replayed").to_string();
        assert!(message.contains("3 records of the mutation `insert`"), "{message}");
        assert!(message.contains("1 record of the mutation `remove`"), "{message}");
        Ok(())
    })
}
