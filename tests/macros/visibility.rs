//! States, mutations and types of each visibility, in one module or in several.

use crate::{Result, open};

mod state {
    use serde::{Deserialize, Serialize};
    use walr::WalState;

    /// A state whose impl block is in another module.
    #[derive(Default, Serialize, Deserialize, WalState)]
    pub struct Elsewhere {
        pub(super) value: u64,
    }
}

mod block {
    use super::state::Elsewhere;

    #[walr::mutations]
    impl Elsewhere {
        #[mutation]
        pub fn set(&mut self, value: u64) -> u64 {
            std::mem::replace(&mut self.value, value)
        }

        #[mutation]
        pub(super) fn clear(&mut self) {
            self.value = 0;
        }

        #[mutation]
        fn hidden(&mut self, by: u64) {
            self.value += by;
        }
    }

    pub async fn add_one(state: &walr::Durable<Elsewhere>) -> walr::Result<()> {
        state.hidden(1).await
    }
}

mod qualified {
    #[derive(Default, serde::Serialize, serde::Deserialize, walr::WalState)]
    pub(crate) struct Counter(pub(crate) u64);

    pub(crate) mod deep {
        #[walr::mutations]
        impl crate::visibility::qualified::Counter {
            #[mutation]
            pub(in crate::visibility) fn count(&mut self) -> u64 {
                self.0 += 1;
                self.0
            }
        }
    }
}

mod private_parts {
    use serde::{Deserialize, Serialize};
    use walr::WalState;

    #[derive(Clone, Debug, Serialize, Deserialize)]
    struct Key(u64);

    /// A public state with private mutations over a private type.
    #[derive(Default, Serialize, Deserialize, WalState)]
    pub struct Public {
        keys: Vec<Key>,
    }

    #[walr::mutations]
    impl Public {
        #[mutation]
        fn put(&mut self, key: Key) -> Option<Key> {
            self.keys.push(key);
            self.keys.first().cloned()
        }

        #[query]
        fn first(&self, _default: &Key) -> Option<Key> {
            self.keys.first().cloned()
        }
    }

    pub async fn put(state: &walr::Durable<Public>, key: u64) -> walr::Result<u64> {
        state.put(Key(key)).await?;
        Ok(state.first(&Key(0)).map_or(0, |key| key.0))
    }
}

/// A private state with public methods.
#[derive(Default, serde::Serialize, serde::Deserialize, walr::WalState)]
struct Private(u8);

#[walr::mutations]
impl Private {
    #[mutation]
    pub fn set(&mut self, value: u8) {
        self.0 = value;
    }
}

/// A second state in the same module.
#[derive(Default, serde::Serialize, serde::Deserialize, walr::WalState)]
pub(crate) struct Other(u8);

#[walr::mutations]
impl Other {
    #[mutation]
    pub(crate) fn set(&mut self, value: u8) {
        self.0 = value;
    }
}

#[tokio::test]
async fn an_impl_block_may_be_in_another_module() -> Result {
    use block::ElsewhereLog::Clear;
    let (_folder, state) = open::<state::Elsewhere>().await?;
    assert_eq!(state.set(5).await?, 0);
    block::add_one(&state).await?;
    assert_eq!(state.read(|state| state.value), 6);
    state.clear().await?;
    state.apply(Clear).await?;
    let (_folder, counter) = open::<qualified::Counter>().await?;
    assert_eq!(counter.count().await?, 1);
    Ok(())
}

#[tokio::test]
async fn private_mutations_and_private_types_may_be_used() -> Result {
    let (_folder, public) = open::<private_parts::Public>().await?;
    assert_eq!(private_parts::put(&public, 3).await?, 3);
    let (_folder, private) = open::<Private>().await?;
    private.set(1).await?;
    let (_folder, other) = open::<Other>().await?;
    other.set(2).await?;
    assert_eq!((private.read(|state| state.0), other.read(|state| state.0)), (1, 2));
    Ok(())
}

#[tokio::test]
async fn a_state_may_be_inside_a_function() -> Result {
    #[derive(Default, serde::Serialize, serde::Deserialize, walr::WalState)]
    struct Local(u8);

    #[walr::mutations]
    impl Local {
        #[mutation]
        fn set(&mut self, value: u8) -> u8 {
            self.0 = value;
            self.0
        }
    }
    let (_folder, local) = open::<Local>().await?;
    assert_eq!(local.set(1).await?, 1);
    assert!(matches!(local.apply(LocalLog::Set { value: 2 }).await?, LocalOutcome::Set(2)));
    Ok(())
}
