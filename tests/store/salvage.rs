//! The folder for copies of torn ends: how much it holds at the most, and what stands in its place.

use std::fs;
use std::path::Path;

use crate::common::{Result, copy_folder, files_with, find, numbered, open_sim, options, run};
use walr::testing::Sim;

const FOREIGN: [&str; 4] = [
    "salvage/notes.txt",
    "salvage/0000000000000001.wal",
    "salvage/0000000000000001.wal-1000-0.txt",
    "salvage/0000000000000001.wal-1000-00",
];

/// The folder as the end of the process leaves it, but with the record that holds this text torn.
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
fn it_keeps_the_newest_sixteen_copies_and_nothing_of_others_goes() -> Result {
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
            let cut = words.store().recovery().cut.last().cloned().ok_or("it is cut")?;
            let copy = name_of(&cut.copy.ok_or("there is a copy")?)?;
            assert!(find(&sim.read(&copy).ok_or("it is there")?, b"torn").is_some());
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

/// The copies of one place are told apart by a number of their own: it goes on too.
#[test]
fn it_keeps_the_newest_copies_of_one_place() -> Result {
    run(async {
        let sim = Sim::new();
        let words = open_sim(&sim).await?;
        words.push("whole").await?;
        words.push("torn in the end").await?;
        let base = torn(&sim, "torn in the end")?;
        let cut = open_sim(&base.restart()).await?.store().recovery().cut[0].clone();
        let (segment, end) = ("0000000000000001.wal", cut.offset as usize);
        let mut bytes = base.read(segment).ok_or("the segment is there")?;
        let mut folder = base;
        for round in 0..40u8 {
            bytes[end + 100] = round + 1;
            folder.put(segment, &bytes);
            let words = open_sim(&folder).await?;
            let copy = words.store().recovery().cut[0].copy.clone().ok_or("there is a copy")?;
            let copy = folder.read(&name_of(&copy)?).ok_or("it is there")?;
            assert_eq!(copy[100], round + 1);
            folder = folder.restart();
            let again = open_sim(&folder.restart()).await?.store().recovery().cut[0].copy.clone();
            assert_eq!(again, words.store().recovery().cut[0].copy, "what is there already isn't copied again");
        }
        assert_eq!(folder.files().iter().filter(|file| file.name.starts_with("salvage/")).count(), 16);
        Ok(())
    })
}

/// With a torn end there is then no copy, and so the end stays where it is.
#[test]
fn a_file_of_its_name_keeps_no_store_from_opening() -> Result {
    run(async {
        let (lived, left) = (tempfile::tempdir()?, tempfile::tempdir()?);
        let words = options().open(lived.path()).await?;
        for word in numbered(3) {
            words.push(&word).await?;
        }
        copy_folder(lived.path(), left.path())?;
        let mine = left.path().join("salvage");
        fs::write(&mine, "mine")?;
        let words = options().open(left.path()).await?;
        assert_eq!(words.words(), numbered(3));
        words.checkpoint().await?;
        words.close().await?;
        // Once more, with a torn end.
        fs::remove_dir_all(left.path())?;
        copy_folder(lived.path(), left.path())?;
        fs::write(&mine, "mine")?;
        let segment = &files_with(left.path(), ".wal")?[0];
        let mut bytes = fs::read(segment)?;
        let at = find(&bytes, b"word 2").ok_or("it is recorded")?;
        bytes[at + 4..].fill(0);
        fs::write(segment, &bytes)?;
        let words = options().open(left.path()).await?;
        assert_eq!(words.words(), numbered(2));
        let cut = words.store().recovery().cut.clone();
        assert!(cut.len() == 1 && cut[0].copy.is_none(), "{cut:?}");
        words.push("word 2").await?;
        words.close().await?;
        assert!(fs::read(segment)? == bytes, "what has no copy isn't cut");
        assert_eq!(options().open(left.path()).await?.words(), numbered(3));
        assert_eq!(fs::read(&mine)?, b"mine");
        Ok(())
    })
}
