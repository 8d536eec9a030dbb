//! A medium that may lose a whole block that it was writing: no block with durable records is written again.

use std::path::Path;

use crate::common::{DURABILITIES, Result, files_with, numbered, options, run};

const BLOCK: usize = 4096;

/// The blocks of the one segment in `folder`.
fn blocks(folder: &Path) -> Result<Vec<Vec<u8>>> {
    let segments = files_with(folder, ".wal")?;
    assert_eq!(segments.len(), 1, "{segments:?}");
    Ok(std::fs::read(&segments[0])?.chunks(BLOCK).map(<[u8]>::to_vec).collect())
}

#[test]
fn each_synced_group_stands_on_blocks_of_its_own() -> Result {
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
                assert!(if safe { grown < 200 } else { grown > 3000 }, "padding is a part of the log: {grown}");
            }
            words.close().await?;
            assert!(safe || std::fs::metadata(&files_with(folder.path(), ".wal")?[0])?.len() % BLOCK as u64 == 0);
        }
        Ok(())
    })
}

#[test]
fn the_option_may_change_from_one_open_to_the_next() -> Result {
    run(async {
        for durability in DURABILITIES {
            let folder = tempfile::tempdir()?;
            for round in 0..6 {
                let options = options().durability(durability).power_safe_overwrite(round % 2 == 0);
                let words = options.open(folder.path()).await?;
                assert_eq!(words.words(), numbered(2 * round));
                words.push(&format!("word {}", 2 * round)).await?;
                words.sync().await?;
                assert!(words.push_and_panic("bad").await.is_err());
                words.push(&format!("word {}", 2 * round + 1)).await?;
                if round % 3 == 0 {
                    words.close().await?;
                }
            }
        }
        Ok(())
    })
}
