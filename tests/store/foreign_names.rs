//! Files of others in a store's folder, some with names that look like those of unfinished files: none is removed. Unfinished files
//! of the store's own are.

use std::sync::Arc;

use crate::common::{Result, Words, numbered, open_sim, options, run};
use walr::testing::Sim;
use walr::testing::{Fault, Kind};
use walr::{ReplayHandlerResult, WAL};

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
const OWN: [&str; 3] = ["STORE.tmp", "0000000000000007.wal.tmp", "0000000000000007.ckpt.tmp"];

fn put(sim: &Sim, names: &[&str]) {
    names.iter().for_each(|name| sim.put(name, b"mine"));
}

#[track_caller]
fn all_foreign_are_there(sim: &Sim) {
    for name in FOREIGN {
        assert_eq!(sim.read(name).as_deref(), Some(&b"mine"[..]), "{name}");
    }
}

#[track_caller]
fn no_own_is_there(sim: &Sim) {
    for name in OWN {
        assert_eq!(sim.read(name), None, "{name}");
    }
}

#[test]
fn a_creation_and_a_recovery_remove_no_foreign_file() -> Result {
    run(async {
        let sim = Sim::new();
        put(&sim, &FOREIGN);
        put(&sim, &OWN);
        let words = open_sim(&sim).await?;
        no_own_is_there(&sim);
        words.push("word 0").await?;
        words.checkpoint().await?;
        drop(words);
        put(&sim, &OWN);
        assert_eq!(open_sim(&sim).await?.words(), numbered(1));
        no_own_is_there(&sim);
        all_foreign_are_there(&sim);
        Ok(())
    })
}

#[test]
fn a_checkpoint_that_fails_removes_no_foreign_file() -> Result {
    run(async {
        let sim = Sim::new();
        let words = open_sim(&sim).await?;
        put(&sim, &FOREIGN);
        words.push("word 0").await?;
        // In the middle of the checkpoint, after its file was created.
        sim.fail(Some(Fault { at: sim.calls() + 4, kind: Kind::Io, forever: false }));
        assert!(words.checkpoint().await.is_err());
        assert_eq!(sim.hits(), 1);
        all_foreign_are_there(&sim);
        let unfinished = sim.files().into_iter().find(|file| file.name == "0000000000000001.ckpt.tmp");
        assert_eq!(unfinished, None);
        Ok(())
    })
}

#[test]
fn the_manual_layer_removes_no_foreign_file() -> Result {
    fn ignore(_: Vec<String>, _: Arc<tokio::sync::Mutex<Words>>) -> ReplayHandlerResult {
        Box::pin(async { Ok(()) })
    }
    run(async {
        let sim = Sim::new();
        put(&sim, &FOREIGN);
        for _ in 0..2 {
            put(&sim, &OWN);
            let mut wal: WAL<String, Words> = WAL::open_on(sim.clone(), Box::new(ignore), None).await?;
            no_own_is_there(&sim);
            wal.log(&"word".to_string()).await?;
            wal.checkpoint(&Words::default()).await?;
        }
        all_foreign_are_there(&sim);
        Ok(())
    })
}

/// The same on the real file system, in the words of the one who lost a thesis.
#[test]
fn a_thesis_stays() -> Result {
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
