//! redb: a database of copy-on-write trees, with a transaction for each insert.

use anyhow::{Result, bail};
use parking_lot::RwLock;
use redb::{Database, Durability, ReadableDatabase, ReadableTable, TableDefinition};

use crate::engine::{Engine, Opts};
use crate::input::Map;

const TABLE: TableDefinition<'_, &str, &str> = TableDefinition::new("cache");

pub struct Redb {
    database: RwLock<Database>,
    sync: bool,
}

impl Redb {
    fn put<'a>(&self, items: impl Iterator<Item = (&'a str, &'a str)>) -> Result<()> {
        let mut transaction = self.database.read().begin_write()?;
        transaction.set_durability(if self.sync { Durability::Immediate } else { Durability::None })?;
        {
            let mut table = transaction.open_table(TABLE)?;
            for (key, value) in items {
                table.insert(key, value)?;
            }
        }
        Ok(transaction.commit()?)
    }
}

impl Engine for Redb {
    const DATABASE: bool = true;
    const SYNC: Option<&'static str> = Some("a transaction each, `Durability::Immediate`");
    const BUFFERED: Option<&'static str> = Some("a transaction each, `Durability::None`: in the process");

    fn open(opts: &Opts) -> Result<Self> {
        std::fs::create_dir_all(&opts.dir)?;
        let database = Database::create(opts.dir.join("db.redb"))?;
        let transaction = database.begin_write()?;
        transaction.open_table(TABLE)?;
        transaction.commit()?;
        Ok(Redb { database: RwLock::new(database), sync: opts.sync })
    }

    async fn insert(&self, key: String, value: String) -> Result<()> {
        self.put(std::iter::once((&key[..], &value[..])))
    }

    async fn batch(&self, items: Vec<(String, String)>) -> Result<()> {
        self.put(items.iter().map(|(key, value)| (&key[..], &value[..])))
    }

    async fn checkpoint(&self) -> Result<()> {
        if !self.database.write().compact()? {
            bail!("`compact` did nothing");
        }
        Ok(())
    }

    fn get(&self, key: &str) -> Result<Option<String>> {
        let transaction = self.database.read().begin_read()?;
        Ok(transaction.open_table(TABLE)?.get(key)?.map(|value| value.value().to_string()))
    }

    fn load(&self) -> Result<u64> {
        let transaction = self.database.read().begin_read()?;
        let mut map = Map::default();
        for entry in transaction.open_table(TABLE)?.iter()? {
            let (key, value) = entry?;
            map.insert(key.value().to_string(), value.value().to_string());
        }
        Ok(map.len() as u64)
    }

    /// Makes the commits with `Durability::None` durable.
    fn close(self) -> Result<()> {
        Ok(self.database.read().begin_write()?.commit()?)
    }
}
