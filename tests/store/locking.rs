//! One owner: a store that is open is refused to everybody else, in this process and in others, and free at once when it
//! is dropped.

use std::env;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::common::{Result, Watchdog, block_on, numbered, open, run};
use walr::{Error, Fate};

/// Tells a child process which store to open.
const STORE: &str = "WALR_TEST_STORE";

/// Not a test of its own: what a child process does. It says each thing that it did on a line that begins with `child:`.
#[test]
fn child() -> Result {
    let Some(folder) = env::var_os(STORE) else { return Ok(()) };
    let words = block_on(open(Path::new(&folder)));
    let mut out = std::io::stdout();
    match &words {
        Ok(_) => writeln!(out, "child: open")?,
        Err(error) => writeln!(out, "child: {error}")?,
    }
    let words = words?;
    for number in 0.. {
        let mut order = [0];
        if std::io::stdin().read(&mut order)? == 0 {
            break;
        }
        block_on(words.push(&format!("word {number}")))?;
        writeln!(out, "child: pushed")?;
    }
    Ok(())
}

struct Other {
    child: Child,
    lines: BufReader<std::process::ChildStdout>,
}

impl Other {
    fn start(store: &Path) -> Result<Other> {
        let mut command = Command::new(env::current_exe()?);
        command.args(["--exact", "locking::child", "--nocapture"]).env(STORE, store);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let lines = BufReader::new(child.stdout.take().ok_or("it has no output")?);
        Ok(Other { child, lines })
    }

    /// The next thing that it says.
    fn says(&mut self) -> Result<String> {
        loop {
            let mut line = String::new();
            if self.lines.read_line(&mut line)? == 0 {
                return Ok("nothing".to_string());
            }
            // The harness writes to the same line.
            if let Some((_, said)) = line.split_once("child: ") {
                return Ok(said.trim_end().to_string());
            }
        }
    }

    fn push(&mut self) -> Result<String> {
        self.child.stdin.as_mut().ok_or("its input is closed")?.write_all(b"p")?;
        self.says()
    }

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
        for spelled in [path.clone(), path.join("."), folder.path().join("./store/../store")] {
            let error = open(&spelled).await.expect_err("it is open");
            assert!(matches!(error, Error::Locked { .. }), "{error}");
            assert_eq!(error.fate(), Fate::NotRecorded);
            assert!(error.to_string().contains("store"), "{error}");
        }
        assert_eq!(words.push("word 1").await?, 2, "the first handle is unharmed");
        let clone = words.clone();
        drop(words);
        assert!(matches!(open(&path).await, Err(Error::Locked { .. })), "a clone still holds it");
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
        assert!(matches!(open(&link).await, Err(Error::Locked { .. })));
        words.push("word 0").await?;
        drop(words);
        assert_eq!(open(&link).await?.words(), numbered(1));
        Ok(())
    })
}

#[test]
fn a_closed_store_is_free_while_its_handles_live() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let old = open(folder.path()).await?;
        old.push("word 0").await?;
        old.close().await?;
        let new = open(folder.path()).await?;
        new.push("word 1").await?;
        assert!(matches!(old.push("word 1").await, Err(Error::Closed)));
        drop(old);
        assert!(
            matches!(open(folder.path()).await, Err(Error::Locked { .. })),
            "the old handle's drop unlocks nothing"
        );
        assert_eq!(new.push("word 2").await?, 3);
        Ok(())
    })
}

#[test]
fn a_second_open_in_another_process_is_refused() -> Result {
    let _watchdog = Watchdog::new();
    let folder = tempfile::tempdir()?;
    let words = block_on(open(folder.path()))?;
    assert!(Other::start(folder.path())?.says()?.contains("is open already"));
    block_on(words.push("word 0"))?;
    drop(words);
    let mut other = Other::start(folder.path())?;
    assert_eq!(other.says()?, "open");
    assert!(matches!(block_on(open(folder.path())), Err(Error::Locked { .. })));
    other.end()?;
    assert_eq!(block_on(open(folder.path()))?.words(), numbered(1));
    Ok(())
}

#[test]
fn a_killed_process_leaves_what_it_acknowledged_and_no_lock() -> Result {
    let _watchdog = Watchdog::new();
    let folder = tempfile::tempdir()?;
    let mut other = Other::start(folder.path())?;
    assert_eq!(other.says()?, "open");
    for _ in 0..20 {
        assert_eq!(other.push()?, "pushed");
    }
    other.child.kill()?;
    other.child.wait()?;
    assert_eq!(block_on(open(folder.path()))?.words(), numbered(20));
    Ok(())
}

#[test]
fn a_dropped_store_opens_again_at_once() -> Result {
    let _watchdog = Watchdog::new();
    let folder = tempfile::tempdir()?;
    drop_and_open(folder.path())
}

#[test]
fn a_dropped_store_opens_again_while_child_processes_are_being_started() -> Result {
    let _watchdog = Watchdog::new();
    let folder = tempfile::tempdir()?;
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let spawner = scope.spawn(|| -> std::io::Result<u32> {
            let mut started = 0;
            while !stop.load(Ordering::Relaxed) {
                // Between its start and its program it holds a duplicate of every descriptor, the lock's included.
                Command::new("true").status()?;
                started += 1;
            }
            Ok(started)
        });
        let done = drop_and_open(folder.path());
        stop.store(true, Ordering::Relaxed);
        let started = spawner.join().map_err(|_| "the spawning thread panicked")??;
        assert!(started > 0);
        done
    })
}

fn drop_and_open(folder: &Path) -> Result {
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
