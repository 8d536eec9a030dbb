//! SQLite with its write-ahead log: one connection behind a lock, and a transaction for each insert.

use anyhow::Result;
use parking_lot::Mutex;
use rusqlite::{Connection, OptionalExtension};

use crate::engine::{Engine, Opts};
use crate::input::Map;

const INSERT: &str = "INSERT INTO cache(k, v) VALUES(?1, ?2) ON CONFLICT(k) DO UPDATE SET v = excluded.v";

pub struct Sqlite {
    connection: Mutex<Connection>,
}

impl Engine for Sqlite {
    const DATABASE: bool = true;
    const SYNC: Option<&'static str> = Some("WAL, `synchronous=FULL`, a transaction each");
    const BUFFERED: Option<&'static str> = Some("WAL, `synchronous=OFF`, a transaction each: to the system");

    fn open(opts: &Opts) -> Result<Self> {
        std::fs::create_dir_all(&opts.dir)?;
        let connection = Connection::open(opts.dir.join("db.sqlite"))?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", if opts.sync { "FULL" } else { "OFF" })?;
        let create = "CREATE TABLE IF NOT EXISTS cache(k TEXT PRIMARY KEY, v TEXT NOT NULL) WITHOUT ROWID";
        connection.execute_batch(create)?;
        Ok(Sqlite { connection: Mutex::new(connection) })
    }

    async fn insert(&self, key: String, value: String) -> Result<()> {
        self.connection.lock().prepare_cached(INSERT)?.execute((&key, &value))?;
        Ok(())
    }

    async fn batch(&self, items: Vec<(String, String)>) -> Result<()> {
        let mut connection = self.connection.lock();
        let transaction = connection.transaction()?;
        {
            let mut insert = transaction.prepare_cached(INSERT)?;
            for (key, value) in &items {
                insert.execute((key, value))?;
            }
        }
        Ok(transaction.commit()?)
    }

    async fn checkpoint(&self) -> Result<()> {
        Ok(self.connection.lock().query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?)
    }

    fn get(&self, key: &str) -> Result<Option<String>> {
        let connection = self.connection.lock();
        Ok(connection.query_row("SELECT v FROM cache WHERE k = ?1", [key], |row| row.get(0)).optional()?)
    }

    fn load(&self) -> Result<u64> {
        let connection = self.connection.lock();
        let mut select = connection.prepare("SELECT k, v FROM cache")?;
        let mut rows = select.query([])?;
        let mut map = Map::default();
        while let Some(row) = rows.next()? {
            map.insert(row.get(0)?, row.get(1)?);
        }
        Ok(map.len() as u64)
    }
}
