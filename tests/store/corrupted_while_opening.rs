//! An open reads the log twice: it checks all of it, and then applies it. Corruption between the two passes is refused like
//! any other, whether or not the second pass decodes on a thread of its own.

use crate::common::{
    Result, Words, fail_call, numbered, open_sim, options, push_log, run, sim_files_with, sim_with_words,
};
use walr::testing::{Kind, Sim};
use walr::{Durable, Error, Lsn, Phase, Progress};

/// A short log, which the opening thread decodes itself, and a long one, which a second thread decodes.
const RECORDS: [usize; 2] = [20, 1_500];

/// Leaves a store of `records` words, and returns it with the words.
async fn store_with(records: usize) -> Result<(Sim, Vec<String>)> {
    let (sim, words) = sim_with_words(0).await?;
    let all: Vec<_> = numbered(records).into_iter().map(|word| word + &"x".repeat(1000)).collect();
    for chunk in all.chunks(10) {
        words.apply_batch(chunk.iter().map(push_log)).await?;
    }
    drop(words);
    Ok((sim, all))
}

/// Opens the store, and calls `corrupt` once the log is checked and none of it is applied.
async fn open_and_corrupt(sim: &Sim, corrupt: impl Fn(&Sim) + Send + Sync + 'static) -> walr::Result<Durable<Words>> {
    let folder = sim.clone();
    let listener = move |at: Progress| {
        if at.phase == Phase::Replay && at.bytes == 0 {
            corrupt(&folder);
        }
    };
    options().on_progress(listener).open_on(sim.clone(), Words::default).await
}

/// Returns the offset of the last byte of a file that isn't zero.
fn end_of(sim: &Sim, name: &str) -> usize {
    let bytes = sim.read(name).unwrap_or_default();
    bytes.iter().rposition(|&byte| byte != 0).unwrap_or(0)
}

#[test]
fn a_bit_flipped_during_an_open_is_refused_by_file_and_offset_and_nothing_is_changed() -> Result {
    run(async {
        for records in RECORDS {
            let (sim, all) = store_with(records).await?;
            for name in sim_files_with(&sim, ".wal") {
                let end = end_of(&sim, &name);
                // In the header, in the first frame, in the middle, and in the last frame before the mark.
                for at in [44, 4096 + 9, 4096 + 90, end / 2, end - 5000] {
                    let bit = 8 * at as u64 + 3;
                    let image = sim.restart();
                    let flipped = name.clone();
                    let opened = open_and_corrupt(&image, move |sim| assert!(sim.flip(&flipped, bit))).await;
                    let what = format!("byte {at} of {name} of {records} records");
                    match opened {
                        Err(Error::Corrupt { path, offset, after, .. }) => {
                            assert!(at < end - 5000 || after > Lsn::new(0), "{what}: the records before it are intact");
                            assert!(path.ends_with(&name), "{what}: {}", path.display());
                            assert!(offset <= at as u64, "{what}: offset {offset}");
                        }
                        other => panic!("{what}: {other:?}"),
                    }
                    assert!(image.flip(&name, bit));
                    assert_eq!(image.fingerprint(), sim.fingerprint(), "{what}: the refusal changed a file");
                    assert!(open_sim(&image).await?.words() == all, "{what}: the restored store opens");
                }
            }
        }
        Ok(())
    })
}

#[test]
fn a_file_removed_truncated_or_unreadable_during_an_open_is_an_error() -> Result {
    run(async {
        for records in RECORDS {
            let (sim, all) = store_with(records).await?;
            let names = sim_files_with(&sim, ".wal");
            let last = names.last().ok_or("there is no segment")?.clone();
            let bytes = sim.read(&last).unwrap_or_default();
            for cut in [0, 100, 4096, bytes.len() / 2] {
                let (image, name, short) = (sim.restart(), last.clone(), bytes[..cut].to_vec());
                let opened = open_and_corrupt(&image, move |sim| sim.put(&name, &short)).await;
                assert!(
                    matches!(opened, Err(Error::Corrupt { .. })),
                    "truncated to {cut} bytes, {records} records: {opened:?}"
                );
                image.put(&last, &bytes);
                assert!(open_sim(&image).await?.words() == all);
            }
            for name in &names {
                let (image, gone) = (sim.restart(), name.clone());
                let opened = open_and_corrupt(&image, move |sim| assert!(sim.delete(&gone))).await;
                assert!(matches!(opened, Err(Error::Io { .. })), "without {name}, {records} records: {opened:?}");
            }
            // Fails each of the second pass's first reads.
            for ahead in 1..12 {
                let image = sim.restart();
                match open_and_corrupt(&image, move |sim| fail_call(sim, ahead, Kind::Io)).await {
                    Err(error) => {
                        assert!(matches!(error, Error::Io { .. }), "call {ahead}, {records} records: {error}")
                    }
                    Ok(words) => {
                        assert!(words.words() == all, "call {ahead}, {records} records");
                        assert!(ahead > 1, "the second pass makes no call");
                    }
                }
                image.fail(None);
                assert!(open_sim(&image).await?.words() == all, "call {ahead}, {records} records");
            }
        }
        Ok(())
    })
}
