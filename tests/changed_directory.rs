//! The working directory may change while a store with a relative path is open. The file has one test, because all tests of a
//! process share its directory.

mod common;

use common::{Result, assert_locked, numbered, open, options, push_numbered, run};

#[test]
fn a_relative_path_is_resolved_once_at_the_open() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let (home, away) = (folder.path().join("home"), folder.path().join("away"));
        std::fs::create_dir(&home)?;
        std::fs::create_dir(&away)?;
        std::env::set_current_dir(&home)?;
        let words = options().segment_size(4096).open("store").await?;
        push_numbered(&words, 100).await?;
        assert!(words.store().path().is_absolute());

        std::env::set_current_dir(&away)?;
        push_numbered(&words, 100).await?;
        words.checkpoint().await?;
        assert!(words.push_and_panic("bad").await.is_err());
        assert!(!away.join("store").exists());
        assert_locked(&home.join("store")).await;
        assert!(words.store().path().ends_with("home/store"));
        words.close().await?;

        assert_eq!(open(&home.join("store")).await?.words(), numbered(200));
        // Leaves the folder, which is removed now.
        std::env::set_current_dir("/")?;
        Ok(())
    })
}
