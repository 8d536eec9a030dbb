//! `undo` takes back the last call, once, by a note in the log: durably, and without a rewrite.

use crate::common::{DURABILITIES, Gate, Result, begun, poll_once, run};
use crate::journal::{Wal, append, open_sim, open_sim_with, replayed};
use walr::Error;
use walr::options::WALOptionsBuilder;
use walr::testing::{Fault, Kind, Sim};

#[test]
fn an_undone_call_is_gone_for_good_under_every_durability() -> Result {
    for durability in DURABILITIES {
        let sim = Sim::new();
        run(async {
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
            walr::Result::<()>::Ok(())
        })?;
        assert_eq!(run(replayed(&sim.crash(3)))?, ["one", "two"]);
    }
    Ok(())
}

#[test]
fn it_costs_one_sync_and_survives_the_power_cut_after_it() -> Result {
    run(async {
        let sim = Sim::new();
        let mut wal = open_sim(&sim).await?;
        wal.log(&append("kept")).await?;
        wal.log(&append("undone")).await?;
        let (calls, files) = (sim.calls(), sim.files());
        wal.undo().await?;
        assert_eq!(sim.calls() - calls, 2, "a write and a sync");
        assert_eq!(sim.files(), files, "nothing is rewritten or cut");
        for seed in 0..40 {
            assert_eq!(replayed(&sim.crash(seed)).await?, ["kept"]);
        }
        Ok(())
    })
}

#[test]
fn a_power_cut_within_it_leaves_the_call_or_not() -> Result {
    run(async {
        let sim = Sim::new();
        let mut wal = open_sim(&sim).await?;
        wal.log_many(&[append("perhaps"), append("undone")]).await?;
        let gate = Gate::open_on(&sim);
        gate.close();
        let (mut there, mut gone) = (0, 0);
        {
            let mut undo = Box::pin(wal.undo());
            assert!(poll_once(undo.as_mut()).is_pending());
            gate.wait_for_arrival();
            for seed in 0..200 {
                match replayed(&sim.crash(seed)).await?.len() {
                    0 => gone += 1,
                    2 => there += 1,
                    half => panic!("{half} of 2 are there"),
                }
            }
        }
        assert!(there > 0 && gone > 0, "{there} times there, {gone} times gone");
        // Dropped half-way it is done all the same, before the next call.
        gate.open();
        wal.log(&append("next")).await?;
        assert_eq!(wal.replay().await?, ["next"]);
        Ok(())
    })
}

#[test]
fn it_is_about_the_last_call_and_never_about_one_before() -> Result {
    run(async {
        let sim = Sim::new();
        let mut wal = open_sim(&sim).await?;
        wal.log(&append("kept")).await?;
        // A call that failed has nothing to be taken back.
        sim.set_space(Some(0));
        let failed = wal.log(&append("x".repeat(1 << 20))).await.expect_err("the disk is full");
        assert!(matches!(failed, Error::Full { .. }), "{failed:?}");
        wal.undo().await?;
        sim.set_space(None);
        wal.undo().await?;
        assert_eq!(wal.replay().await?, ["kept"]);
        Ok(())
    })
}

#[test]
fn after_a_failed_checkpoint_it_still_works() -> Result {
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
            let expected = expect(&written, &result, &mut undone, &mut latched);
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

fn faults() -> impl Iterator<Item = (Kind, bool)> {
    let kinds = [Kind::Io, Kind::Full, Kind::Interrupted, Kind::ShortWrite, Kind::SyncLost];
    kinds.into_iter().flat_map(|kind| [(kind, false), (kind, true)])
}

/// How many entries may be there, by what the checkpoint and the undo after it returned.
fn expect(
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

/// An undo that meets a full disk can be called again.
#[test]
fn a_full_disk_is_no_end() -> Result {
    run(async {
        let sim = Sim::new();
        let mut wal: Wal = open_sim(&sim).await?;
        // Ends close before the end of its segment, so that the abort needs the next one in some of the rounds.
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

/// One whose future was dropped, and that met a full disk, is owed: nothing is recorded on top of what it takes back.
#[test]
fn a_dropped_one_that_meets_a_full_disk_comes_before_every_other_call() -> Result {
    run(async {
        let mut owed = 0;
        // Only in one of so many places does a segment end between a call and its abort.
        for filler in (0..640).step_by(64) {
            owed += usize::from(undo_on_a_full_disk(filler).await?);
        }
        assert!(owed > 0, "the abort needed no further segment in any of them");
        Ok(())
    })
}

fn is_full(result: walr::Result<()>) {
    assert!(matches!(result, Err(Error::Full { .. })), "{result:?}");
}

/// Logs and undoes through a segment while there is no room for another, and returns whether an undo was owed.
async fn undo_on_a_full_disk(filler: usize) -> Result<bool> {
    let sim = Sim::new();
    let mut wal: Wal = open_sim(&sim).await?;
    // The first call says how long the segment is made, the second where in it the others begin.
    for len in [200, filler] {
        wal.log(&append("x".repeat(len))).await?;
        wal.undo().await?;
    }
    sim.set_space(Some(0));
    let gate = Gate::open_on(&sim);
    let entry = append(format!("{filler:0>200}"));
    let mut owed = false;
    while !owed {
        if let Err(full) = wal.log(&entry).await {
            is_full(Err(full));
            break;
        }
        gate.close();
        drop(begun(wal.undo()));
        gate.open();
        if let Err(full) = wal.undo().await {
            is_full(Err(full));
            owed = true;
            is_full(wal.log(&append("on top")).await);
            is_full(wal.log_many(&[append("on"), append("top")]).await);
            is_full(wal.checkpoint(&vec!["on top".to_string()]).await);
            is_full(wal.replay().await.map(drop));
            is_full(wal.undo().await);
        }
    }
    sim.set_space(None);
    wal.log(&append("on top")).await?;
    wal.undo().await?;
    assert_eq!(wal.size, 0);
    assert_eq!(wal.replay().await?, Vec::<String>::new());
    drop(wal);
    assert_eq!(replayed(&sim.crash(1)).await?, Vec::<String>::new());
    Ok(owed)
}
