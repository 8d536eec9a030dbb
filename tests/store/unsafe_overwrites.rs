//! On a medium that may lose a whole block during a write, no block with durable records is written again.

use std::path::Path;

use crate::common::{DURABILITIES, Result, files_with, numbered, options, push_numbered, run};

const BLOCK: usize = 4096;

/// Returns the blocks of the only segment in `folder`.
fn blocks(folder: &Path) -> Result<Vec<Vec<u8>>> {
    let segments = files_with(folder, ".wal")?;
    assert_eq!(segments.len(), 1, "{segments:?}");
    Ok(std::fs::read(&segments[0])?.chunks(BLOCK).map(<[u8]>::to_vec).collect())
}

#[test]
fn each_synced_group_has_blocks_of_its_own() -> Result {
    run(async {
        for safe in [true, false] {
            let folder = tempfile::tempdir()?;
            let words = options().power_safe_overwrite(safe).open(folder.path()).await?;
            words.push("word 0").await?;
            for number in 1..5 {
                let before = (blocks(folder.path())?, words.stats().log_bytes);
                words.push(&format!("word {number}")).await?;
                let after = (blocks(folder.path())?, words.stats().log_bytes);
                let written: Vec<usize> = (0..after.0.len()).filter(|&at| before.0[at] != after.0[at]).collect();
                assert_eq!(written, [if safe { 1 } else { 1 + number }]);
                let grown = after.1 - before.1;
                assert!(if safe { grown < 200 } else { grown > 3000 }, "the log grew by {grown} bytes");
            }
            words.close().await?;
            assert!(safe || std::fs::metadata(&files_with(folder.path(), ".wal")?[0])?.len() % BLOCK as u64 == 0);
        }
        Ok(())
    })
}

#[test]
fn power_safe_overwrite_may_change_at_each_open() -> Result {
    run(async {
        for durability in DURABILITIES {
            let folder = tempfile::tempdir()?;
            for round in 0..6 {
                let options = options().durability(durability).power_safe_overwrite(round % 2 == 0);
                let words = options.open(folder.path()).await?;
                assert_eq!(words.words(), numbered(2 * round));
                push_numbered(&words, 1).await?;
                words.sync().await?;
                assert!(words.push_and_panic("bad").await.is_err());
                push_numbered(&words, 1).await?;
                if round % 3 == 0 {
                    words.close().await?;
                }
            }
        }
        Ok(())
    })
}
