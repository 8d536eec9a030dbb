//! The folder `salvage` holds a limited number of copies of torn ends.

use std::fs;
use std::path::Path;

use crate::common::{
    Result, change_file, copy_of, find, newest_with, numbered, open_sim, options, push_numbered, run, sim_with_words,
};
use walr::testing::Sim;

/// Files whose names only resemble those of copies.
const FOREIGN: [&str; 4] = [
    "salvage/notes.txt",
    "salvage/0000000000000001.wal",
    "salvage/0000000000000001.wal-1000-0.txt",
    "salvage/0000000000000001.wal-1000-00",
];

/// Returns what the end of the process leaves, with the record that holds `text` torn.
fn torn(sim: &Sim, text: &str) -> Result<Sim> {
    let image = sim.restart();
    for file in image.files() {
        let bytes = image.read(&file.name).unwrap_or_default();
        if let Some(at) = find(&bytes, text.as_bytes()).filter(|_| file.name.ends_with(".wal")) {
            image.put(&file.name, &[&bytes[..at + 4], &vec![0; bytes.len() - at - 4]].concat());
            return Ok(image);
        }
    }
    Err(format!("no segment holds {text}").into())
}

/// Returns the name of a copy in the simulated folder.
fn name_of(copy: &Path) -> Result<String> {
    Ok(copy.strip_prefix("simulated store")?.to_string_lossy().into_owned())
}

#[test]
fn salvage_keeps_the_newest_sixteen_copies_and_all_foreign_files() -> Result {
    run(async {
        let mut sim = Sim::new();
        FOREIGN.iter().for_each(|name| sim.put(name, b"mine"));
        let mut copies = Vec::new();
        for round in 0..40 {
            let words = open_sim(&sim).await?;
            words.push("whole").await?;
            words.push(&format!("torn in round {round}")).await?;
            sim = torn(&sim, &format!("torn in round {round}"))?;
            let words = open_sim(&sim).await?;
            let cut = words.store().recovery().cut.last().cloned().ok_or("nothing was cut off")?;
            let copy = name_of(&cut.copy.ok_or("the cut has no copy")?)?;
            assert!(find(&sim.read(&copy).ok_or("the copy is missing")?, b"torn").is_some());
            copies.push(copy);
            drop(words);
            let mut kept: Vec<_> = sim.files().into_iter().map(|file| file.name).collect();
            kept.retain(|name| name.starts_with("salvage/") && !FOREIGN.contains(&&**name));
            assert_eq!(kept, copies[copies.len().saturating_sub(16)..], "round {round}");
        }
        for name in FOREIGN {
            assert_eq!(sim.read(name).as_deref(), Some(&b"mine"[..]), "{name}");
        }
        Ok(())
    })
}

/// Copies of the same place have a number in their names.
#[test]
fn salvage_keeps_the_newest_copies_of_one_place() -> Result {
    run(async {
        let (sim, words) = sim_with_words(0).await?;
        words.push("whole").await?;
        words.push("torn in the end").await?;
        let base = torn(&sim, "torn in the end")?;
        let cut = open_sim(&base.restart()).await?.store().recovery().cut[0].clone();
        let (segment, end) = ("0000000000000001.wal", cut.offset as usize);
        let mut bytes = base.read(segment).ok_or("the segment is missing")?;
        let mut folder = base;
        for round in 0..40u8 {
            bytes[end + 100] = round + 1;
            folder.put(segment, &bytes);
            let words = open_sim(&folder).await?;
            let copy = words.store().recovery().cut[0].copy.clone().ok_or("the cut has no copy")?;
            let copy = folder.read(&name_of(&copy)?).ok_or("the copy is missing")?;
            assert_eq!(copy[100], round + 1);
            folder = folder.restart();
            let again = open_sim(&folder.restart()).await?.store().recovery().cut[0].copy.clone();
            assert_eq!(again, words.store().recovery().cut[0].copy, "an open copied the same end again");
        }
        assert_eq!(folder.files().iter().filter(|file| file.name.starts_with("salvage/")).count(), 16);
        Ok(())
    })
}

#[test]
fn a_file_named_salvage_does_not_prevent_an_open() -> Result {
    run(async {
        let lived = tempfile::tempdir()?;
        let words = options().open(lived.path()).await?;
        push_numbered(&words, 3).await?;
        let left = copy_of(lived.path())?;
        fs::write(left.path().join("salvage"), "mine")?;
        let words = options().open(left.path()).await?;
        assert_eq!(words.words(), numbered(3));
        words.checkpoint().await?;
        words.close().await?;
        Ok(())
    })
}

#[test]
fn a_torn_end_that_can_not_be_copied_is_not_cut_off() -> Result {
    run(async {
        let lived = tempfile::tempdir()?;
        let words = options().open(lived.path()).await?;
        push_numbered(&words, 3).await?;
        let left = copy_of(lived.path())?;
        let (mine, segment) = (left.path().join("salvage"), newest_with(left.path(), ".wal")?);
        fs::write(&mine, "mine")?;
        let at = find(&fs::read(&segment)?, b"word 2").ok_or("the word is not in the segment")?;
        change_file(&segment, |bytes| bytes[at + 4..].fill(0))?;
        let torn = fs::read(&segment)?;
        let words = options().open(left.path()).await?;
        assert_eq!(words.words(), numbered(2));
        let cut = words.store().recovery().cut.clone();
        assert!(cut.len() == 1 && cut[0].copy.is_none(), "{cut:?}");
        words.push("word 2").await?;
        words.close().await?;
        assert!(fs::read(segment)? == torn, "the end was cut off without a copy");
        assert_eq!(options().open(left.path()).await?.words(), numbered(3));
        assert_eq!(fs::read(&mine)?, b"mine");
        Ok(())
    })
}
