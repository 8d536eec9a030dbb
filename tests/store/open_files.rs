//! A store holds as many files open as the docs of `Durable` say.
#![cfg(target_os = "linux")]

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::common::{DURABILITIES, Result, Words, options, run};
use walr::Durable;

/// Returns the number of this process's descriptors of files in `folder`, and of the folder itself.
fn open_files(folder: &Path) -> usize {
    let Ok(descriptors) = fs::read_dir("/proc/self/fd") else { return 0 };
    let target = |entry: std::io::Result<fs::DirEntry>| fs::read_link(entry.ok()?.path()).ok();
    descriptors.filter_map(target).filter(|path| path.starts_with(folder)).count()
}

/// Writes several segments, and a checkpoint after each third round.
async fn write(words: &Durable<Words>) -> walr::Result<()> {
    for round in 0..12 {
        for _ in 0..20 {
            words.push(&"x".repeat(2000)).await?;
        }
        if round % 3 == 0 {
            words.checkpoint().await?;
        }
    }
    Ok(())
}

#[test]
fn a_store_holds_two_to_nine_files_open() -> Result {
    run(async {
        for durability in DURABILITIES {
            let folder = tempfile::tempdir()?;
            let path = folder.path().canonicalize()?;
            let words = options().durability(durability).segment_size(256 << 10).open(&path).await?;
            assert_eq!(open_files(&path), 2, "an open holds the folder and `LOCK`");
            words.push("word").await?;
            words.sync().await?;
            let steady = open_files(&path);
            assert!((3..=4).contains(&steady), "{steady} open files: a segment takes one or two");
            let done = Arc::new(AtomicBool::new(false));
            let (watched, until) = (path.clone(), done.clone());
            let watcher = std::thread::spawn(move || {
                let mut most = 0;
                while !until.load(Ordering::Relaxed) {
                    most = most.max(open_files(&watched));
                }
                most
            });
            let written = write(&words).await;
            done.store(true, Ordering::Relaxed);
            written?;
            let most = watcher.join().map_err(|_| "the watcher panicked")?;
            assert!((steady + 2..=9).contains(&most), "{durability:?}: {most} open files");
            drop(words);
            assert_eq!(open_files(&path), 0);
        }
        Ok(())
    })
}
