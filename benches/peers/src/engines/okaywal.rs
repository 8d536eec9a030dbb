//! okaywal: a log alone, beside a map. The map changes while the entry is open, because the crate lets nobody else append until the
//! commit: the order of the map is that of the log.

use std::io;
use std::sync::Arc;

use anyhow::Result;
use okaywal::{Configuration, Entry, EntryId, LogManager, SegmentReader, WriteAheadLog};
use parking_lot::Mutex;

use crate::engine::{Engine, Opts};
use crate::input::{Map, decode, encode};

#[derive(Debug)]
struct Manager(Arc<Mutex<Map>>);

impl LogManager for Manager {
    fn recover(&mut self, entry: &mut Entry<'_>) -> io::Result<()> {
        let Some(chunks) = entry.read_all_chunks()? else { return Ok(()) };
        let mut map = self.0.lock();
        for chunk in chunks {
            let ((key, value), _) = decode(&chunk).ok_or(io::ErrorKind::InvalidData)?;
            map.insert(key, value);
        }
        Ok(())
    }

    fn checkpoint_to(&mut self, _: EntryId, _: &mut SegmentReader, _: &WriteAheadLog) -> io::Result<()> {
        // The user writes the state here. The segments of each run are so large that none is due.
        Err(io::Error::other("a checkpoint was due: the segment was too small for this run"))
    }
}

pub struct Okaywal {
    log: WriteAheadLog,
    map: Arc<Mutex<Map>>,
}

impl Engine for Okaywal {
    const SYNC: Option<&'static str> = Some("`commit()`: grouped `fdatasync`; no checkpoints");
    const BUFFERED: Option<&'static str> = None;

    fn open(opts: &Opts) -> Result<Self> {
        let map = Arc::new(Mutex::new(Map::default()));
        let len = (opts.hint + opts.hint / 2).clamp(32 << 20, 3_500 << 20);
        let configuration = Configuration::default_for(&opts.dir);
        let configuration = configuration.preallocate_bytes(len as u32).checkpoint_after_bytes(len - (1 << 20));
        Ok(Okaywal { log: configuration.open(Manager(map.clone()))?, map })
    }

    async fn insert(&self, key: String, value: String) -> Result<()> {
        self.batch(vec![(key, value)]).await
    }

    async fn batch(&self, items: Vec<(String, String)>) -> Result<()> {
        let mut entry = self.log.begin_entry()?;
        let mut chunk = Vec::new();
        for (key, value) in &items {
            chunk.clear();
            encode(key, value, &mut chunk);
            entry.write_chunk(&chunk)?;
        }
        self.map.lock().extend(items);
        entry.commit()?;
        Ok(())
    }

    fn get(&self, key: &str) -> Result<Option<String>> {
        Ok(self.map.lock().get(key).cloned())
    }

    fn load(&self) -> Result<u64> {
        Ok(self.map.lock().len() as u64)
    }

    fn close(self) -> Result<()> {
        Ok(self.log.shutdown()?)
    }
}
