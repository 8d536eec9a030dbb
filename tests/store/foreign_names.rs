//! Unfinished files of the store itself are removed. Foreign files are kept, also if their names look like those of unfinished
//! files.

use std::sync::Arc;

use crate::common::{Result, Words, fail_call, numbered, open_sim, options, run, sim_with_words};
use walr::testing::{Kind, Sim};
use walr::{ReplayHandlerResult, WAL};

/// Names that only resemble those of unfinished files.
const FOREIGN: [&str; 10] = [
    ".hidden.tmp",
    ".tmp",
    "0123.ckpt.tmp",
    "0123.wal.tmp",
    "000000000000001A.wal.tmp",
    "0000000000000001.ckpt.bad.tmp",
    "0000000000000001.tmp",
    "LOCK.tmp",
    "store.tmp",
    "thesis.tmp",
];
/// Names of unfinished files of a store.
const OWN: [&str; 3] = ["STORE.tmp", "0000000000000007.wal.tmp", "0000000000000007.ckpt.tmp"];

fn put(sim: &Sim, names: &[&str]) {
    names.iter().for_each(|name| sim.put(name, b"mine"));
}

#[track_caller]
fn assert_foreign_kept(sim: &Sim) {
    for name in FOREIGN {
        assert_eq!(sim.read(name).as_deref(), Some(&b"mine"[..]), "{name}");
    }
}

#[track_caller]
fn assert_own_removed(sim: &Sim) {
    for name in OWN {
        assert_eq!(sim.read(name), None, "{name}");
    }
}

#[test]
fn a_creation_and_a_recovery_keep_foreign_files() -> Result {
    run(async {
        let sim = Sim::new();
        put(&sim, &FOREIGN);
        put(&sim, &OWN);
        let words = open_sim(&sim).await?;
        assert_own_removed(&sim);
        words.push("word 0").await?;
        words.checkpoint().await?;
        drop(words);
        put(&sim, &OWN);
        assert_eq!(open_sim(&sim).await?.words(), numbered(1));
        assert_own_removed(&sim);
        assert_foreign_kept(&sim);
        Ok(())
    })
}

#[test]
fn a_failing_checkpoint_keeps_foreign_files() -> Result {
    run(async {
        let (sim, words) = sim_with_words(1).await?;
        put(&sim, &FOREIGN);
        // The fourth call of the checkpoint comes after the creation of its file.
        fail_call(&sim, 4, Kind::Io);
        assert!(words.checkpoint().await.is_err());
        assert_eq!(sim.hits(), 1);
        assert_foreign_kept(&sim);
        let unfinished = sim.files().into_iter().find(|file| file.name == "0000000000000001.ckpt.tmp");
        assert_eq!(unfinished, None);
        Ok(())
    })
}

#[test]
fn the_manual_layer_keeps_foreign_files() -> Result {
    fn ignore(_: Vec<String>, _: Arc<tokio::sync::Mutex<Words>>) -> ReplayHandlerResult {
        Box::pin(async { Ok(()) })
    }
    run(async {
        let sim = Sim::new();
        put(&sim, &FOREIGN);
        for _ in 0..2 {
            put(&sim, &OWN);
            let mut wal: WAL<String, Words> = WAL::open_on(sim.clone(), Box::new(ignore), None).await?;
            assert_own_removed(&sim);
            wal.log(&"word".to_string()).await?;
            wal.checkpoint(&Words::default()).await?;
        }
        assert_foreign_kept(&sim);
        Ok(())
    })
}

#[test]
fn a_store_on_the_real_file_system_keeps_foreign_files() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let thesis = folder.path().join("thesis.tmp");
        std::fs::write(&thesis, "all of it")?;
        for _ in 0..2 {
            options().open(folder.path()).await?.close().await?;
        }
        assert_eq!(std::fs::read_to_string(&thesis)?, "all of it");
        Ok(())
    })
}
