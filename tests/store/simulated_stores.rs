//! Error messages name a store that isn't on a disk.

use std::path::Path;

use walr::fs::{Entry, File, Folder, Lock, Open};
use walr::testing::Sim;

use crate::common::{Result, Words, open_sim, options, run};

/// A user's implementation of `Folder` that has no name.
#[derive(Debug)]
struct Unnamed(Sim);

impl Folder for Unnamed {
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
        let locked = open_sim(&sim).await.expect_err("the store was opened twice").to_string();
        assert!(locked.contains("simulated store"), "{locked}");
        assert_eq!(words.store().path().to_str(), Some("simulated store"));
        drop(words);
        sim.put("STORE", b"not a store");
        for image in [sim.clone(), sim.restart(), sim.crash(1)] {
            let corrupt = open_sim(&image).await.expect_err("a corrupt store was opened").to_string();
            let path = Path::new("simulated store").join("STORE").display().to_string();
            assert!(corrupt.contains(&path), "{corrupt}");
        }
        Ok(())
    })
}

#[test]
fn messages_about_a_folder_without_a_name_call_it_unnamed() -> Result {
    run(async {
        let sim = Sim::new();
        let _words = open_sim(&sim).await?;
        let locked =
            options().open_on(Unnamed(sim), Words::default).await.expect_err("the store was opened twice").to_string();
        assert!(locked.contains("unnamed store"), "{locked}");
        Ok(())
    })
}
