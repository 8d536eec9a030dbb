//! States with type and const parameters.

use std::collections::BTreeMap;
use std::fmt::Debug;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use walr::WalState;

use crate::{Result, open};

#[derive(Serialize, Deserialize, WalState)]
#[serde(bound(deserialize = "K: Ord + Deserialize<'de>, V: Deserialize<'de>"))]
pub struct Table<K: Ord, V, const N: usize = 4> {
    rows: BTreeMap<K, V>,
    limit: Option<usize>,
}

impl<K: Ord, V, const N: usize> Default for Table<K, V, N> {
    fn default() -> Self {
        Table { rows: BTreeMap::new(), limit: Some(N) }
    }
}

#[walr::mutations]
impl<K, V, const N: usize> Table<K, V, N>
where
    K: Ord + Clone,
    V: Clone,
{
    #[mutation]
    pub fn put(&mut self, key: &K, value: V) -> Option<V> {
        if self.limit.is_some_and(|limit| self.rows.len() >= limit) {
            return Some(value);
        }
        self.rows.insert(key.clone(), value)
    }

    #[mutation]
    pub fn remove_all(&mut self, keys: &[K]) -> usize {
        let before = self.rows.len();
        keys.iter().for_each(|key| drop(self.rows.remove(key)));
        before - self.rows.len()
    }

    #[mutation]
    pub fn absorb(&mut self, other: Option<Vec<(K, V)>>) {
        self.rows.extend(other.into_iter().flatten());
    }

    #[query]
    pub fn get(&self, key: &K) -> Option<V> {
        self.rows.get(key).cloned()
    }
}

/// A state whose type parameter no mutation uses.
#[derive(Default, Serialize, Deserialize, WalState)]
struct Unused<T> {
    items: Vec<T>,
}

#[walr::mutations]
impl<T: Default> Unused<T> {
    #[mutation]
    fn grow(&mut self, by: usize) {
        self.items.extend(std::iter::repeat_with(T::default).take(by));
    }
}

/// A state with bounds on the impl block only, some of them on an associated type.
#[derive(Serialize, Deserialize, WalState)]
#[serde(bound = "")]
struct ByKind<K: Kind> {
    counts: BTreeMap<K::Key, u64>,
}

trait Kind {
    type Key: Clone + Debug + Ord + Serialize + DeserializeOwned + Send + Sync + 'static;
}

struct Words;

impl Kind for Words {
    type Key = String;
}

#[walr::mutations]
impl<K> ByKind<K>
where
    K: Kind + Send + Sync + 'static,
{
    #[mutation]
    fn count(&mut self, key: K::Key, more: &[K::Key]) -> Option<K::Key> {
        for key in more.iter().chain([&key]) {
            *self.counts.entry(key.clone()).or_default() += 1;
        }
        self.counts.keys().next().cloned()
    }

    #[mutation]
    fn forget(&mut self, key: &<K as Kind>::Key) -> bool {
        self.counts.remove(key).is_some()
    }
}

/// A generic type of which one instance is the state.
#[derive(Clone, Debug, Default, Serialize, Deserialize, WalState)]
struct Lines<T> {
    lines: Vec<T>,
}

#[walr::mutations]
impl Lines<String> {
    #[mutation]
    fn push(&mut self, line: &str, more: Option<Self>) -> usize {
        self.lines.push(line.to_string());
        self.lines.extend(more.into_iter().flat_map(|more| more.lines));
        self.lines.len()
    }
}

/// Uses the generic state in generic code.
async fn in_generic_code<K, V>(key: K, value: V) -> Result<Option<V>>
where
    K: Ord + Clone + Debug + Serialize + DeserializeOwned + Send + Sync + 'static,
    V: Clone + Debug + Serialize + DeserializeOwned + Send + Sync + 'static,
{
    let (_folder, table) = open::<Table<K, V, 2>>().await?;
    table.put(&key, value).await?;
    Ok(table.get(&key))
}

#[tokio::test]
async fn generic_states_are_called_and_replayed() -> Result {
    let (folder, table) = open::<Table<String, u64>>().await?;
    assert_eq!(table.put(&"a".to_string(), 1).await?, None);
    table.absorb(Some(vec![("b".into(), 2), ("c".into(), 3)])).await?;
    assert_eq!(table.remove_all(&["a".into(), "z".into()]).await?, 1);
    let outcome = table.apply(TableLog::Put { key: "d".into(), value: 4 }).await?;
    assert_eq!(format!("{outcome:?}"), "Put(None)");
    drop(table);
    let again = walr::Durable::<Table<String, u64>>::open(folder.path()).await?;
    assert_eq!((again.get(&"a".into()), again.get(&"d".into())), (None, Some(4)));
    assert_eq!(in_generic_code(1u8, "x".to_string()).await?, Some("x".to_string()));
    Ok(())
}

#[tokio::test]
async fn a_type_parameter_that_no_mutation_uses_needs_no_marker() -> Result {
    let (_folder, unused) = open::<Unused<u8>>().await?;
    unused.grow(3).await?;
    let log: UnusedLog = UnusedLog::Grow { by: 1 };
    match log {
        UnusedLog::Grow { by } => assert_eq!(by, 1),
    }
    assert_eq!(unused.read(|unused| unused.items.len()), 3);
    Ok(())
}

#[tokio::test]
async fn futures_of_generic_states_are_send() -> Result {
    let (_folder, table) = open::<Table<String, u64>>().await?;
    let task = tokio::spawn(async move { table.put(&"a".to_string(), 1).await });
    assert_eq!(task.await??, None);
    Ok(())
}

#[tokio::test]
async fn bounds_may_be_on_associated_types() -> Result {
    let folder = tempfile::tempdir()?;
    let first = || ByKind { counts: BTreeMap::new() };
    let words = walr::Durable::<ByKind<Words>>::options().open_with(folder.path(), first).await?;
    assert_eq!(words.count("b".into(), &["a".into(), "b".into()]).await?, Some("a".into()));
    assert!(words.forget(&"a".into()).await?);
    words.apply(ByKindLog::Forget { key: "c".into() }).await?;
    assert_eq!(words.read(|words| words.counts["b"]), 2);
    Ok(())
}

#[tokio::test]
async fn one_instance_of_a_generic_type_may_be_the_state() -> Result {
    let (_folder, lines) = open::<Lines<String>>().await?;
    let more = Lines { lines: vec!["b".to_string()] };
    assert_eq!(lines.push("a", Some(more)).await?, 2);
    assert!(matches!(lines.apply(LinesLog::Push { line: "c".into(), more: None }).await?, LinesOutcome::Push(3)));
    Ok(())
}
