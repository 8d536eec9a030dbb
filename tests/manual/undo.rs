//! `undo` removes the last call from the log durably, by an abort frame and without a rewrite.

use crate::common::{DURABILITIES, Gate, Result, begun, run};
use crate::journal::{Wal, append, open_sim, open_sim_with, replayed};
use walr::Error;
use walr::options::WALOptionsBuilder;
use walr::testing::{Fault, Kind, Sim};

#[test]
fn an_undone_call_never_comes_back_under_any_durability() -> Result {
    run(async {
        for durability in DURABILITIES {
            let sim = Sim::new();
            let options = WALOptionsBuilder::new().durability(durability).build();
            let mut wal = open_sim_with(&sim, options.clone()).await?;
            wal.undo().await?;
            wal.log(&append("one")).await?;
            let size = wal.size;
            wal.log(&append("undone")).await?;
            wal.undo().await?;
            wal.undo().await?;
            assert_eq!(wal.size, size);
            wal.log_many(&[append("undone"), append("too")]).await?;
            wal.undo().await?;
            wal.log(&append("two")).await?;
            wal.log_many(&[]).await?;
            wal.undo().await?;
            let size = wal.size;
            drop(wal);
            let mut wal = open_sim_with(&sim, options).await?;
            assert_eq!(wal.size, size);
            wal.undo().await?;
            assert_eq!(wal.replay().await?, ["one", "two"]);
            drop(wal);
            assert_eq!(replayed(&sim.crash(3)).await?, ["one", "two"]);
        }
        Ok(())
    })
}

#[test]
fn an_undo_takes_one_sync_and_survives_a_power_cut() -> Result {
    run(async {
        let sim = Sim::new();
        let mut wal = open_sim(&sim).await?;
        wal.log(&append("kept")).await?;
        wal.log(&append("undone")).await?;
        let (calls, files) = (sim.calls(), sim.files());
        wal.undo().await?;
        assert_eq!(sim.calls() - calls, 2, "a write and a sync");
        assert_eq!(sim.files(), files, "the undo rewrote or truncated a file");
        for seed in 0..40 {
            assert_eq!(replayed(&sim.crash(seed)).await?, ["kept"]);
        }
        Ok(())
    })
}

#[test]
fn a_power_cut_during_an_undo_leaves_the_whole_call_or_none_of_it() -> Result {
    run(async {
        let sim = Sim::new();
        let mut wal = open_sim(&sim).await?;
        wal.log_many(&[append("perhaps"), append("undone")]).await?;
        let gate = Gate::closed_on(&sim);
        let (mut kept, mut undone) = (0, 0);
        {
            let _undo = begun(wal.undo());
            gate.wait_for_arrival();
            for seed in 0..200 {
                match replayed(&sim.crash(seed)).await?.len() {
                    0 => undone += 1,
                    2 => kept += 1,
                    found => panic!("{found} of 2 records are left"),
                }
            }
        }
        assert!(kept > 0 && undone > 0, "{kept} crashes keep the call, {undone} undo it");
        // The next call finishes the dropped undo first.
        gate.open();
        wal.log(&append("next")).await?;
        assert_eq!(wal.replay().await?, ["next"]);
        Ok(())
    })
}

#[test]
fn an_undo_after_a_failed_call_does_nothing() -> Result {
    run(async {
        let sim = Sim::new();
        let mut wal = open_sim(&sim).await?;
        wal.log(&append("kept")).await?;
        sim.set_space(Some(0));
        let failed = wal.log(&append("x".repeat(1 << 20))).await.expect_err("a call found space on a full disk");
        assert!(matches!(failed, Error::Full { .. }), "{failed:?}");
        wal.undo().await?;
        sim.set_space(None);
        wal.undo().await?;
        assert_eq!(wal.replay().await?, ["kept"]);
        Ok(())
    })
}

#[test]
fn an_undo_works_after_a_failed_checkpoint() -> Result {
    run(async {
        let base = Sim::new();
        let mut wal = open_sim(&base).await?;
        let before = base.calls();
        wal.log(&append("undone")).await?;
        let logged = base.calls() - before;
        wal.checkpoint(&vec!["undone".to_string()]).await?;
        let calls = base.calls() - before - logged;
        drop(wal);
        let (mut undone, mut latched) = (0, 0);
        for (at, kind, forever) in (1..=calls).flat_map(|at| faults().map(move |(kind, forever)| (at, kind, forever))) {
            let sim = Sim::new();
            let mut wal = open_sim(&sim).await?;
            wal.log(&append("undone")).await?;
            sim.fail(Some(Fault { at: sim.calls() + at, kind, forever }));
            let written = wal.checkpoint(&vec!["undone".to_string()]).await;
            sim.fail(None);
            let result = wal.undo().await;
            let expected = possible_counts(&written, &result, &mut undone, &mut latched);
            drop(wal);
            for image in [sim.restart(), sim.crash(at)] {
                let found = replayed(&image).await?;
                assert!(expected.contains(&found.len()), "{kind:?} at {at}: {written:?}, {result:?}, {found:?}");
            }
        }
        assert!(undone > 20 && latched > 0, "{undone} undone, {latched} latched");
        Ok(())
    })
}

/// Returns the ways in which a call fails, once and from then on.
fn faults() -> impl Iterator<Item = (Kind, bool)> {
    let kinds = [Kind::Io, Kind::Full, Kind::Interrupted, Kind::ShortWrite, Kind::SyncLost];
    kinds.into_iter().flat_map(|kind| [(kind, false), (kind, true)])
}

/// Returns the numbers of entries that a replay may give, by the results of the checkpoint and of the undo after it.
fn possible_counts(
    written: &walr::Result<()>,
    undo: &walr::Result<()>,
    undone: &mut usize,
    latched: &mut usize,
) -> &'static [usize] {
    match (written, undo) {
        (Ok(()), Ok(())) => &[1],
        (Err(_), Ok(())) => {
            *undone += 1;
            &[0]
        }
        (_, Err(_)) => {
            *latched += 1;
            &[1]
        }
    }
}

#[test]
fn an_undo_that_fails_on_a_full_disk_can_be_repeated() -> Result {
    run(async {
        let sim = Sim::new();
        let mut wal: Wal = open_sim(&sim).await?;
        // In some of the rounds the record ends a segment, so that the abort needs a new one.
        for round in 0..300 {
            wal.log(&append(format!("{round:0>200}"))).await?;
            sim.set_space(Some(0));
            match wal.undo().await {
                Ok(()) => sim.set_space(None),
                Err(Error::Full { .. }) => {
                    sim.set_space(None);
                    wal.undo().await?;
                }
                Err(other) => return Err(other.into()),
            }
        }
        assert_eq!(wal.size, 0);
        assert_eq!(wal.replay().await?, Vec::<String>::new());
        Ok(())
    })
}

/// An undo that was dropped and failed on a full disk is pending: nothing is recorded above the call that it undoes.
#[test]
fn a_pending_undo_is_done_before_every_other_call() -> Result {
    run(async {
        let mut pending = 0;
        // A segment ends between a call and its abort for few of the lengths only.
        for filler in (0..640).step_by(64) {
            pending += usize::from(undo_on_a_full_disk(filler).await?);
        }
        assert!(pending > 0, "no abort needed a new segment");
        Ok(())
    })
}

#[track_caller]
fn assert_full(result: walr::Result<()>) {
    assert!(matches!(result, Err(Error::Full { .. })), "{result:?}");
}

/// Logs and undoes until the end of a segment without space for a new one. Returns whether an undo was pending.
async fn undo_on_a_full_disk(filler: usize) -> Result<bool> {
    let sim = Sim::new();
    let mut wal: Wal = open_sim(&sim).await?;
    // The first record decides the length of the segment, and the second one where the others begin in it.
    for len in [200, filler] {
        wal.log(&append("x".repeat(len))).await?;
        wal.undo().await?;
    }
    sim.set_space(Some(0));
    let gate = Gate::open_on(&sim);
    let entry = append(format!("{filler:0>200}"));
    let mut pending = false;
    while !pending {
        if let Err(full) = wal.log(&entry).await {
            assert_full(Err(full));
            break;
        }
        gate.close();
        drop(begun(wal.undo()));
        gate.open();
        if let Err(full) = wal.undo().await {
            assert_full(Err(full));
            pending = true;
            assert_full(wal.log(&append("on top")).await);
            assert_full(wal.log_many(&[append("on"), append("top")]).await);
            assert_full(wal.checkpoint(&vec!["on top".to_string()]).await);
            assert_full(wal.replay().await.map(drop));
            assert_full(wal.undo().await);
        }
    }
    sim.set_space(None);
    wal.log(&append("on top")).await?;
    wal.undo().await?;
    assert_eq!(wal.size, 0);
    assert_eq!(wal.replay().await?, Vec::<String>::new());
    drop(wal);
    assert_eq!(replayed(&sim.crash(1)).await?, Vec::<String>::new());
    Ok(pending)
}
