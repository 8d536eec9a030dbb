//! fjall: a database with a journal.

use anyhow::Result;
use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};

use crate::engine::{Engine, Opts};
use crate::input::Map;

pub struct Fjall {
    database: Database,
    keyspace: Keyspace,
    sync: bool,
}

impl Engine for Fjall {
    const DATABASE: bool = true;
    const SYNC: Option<&'static str> = Some("`insert` and `persist(SyncData)`");
    const BUFFERED: Option<&'static str> = Some("`insert`: to the system");

    fn open(opts: &Opts) -> Result<Self> {
        let database = Database::builder(&opts.dir).open()?;
        let keyspace = database.keyspace("cache", KeyspaceCreateOptions::default)?;
        Ok(Fjall { database, keyspace, sync: opts.sync })
    }

    async fn insert(&self, key: String, value: String) -> Result<()> {
        self.keyspace.insert(key, value)?;
        if self.sync {
            self.database.persist(PersistMode::SyncData)?;
        }
        Ok(())
    }

    async fn batch(&self, items: Vec<(String, String)>) -> Result<()> {
        let mode = if self.sync { PersistMode::SyncData } else { PersistMode::Buffer };
        let mut batch = self.database.batch().durability(Some(mode));
        for (key, value) in items {
            batch.insert(&self.keyspace, key, value);
        }
        Ok(batch.commit()?)
    }

    async fn checkpoint(&self) -> Result<()> {
        self.keyspace.rotate_memtable_and_wait()?;
        Ok(self.keyspace.major_compact()?)
    }

    fn get(&self, key: &str) -> Result<Option<String>> {
        Ok(self.keyspace.get(key)?.map(|value| String::from_utf8_lossy(&value).into_owned()))
    }

    fn load(&self) -> Result<u64> {
        let mut map = Map::default();
        for entry in self.keyspace.iter() {
            let (key, value) = entry.into_inner()?;
            map.insert(String::from_utf8_lossy(&key).into_owned(), String::from_utf8_lossy(&value).into_owned());
        }
        Ok(map.len() as u64)
    }
}
