//! Opens of a store with a million records, and the same work on one thread without walr.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use walr::{CheckpointPolicy, Durability, Durable, Options};

use crate::bounds::{decode, encode};
use crate::child::{Figures, Outcome};
use crate::{Bench, Cache, CacheLog, KEYS, key};

fn options() -> Options<Cache> {
    let durability = Durability::Periodic(Duration::from_secs(1));
    Durable::<Cache>::options().durability(durability).checkpoint(CheckpointPolicy::Manual)
}

impl Bench {
    fn filled(&self) -> PathBuf {
        self.path("filled")
    }

    /// Returns the path of a file of encoded inserts, each after its length.
    fn values(&self) -> PathBuf {
        self.path("values")
    }

    /// Creates a store of a million inserts with one record each, and a checkpoint if `checkpoint` says so.
    pub(crate) async fn fill(&self, checkpoint: bool) -> Outcome<Figures> {
        let folder = self.fresh("filled")?;
        let began = Instant::now();
        let state = options().open(folder).await?;
        for at in 0..KEYS {
            state.insert(key(at), "v".repeat(100)).await?;
        }
        if checkpoint {
            state.checkpoint().await?;
        }
        state.close().await?;
        let took = began.elapsed();
        let mut file = BufWriter::new(File::create(self.values())?);
        for at in 0..KEYS {
            let bytes = encode(&CacheLog::Insert { key: key(at), value: "v".repeat(100) });
            file.write_all(&(bytes.len() as u32).to_le_bytes())?;
            file.write_all(&bytes)?;
        }
        file.flush()?;
        Ok(Figures::new(KEYS, took))
    }

    pub(crate) fn remove_filled(&self) -> std::io::Result<()> {
        std::fs::remove_dir_all(self.filled())?;
        std::fs::remove_file(self.values())
    }

    /// Opens the store.
    pub(crate) async fn open(&self) -> Outcome<Figures> {
        let began = Instant::now();
        let state = options().open(self.filled()).await?;
        let took = began.elapsed();
        assert_eq!(state.read(|cache| cache.entries.len()) as u64, KEYS);
        Ok(Figures::new(KEYS, took))
    }

    /// Decodes the inserts and puts them into a map: the bound of an open on one thread.
    pub(crate) fn decode(&self) -> Outcome<Figures> {
        let began = Instant::now();
        let mut file = BufReader::with_capacity(1 << 20, File::open(self.values())?);
        let (mut map, mut len, mut bytes) = (HashMap::new(), [0; 4], Vec::new());
        for _ in 0..KEYS {
            file.read_exact(&mut len)?;
            bytes.resize(u32::from_le_bytes(len) as usize, 0);
            file.read_exact(&mut bytes)?;
            let CacheLog::Insert { key, value } = decode(&bytes);
            map.insert(key, value);
        }
        let took = began.elapsed();
        assert_eq!(map.len() as u64, KEYS);
        Ok(Figures::new(KEYS, took))
    }
}
