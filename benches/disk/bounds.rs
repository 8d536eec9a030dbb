//! The bounds that no store can exceed: the disk alone, and a map without a log.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use crate::child::Figures;
use crate::{Bench, CacheLog, MIB, key};

pub(crate) fn encode(log: &CacheLog) -> Vec<u8> {
    bincode::serde::encode_to_vec(log, bincode::config::standard()).expect("strings can be encoded")
}

pub(crate) fn decode(bytes: &[u8]) -> CacheLog {
    bincode::serde::decode_from_slice(bytes, bincode::config::standard()).expect("the bench's own bytes").0
}

impl Bench {
    /// Writes and syncs groups of `bytes` bytes, which count as `records` records each.
    pub(crate) fn raw(&self, bytes: usize, records: u64) -> std::io::Result<Figures> {
        let path = self.path("raw");
        let mut file = File::create(&path)?;
        let len = 64 * MIB;
        for _ in 0..len / 4096 {
            file.write_all(&[0; 4096])?;
        }
        file.sync_all()?;
        let group = vec![b'x'; bytes];
        let (mut at, mut groups, began) = (0, 0, Instant::now());
        while began.elapsed() < self.secs {
            file.seek(SeekFrom::Start(at))?;
            file.write_all(&group)?;
            file.sync_data()?;
            at = if at as usize + 2 * bytes > len { 0 } else { at + bytes as u64 };
            groups += 1;
        }
        let figures = Figures { groups, syncs: groups, ..Figures::new(groups * records, began.elapsed()) };
        std::fs::remove_file(path)?;
        Ok(figures)
    }

    /// Runs tasks that each encode an insert, decode it again, and put it into a map behind a lock.
    pub(crate) async fn map(&self, tasks: u64) -> Figures {
        let (map, next) = (Arc::new(Mutex::new(HashMap::new())), Arc::new(AtomicU64::new(0)));
        let (began, until) = (Instant::now(), Instant::now() + self.secs);
        let jobs: Vec<_> = (0..tasks)
            .map(|_| {
                let (map, next) = (map.clone(), next.clone());
                tokio::spawn(async move {
                    while Instant::now() < until {
                        for _ in 0..64 {
                            let at = next.fetch_add(1, Ordering::Relaxed);
                            let log = CacheLog::Insert { key: key(at), value: "v".repeat(100) };
                            let CacheLog::Insert { key, value } = decode(&encode(&log));
                            map.lock().expect("no task panics").insert(key, value);
                        }
                        tokio::task::yield_now().await;
                    }
                })
            })
            .collect();
        for job in jobs {
            job.await.expect("no task panics");
        }
        Figures::new(next.load(Ordering::Relaxed), began.elapsed())
    }
}
