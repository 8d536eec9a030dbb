//! On a file system that is mounted read-only, a dry run reports what an open would do, and an open returns the reason why it
//! can't.
//!
//! Only root can mount. The simulator's tests have the same case for all users.
#![cfg(target_os = "linux")]

use std::io::{ErrorKind, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::common::{Result, Words, change_file, copy_folder, find, newest_with, options, push_numbered, run};
use walr::{Durable, Error};

/// A file system in memory that is unmounted when it is dropped.
struct Mount(tempfile::TempDir);

impl Mount {
    /// Mounts the file system. Returns `None`, and prints a line, if this process can't mount.
    fn new() -> Result<Option<Mount>> {
        let mount = Mount(tempfile::tempdir()?);
        if mount.mount("rw") {
            return Ok(Some(mount));
        }
        // The harness captures what `eprintln!` prints.
        writeln!(
            std::io::stderr(),
            "skipped: the test of a real read-only file system, because this process can't mount"
        )?;
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
        if self.mount("remount,ro") { Ok(()) } else { Err("the file system can't be mounted read-only".into()) }
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.path()).status();
    }
}

/// Puts a store with two words and the torn rest of a third into `folder`, with or without its `LOCK`.
async fn put_torn_store(folder: &Path, with_lock: bool) -> Result {
    let lived = tempfile::tempdir()?;
    let words = options().open(lived.path()).await?;
    push_numbered(&words, 3).await?;
    copy_folder(lived.path(), folder)?;
    let segment = newest_with(folder, ".wal")?;
    let at = find(&std::fs::read(&segment)?, b"word 2").ok_or("the word is not in the segment")?;
    change_file(&segment, |bytes| bytes[at + 4..].fill(0))?;
    if with_lock {
        std::fs::write(folder.join("LOCK"), "")?;
    }
    Ok(())
}

#[test]
fn a_dry_run_works_on_a_read_only_file_system_and_an_open_returns_the_reason() -> Result {
    run(async {
        for with_lock in [true, false] {
            let Some(mount) = Mount::new()? else { return Ok(()) };
            put_torn_store(mount.path(), with_lock).await?;
            mount.make_read_only()?;
            let dry = options().dry_run(mount.path()).await?;
            assert!(dry.refused.is_none() && !dry.creates, "{dry:?}");
            assert_eq!((dry.recovery.records, dry.recovery.cut.len()), (2, 1));
            let error = options().open(mount.path()).await.expect_err("the store opened on a read-only file system");
            let Error::Io { action: "lock", source, .. } = &error else { panic!("{error:?}") };
            assert_eq!(source.kind(), ErrorKind::ReadOnlyFilesystem);
            let error = Durable::<Words>::open(mount.path().join("new"))
                .await
                .expect_err("a store was created on a read-only file system");
            let Error::Io { source, .. } = &error else { panic!("{error:?}") };
            assert_eq!(source.kind(), ErrorKind::ReadOnlyFilesystem);
            assert!(options().dry_run(mount.path().join("new")).await?.creates);
        }
        Ok(())
    })
}
