//! A store on a file system that is mounted read-only: a dry run tells what an open would do, and an open says why it can't.
//!
//! Only root may mount. The simulator has the same test for everybody.
#![cfg(target_os = "linux")]

use std::io::{ErrorKind, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::common::{Result, Words, copy_folder, files_with, find, numbered, options, run};
use walr::{Durable, Error};

/// A file system in memory, gone when this is dropped.
struct Mount(tempfile::TempDir);

impl Mount {
    /// `None`, and a word about it, where nothing can be mounted.
    fn new() -> Result<Option<Mount>> {
        let mount = Mount(tempfile::tempdir()?);
        if mount.mount("rw") {
            return Ok(Some(mount));
        }
        // Not a macro: what those print is captured.
        writeln!(std::io::stderr(), "skipped: a real read-only file system, because nothing can be mounted here")?;
        Ok(None)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn mount(&self, how: &str) -> bool {
        let mut command = Command::new("mount");
        command.args(["-t", "tmpfs", "-o", how, "walr-test"]).arg(self.path());
        command.stderr(Stdio::null()).status().is_ok_and(|status| status.success())
    }

    fn make_read_only(&self) -> Result {
        if self.mount("remount,ro") { Ok(()) } else { Err("what is mounted can't be made read-only".into()) }
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.path()).status();
    }
}

/// Puts a store with two words and the torn remains of a third there, with or without its `LOCK`.
async fn torn(folder: &Path, with_lock: bool) -> Result {
    let lived = tempfile::tempdir()?;
    let words = options().open(lived.path()).await?;
    for word in numbered(3) {
        words.push(&word).await?;
    }
    copy_folder(lived.path(), folder)?;
    let segment = &files_with(folder, ".wal")?[0];
    let mut bytes = std::fs::read(segment)?;
    let at = find(&bytes, b"word 2").ok_or("it is recorded")?;
    bytes[at + 4..].fill(0);
    std::fs::write(segment, bytes)?;
    if with_lock {
        std::fs::write(folder.join("LOCK"), "")?;
    }
    Ok(())
}

#[test]
fn a_dry_run_works_there_and_an_open_says_why_it_does_not() -> Result {
    run(async {
        for with_lock in [true, false] {
            let Some(mount) = Mount::new()? else { return Ok(()) };
            torn(mount.path(), with_lock).await?;
            mount.make_read_only()?;
            let looked = options().dry_run(mount.path()).await?;
            assert!(looked.refused.is_none() && !looked.creates, "{looked:?}");
            assert_eq!((looked.recovery.records, looked.recovery.cut.len()), (2, 1));
            let error = options().open(mount.path()).await.expect_err("it can't be locked for writing");
            let Error::Io { action: "lock", source, .. } = &error else { panic!("{error:?}") };
            assert_eq!(source.kind(), ErrorKind::ReadOnlyFilesystem);
            let error = Durable::<Words>::open(mount.path().join("new")).await.expect_err("there is nothing to open");
            let Error::Io { source, .. } = &error else { panic!("{error:?}") };
            assert_eq!(source.kind(), ErrorKind::ReadOnlyFilesystem);
            assert!(options().dry_run(mount.path().join("new")).await?.creates);
        }
        Ok(())
    })
}
