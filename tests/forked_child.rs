//! A forked child has the memory of a store without its threads: its calls fail, and its drop closes nothing.
#![cfg(unix)]

mod common;

use common::{Result, Watchdog, assert_locked, block_on, numbered, open};
use fork::{Fork, fork, waitpid};
use walr::Error;

#[test]
fn calls_of_a_forked_child_fail_and_those_of_its_parent_work() -> Result {
    let _watchdog = Watchdog::new();
    let folder = tempfile::tempdir()?;
    let words = block_on(open(folder.path()))?;
    block_on(words.push("word 0"))?;
    match fork()? {
        Fork::Child => {
            // The child must not panic or print, because it has no threads of the test harness.
            let refused = [
                matches!(block_on(words.push("the child's")), Err(Error::Forked)),
                matches!(block_on(words.apply_batch([])), Err(Error::Forked)),
                matches!(block_on(words.checkpoint()), Err(Error::Forked)),
                matches!(block_on(words.sync()), Err(Error::Forked)),
                matches!(block_on(words.close()), Err(Error::Forked)),
                words.count() == 1,
            ];
            drop(words);
            std::process::exit(if refused == [true; 6] { 0 } else { 1 });
        }
        Fork::Parent(child) => {
            let status = waitpid(child)?;
            assert_eq!(status, 0, "a call of the child was not refused");
        }
    }
    block_on(assert_locked(folder.path()));
    assert_eq!(block_on(words.push("word 1"))?, 2);
    drop(words);
    assert_eq!(block_on(open(folder.path()))?.words(), numbered(2));
    Ok(())
}
