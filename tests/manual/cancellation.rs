//! Dropping the future of a call leaves the call done or not begun, and the next call works.

use crate::common::{Gate, Result, begun, poll_times, run};
use crate::journal::{append, append_all, open_sim, replayed};
use walr::testing::Sim;

#[test]
fn a_dropped_log_is_recorded_once_and_can_be_undone() -> Result {
    run(async {
        for undo in [true, false] {
            let sim = Sim::new();
            let mut wal = open_sim(&sim).await?;
            wal.log(&append("one")).await?;
            let size = wal.size;
            let gate = Gate::closed_on(&sim);
            let two = append("two");
            let call = begun(wal.log(&two));
            gate.wait_for_arrival();
            drop(call);
            gate.open();
            if undo {
                wal.undo().await?;
                assert_eq!(wal.size, size);
            }
            wal.log(&append("three")).await?;
            assert_eq!(
                wal.size,
                if undo { size + size + 2 } else { 3 * size + 2 },
                "`three` has two bytes more than `one`"
            );
            let expected: &[&str] = if undo { &["one", "three"] } else { &["one", "two", "three"] };
            assert_eq!(wal.replay().await?, expected);
        }
        Ok(())
    })
}

#[test]
fn several_dropped_calls_in_a_row_leave_at_most_the_first() -> Result {
    run(async {
        let sim = Sim::new();
        let mut wal = open_sim(&sim).await?;
        let gate = Gate::open_on(&sim);
        let mut expected = Vec::new();
        for number in 0..6 {
            wal.log(&append(format!("{number}"))).await?;
            gate.close();
            for again in 0..3 {
                // The first call is in the middle of a write. The later ones wait for its end, and never begin.
                let entry = append(format!("{number}, {again}"));
                drop(poll_times(wal.log(&entry), 1).await);
                gate.wait_for_arrival();
            }
            gate.open();
            if number % 2 == 0 {
                // The last call has not begun, so that there is nothing to undo.
                wal.undo().await?;
            }
            expected.extend([format!("{number}"), format!("{number}, 0")]);
        }
        assert_eq!(wal.replay().await?, expected);
        drop(wal);
        assert_eq!(replayed(&sim.restart()).await?, expected);
        Ok(())
    })
}

#[test]
fn a_dropped_replay_leaves_the_log_unchanged() -> Result {
    run(async {
        let sim = Sim::new();
        let mut wal = open_sim(&sim).await?;
        let entries: Vec<_> = (0..3000).map(|number| format!("{number:0>100}")).collect();
        wal.log_many(&append_all(&entries)).await?;
        for polls in 1..12 {
            drop(poll_times(wal.replay(), polls).await);
            wal.log(&append("undone")).await?;
            wal.undo().await?;
        }
        assert_eq!(wal.replay().await?, entries);
        assert_eq!(wal.replay().await?, entries);
        Ok(())
    })
}

/// The state of a dropped checkpoint is as of its call, also if it is written after later calls.
#[test]
fn a_dropped_checkpoint_hides_no_later_log() -> Result {
    run(async {
        for polls in 1..4 {
            let sim = Sim::new();
            let mut wal = open_sim(&sim).await?;
            wal.log(&append("one")).await?;
            let one = vec!["one".to_string()];
            drop(poll_times(wal.checkpoint(&one), polls).await);
            drop(poll_times(wal.log(&append("two")), polls).await);
            wal.log(&append("three")).await?;
            let journal = wal.replay().await?;
            assert!(journal == ["one", "two", "three"] || journal == ["one", "three"], "{journal:?}");
        }
        Ok(())
    })
}
