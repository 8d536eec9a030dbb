//! A working directory that changes while a store with a relative path is open. One test alone, because the directory is
//! the whole process's.

mod common;

use common::{Result, numbered, open, options, run};
use walr::Error;

#[test]
fn a_relative_path_stays_where_it_was_opened() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let (home, away) = (folder.path().join("home"), folder.path().join("away"));
        std::fs::create_dir(&home)?;
        std::fs::create_dir(&away)?;
        std::env::set_current_dir(&home)?;
        let words = options().segment_size(4096).open("store").await?;
        let all = numbered(200);
        for word in &all[..100] {
            words.push(word).await?;
        }
        assert!(words.store().path().is_absolute());

        std::env::set_current_dir(&away)?;
        for word in &all[100..] {
            words.push(word).await?;
        }
        words.checkpoint().await?;
        assert!(words.push_and_panic("bad").await.is_err());
        assert!(!away.join("store").exists());
        assert!(matches!(open(&home.join("store")).await, Err(Error::Locked { .. })));
        assert!(words.store().path().ends_with("home/store"));
        words.close().await?;

        assert_eq!(open(&home.join("store")).await?.words(), all);
        // Out of the folder that is removed now.
        std::env::set_current_dir("/")?;
        Ok(())
    })
}
