//! A store on a folder that isn't a disk's: its messages name it.

use std::path::Path;

use walr::fs::{Entry, File, Folder, Lock, Open};
use walr::testing::Sim;

use crate::common::{Result, Words, open_sim, options, run};

/// A folder of the user's own, which says nothing of itself.
#[derive(Debug)]
struct Own(Sim);

impl Folder for Own {
    fn list(&self) -> std::io::Result<Vec<Entry>> {
        self.0.list()
    }
    fn list_salvage(&self) -> std::io::Result<Vec<Entry>> {
        self.0.list_salvage()
    }
    fn open(&self, name: &str, how: Open) -> std::io::Result<Box<dyn File>> {
        self.0.open(name, how)
    }
    fn rename(&self, from: &str, to: &str) -> std::io::Result<()> {
        self.0.rename(from, to)
    }
    fn remove(&self, name: &str) -> std::io::Result<()> {
        self.0.remove(name)
    }
    fn sync(&self) -> std::io::Result<()> {
        self.0.sync()
    }
    fn lock_if_there(&self, name: &str) -> std::io::Result<Option<Box<dyn Lock>>> {
        self.0.lock_if_there(name)
    }
    fn lock(&self, name: &str) -> std::io::Result<Option<Box<dyn Lock>>> {
        self.0.lock(name)
    }
}

#[test]
fn messages_name_a_simulated_store() -> Result {
    run(async {
        let sim = Sim::new();
        let words = open_sim(&sim).await?;
        let locked = open_sim(&sim).await.expect_err("it is open").to_string();
        assert!(locked.contains("simulated store"), "{locked}");
        assert_eq!(words.store().path().to_str(), Some("simulated store"));
        drop(words);
        sim.put("STORE", b"not a store");
        for damaged in [sim.clone(), sim.restart(), sim.crash(1)] {
            let corrupt = open_sim(&damaged).await.expect_err("it is corrupt").to_string();
            let path = Path::new("simulated store").join("STORE").display().to_string();
            assert!(corrupt.contains(&path), "{corrupt}");
        }
        Ok(())
    })
}

#[test]
fn messages_name_a_folder_that_says_nothing_of_itself() -> Result {
    run(async {
        let sim = Sim::new();
        let _words = open_sim(&sim).await?;
        let locked = options().open_on(Own(sim), Words::default).await.expect_err("it is open").to_string();
        assert!(locked.contains("unnamed store"), "{locked}");
        Ok(())
    })
}
