//! A store has one owner: a second open is refused, in this process and in others, and a dropped store is free at once.

use std::env;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::common::{Result, Watchdog, assert_closed, assert_locked, block_on, numbered, open, run};
use walr::{Error, Fate};

/// The environment variable that names the store which a child process opens.
const STORE: &str = "WALR_TEST_STORE";

/// The part of a child process: it opens the store and pushes a word for each byte of its input. It reports each step on a
/// line that begins with `child: `.
///
/// Without [`STORE`] this is no child, and the test passes.
#[test]
fn child_process() -> Result {
    let Some(folder) = env::var_os(STORE) else { return Ok(()) };
    let words = block_on(open(Path::new(&folder)));
    let mut out = std::io::stdout();
    match &words {
        Ok(_) => writeln!(out, "child: open")?,
        Err(error) => writeln!(out, "child: {error}")?,
    }
    let words = words?;
    for number in 0.. {
        if std::io::stdin().read(&mut [0])? == 0 {
            break;
        }
        block_on(words.push(&format!("word {number}")))?;
        writeln!(out, "child: pushed")?;
    }
    Ok(())
}

/// A child process that runs [`child_process`].
struct Other {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Other {
    fn start(store: &Path) -> Result<Other> {
        let mut command = Command::new(env::current_exe()?);
        command.args(["--exact", "locking::child_process", "--nocapture"]).env(STORE, store);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let lines = BufReader::new(child.stdout.take().ok_or("the child has no output")?);
        Ok(Other { child, lines })
    }

    /// Returns the next report.
    fn report(&mut self) -> Result<String> {
        loop {
            let mut line = String::new();
            if self.lines.read_line(&mut line)? == 0 {
                return Ok("nothing".to_string());
            }
            // The harness writes to the same line.
            if let Some((_, report)) = line.split_once("child: ") {
                return Ok(report.trim_end().to_string());
            }
        }
    }

    fn push(&mut self) -> Result<String> {
        self.child.stdin.as_mut().ok_or("the child's input is closed")?.write_all(b"p")?;
        self.report()
    }

    /// Closes the child's input and waits for its end.
    fn end(mut self) -> Result {
        drop(self.child.stdin.take());
        assert!(self.child.wait()?.success());
        Ok(())
    }
}

#[test]
fn a_second_open_in_this_process_is_refused() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("store");
        let words = open(&path).await?;
        words.push("word 0").await?;
        for same in [path.clone(), path.join("."), folder.path().join("./store/../store")] {
            let error = open(&same).await.expect_err("the store was opened twice");
            assert!(matches!(error, Error::Locked { .. }), "{error}");
            assert_eq!(error.fate(), Fate::NotRecorded);
            assert!(error.to_string().contains("store"), "{error}");
        }
        assert_eq!(words.push("word 1").await?, 2, "the first handle works");
        let clone = words.clone();
        drop(words);
        assert_locked(&path).await;
        drop(clone);
        assert_eq!(open(&path).await?.words(), numbered(2));
        Ok(())
    })
}

#[cfg(unix)]
#[test]
fn a_link_to_the_folder_is_the_same_store() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let (path, link) = (folder.path().join("store"), folder.path().join("link"));
        let words = open(&path).await?;
        std::os::unix::fs::symlink(&path, &link)?;
        assert_locked(&link).await;
        words.push("word 0").await?;
        drop(words);
        assert_eq!(open(&link).await?.words(), numbered(1));
        Ok(())
    })
}

#[test]
fn a_closed_store_is_free_while_it_has_handles() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let old = open(folder.path()).await?;
        old.push("word 0").await?;
        old.close().await?;
        let new = open(folder.path()).await?;
        new.push("word 1").await?;
        assert_closed(old.push("word 1").await);
        drop(old);
        assert_locked(folder.path()).await;
        assert_eq!(new.push("word 2").await?, 3);
        Ok(())
    })
}

#[test]
fn a_second_open_in_another_process_is_refused() -> Result {
    let _watchdog = Watchdog::new();
    let folder = tempfile::tempdir()?;
    let words = block_on(open(folder.path()))?;
    assert!(Other::start(folder.path())?.report()?.contains("is open already"));
    block_on(words.push("word 0"))?;
    drop(words);
    let mut other = Other::start(folder.path())?;
    assert_eq!(other.report()?, "open");
    block_on(assert_locked(folder.path()));
    other.end()?;
    assert_eq!(block_on(open(folder.path()))?.words(), numbered(1));
    Ok(())
}

#[test]
fn a_killed_process_leaves_what_it_acknowledged_and_no_lock() -> Result {
    let _watchdog = Watchdog::new();
    let folder = tempfile::tempdir()?;
    let mut other = Other::start(folder.path())?;
    assert_eq!(other.report()?, "open");
    for _ in 0..20 {
        assert_eq!(other.push()?, "pushed");
    }
    other.child.kill()?;
    other.child.wait()?;
    assert_eq!(block_on(open(folder.path()))?.words(), numbered(20));
    Ok(())
}

#[test]
fn a_dropped_store_reopens_at_once() -> Result {
    let _watchdog = Watchdog::new();
    let folder = tempfile::tempdir()?;
    drop_and_reopen(folder.path())
}

#[test]
fn a_dropped_store_reopens_at_once_while_child_processes_start() -> Result {
    let _watchdog = Watchdog::new();
    let folder = tempfile::tempdir()?;
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let spawner = scope.spawn(|| -> std::io::Result<u32> {
            let mut started = 0;
            while !stop.load(Ordering::Relaxed) {
                // Before it runs its program, a new process holds a duplicate of each descriptor, also of the lock's.
                Command::new("true").status()?;
                started += 1;
            }
            Ok(started)
        });
        let done = drop_and_reopen(folder.path());
        stop.store(true, Ordering::Relaxed);
        let started = spawner.join().map_err(|_| "the thread that starts processes panicked")??;
        assert!(started > 0);
        done
    })
}

fn drop_and_reopen(folder: &Path) -> Result {
    for round in 0..60 {
        let words = block_on(open(folder))?;
        assert_eq!(words.count(), round);
        block_on(words.push(&format!("word {round}")))?;
        if round % 2 == 0 {
            block_on(words.close())?;
        }
    }
    Ok(())
}
