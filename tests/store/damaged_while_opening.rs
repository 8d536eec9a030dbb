//! An open reads the log twice: it checks all of it, and then applies it. What is damaged between the two is refused as any
//! damage is, whether the second reading is on a thread of its own or not.

use crate::common::{Result, Words, WordsLog, numbered, open_sim, options, run};
use walr::testing::{Fault, Kind, Sim};
use walr::{Durable, Error, Lsn, Phase, Progress};

/// Logs on either side of what is worth a second thread.
const LOGS: [usize; 2] = [20, 1_500];

/// A store that was left with this many records in its log, and their words.
async fn left(records: usize) -> Result<(Sim, Vec<String>)> {
    let sim = Sim::new();
    let words = open_sim(&sim).await?;
    let all: Vec<_> = numbered(records).into_iter().map(|word| word + &"x".repeat(1000)).collect();
    for chunk in all.chunks(10) {
        words.apply_batch(chunk.iter().map(|word| WordsLog::Push { word: word.clone() })).await?;
    }
    drop(words);
    Ok((sim, all))
}

/// Opens it, and does this when the log has been checked and nothing of it is applied.
async fn open_and_meanwhile(sim: &Sim, damage: impl Fn(&Sim) + Send + Sync + 'static) -> walr::Result<Durable<Words>> {
    let folder = sim.clone();
    let listener = move |at: Progress| {
        if at.phase == Phase::Replay && at.bytes == 0 {
            damage(&folder);
        }
    };
    options().on_progress(listener).open_on(sim.clone(), Words::default).await
}

fn segments(sim: &Sim) -> Vec<String> {
    let names = sim.files().into_iter().map(|file| file.name);
    names.filter(|name| name.ends_with(".wal")).collect()
}

/// Where the contents of a file end.
fn end_of(sim: &Sim, name: &str) -> usize {
    let bytes = sim.read(name).unwrap_or_default();
    bytes.iter().rposition(|&byte| byte != 0).unwrap_or(0)
}

#[test]
fn a_flipped_bit_is_refused_by_file_and_offset_and_nothing_is_changed() -> Result {
    run(async {
        for records in LOGS {
            let (sim, all) = left(records).await?;
            for name in segments(&sim) {
                let end = end_of(&sim, &name);
                // In the header, in the first frame, in the middle, in the last frame before the mark.
                for at in [44, 4096 + 9, 4096 + 90, end / 2, end - 5000] {
                    let bit = 8 * at as u64 + 3;
                    let image = sim.restart();
                    let flipped = name.clone();
                    let opened = open_and_meanwhile(&image, move |sim| assert!(sim.flip(&flipped, bit))).await;
                    let what = format!("byte {at} of {name} of {records} records");
                    match opened {
                        Err(Error::Corrupt { path, offset, after, .. }) => {
                            assert!(at < end - 5000 || after > Lsn::new(0), "{what}: what stands before it is sound");
                            assert!(path.ends_with(&name), "{what}: {}", path.display());
                            assert!(offset <= at as u64, "{what}: offset {offset}");
                        }
                        other => panic!("{what}: {other:?}"),
                    }
                    assert!(image.flip(&name, bit));
                    assert_eq!(image.fingerprint(), sim.fingerprint(), "{what}: the refusal changed something");
                    assert!(open_sim(&image).await?.words() == all, "{what}: it opens when it is whole again");
                }
            }
        }
        Ok(())
    })
}

#[test]
fn a_file_that_goes_is_cut_or_cant_be_read_is_an_error() -> Result {
    run(async {
        for records in LOGS {
            let (sim, all) = left(records).await?;
            let names = segments(&sim);
            let last = names.last().ok_or("there are segments")?.clone();
            let bytes = sim.read(&last).unwrap_or_default();
            for cut in [0, 100, 4096, bytes.len() / 2] {
                let (image, name, short) = (sim.restart(), last.clone(), bytes[..cut].to_vec());
                let opened = open_and_meanwhile(&image, move |sim| sim.put(&name, &short)).await;
                assert!(matches!(opened, Err(Error::Corrupt { .. })), "cut at {cut} of {records}: {opened:?}");
                image.put(&last, &bytes);
                assert!(open_sim(&image).await?.words() == all);
            }
            for name in &names {
                let (image, gone) = (sim.restart(), name.clone());
                let opened = open_and_meanwhile(&image, move |sim| assert!(sim.delete(&gone))).await;
                assert!(matches!(opened, Err(Error::Io { .. })), "without {name} of {records}: {opened:?}");
            }
            // A read that fails, at each place of the second reading.
            for after in 1..12 {
                let image = sim.restart();
                let fail = move |sim: &Sim| {
                    sim.fail(Some(Fault { at: sim.calls() + after, kind: Kind::Io, forever: false }));
                };
                match open_and_meanwhile(&image, fail).await {
                    Err(error) => assert!(matches!(error, Error::Io { .. }), "call {after} of {records}: {error}"),
                    Ok(words) => {
                        assert!(words.words() == all, "call {after} of {records}");
                        assert!(after > 1, "the second reading makes calls");
                    }
                }
                image.fail(None);
                assert!(open_sim(&image).await?.words() == all, "call {after} of {records}");
            }
        }
        Ok(())
    })
}
