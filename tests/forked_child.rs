//! A process that was forked off has the memory of a store, and not its writer: its calls fail, and its drop closes nothing.
#![cfg(unix)]

mod common;

use common::{Result, Watchdog, block_on, open};
use fork::{Fork, fork, waitpid};
use walr::Error;

#[test]
fn a_forked_childs_calls_fail_and_the_parent_goes_on() -> Result {
    let _watchdog = Watchdog::new();
    let folder = tempfile::tempdir()?;
    let words = block_on(open(folder.path()))?;
    block_on(words.push("word 0"))?;
    match fork()? {
        Fork::Child => {
            // Nothing here may panic or print: the test harness's threads are not here.
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
            assert_eq!(status, 0, "the child's calls were not all refused");
        }
    }
    assert!(matches!(block_on(open(folder.path())), Err(Error::Locked { .. })), "the child's drop unlocks nothing");
    assert_eq!(block_on(words.push("word 1"))?, 2);
    drop(words);
    assert_eq!(block_on(open(folder.path()))?.words(), common::numbered(2));
    Ok(())
}
