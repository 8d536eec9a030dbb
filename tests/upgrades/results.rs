//! Programs whose replay returns other results than the calls did.

use std::sync::atomic::{AtomicU64, Ordering};

use walr::{ChangedResults, Durable, Error, Lsn, WalState};

use crate::Expected::{Refused, Works};
use crate::common::{Result, run, snapshot};
use crate::{End, Outcome, changes, options, reopen, upgrade, written};

/// Defines a program that gives out ids.
macro_rules! program {
    ($name:ident, [$($mutation:tt)*], $result:ty, |$ids:ident| $body:expr $(, $helper:item)?) => {
        mod $name {
            use std::collections::HashSet;

            use serde::{Deserialize, Serialize};
            use walr::WalState;

            #[derive(Default, Serialize, Deserialize, WalState)]
            pub(crate) struct Ids {
                pub(crate) next: u64,
                pub(crate) names: HashSet<String>,
            }

            $($helper)?

            #[walr::mutations]
            impl Ids {
                #[$($mutation)*]
                pub(crate) fn add(&mut self, name: String) -> $result {
                    self.names.insert(name);
                    let $ids = self;
                    $body
                }
            }
        }
    };
}

program!(by_one, [mutation], u64, |ids| {
    ids.next += 1;
    ids.next
});
program!(by_ten, [mutation], u64, |ids| {
    ids.next += 10;
    ids.next
});
program!(
    step_one,
    [mutation],
    u64,
    |ids| {
        ids.next += step();
        ids.next
    },
    fn step() -> u64 {
        1
    }
);
program!(
    step_ten,
    [mutation],
    u64,
    |ids| {
        ids.next += step();
        ids.next
    },
    fn step() -> u64 {
        10
    }
);
program!(all_names, [mutation], HashSet<String>, |ids| {
    ids.next += 1;
    ids.names.clone()
});
program!(as_text, [mutation], String, |ids| {
    ids.next += 1;
    ids.next.to_string()
});
program!(unordered, [mutation], u64, |ids| {
    ids.next += 1;
    super::unordered(&ids.names)
});
program!(opaque, [mutation], super::NotSerialize, |ids| {
    ids.next += 1;
    super::NotSerialize(super::unordered(&ids.names))
});

program!(not_compared, [mutation(allow_nondeterminism)], u64, |ids| {
    ids.next += 1;
    ids.next
});

/// A result that isn't `Serialize`, so that nothing holds a replay to it.
pub(crate) struct NotSerialize(#[allow(dead_code)] u64);

/// Returns another number each time, as the first key of a `HashMap` is another one in each process.
fn unordered(_names: &std::collections::HashSet<String>) -> u64 {
    static CALLS: AtomicU64 = AtomicU64::new(0);
    CALLS.fetch_add(1, Ordering::Relaxed)
}

/// Returns three calls of a program.
macro_rules! calls {
    ($program:ident) => {
        ["a", "b", "c"].map(|name| $program::IdsLog::Add { name: name.to_string() }).to_vec()
    };
}

/// Opens three records of one program with another.
macro_rules! reopened {
    ($old:ident, $new:ident, $end:ident, $check:expr) => {
        async { Ok(upgrade::<$old::Ids, $new::Ids>(End::$end, calls!($old)).await?.outcome($check)) }
    };
}

const REFUSAL: &[&str] = &["lsn 1 to 1", "`add`", "other results", "on_changed_results(ChangedResults::Accept)"];

changes! {
    a_changed_method_is_refused, "`next += 1` became `next += 10`", Refused(REFUSAL)
        => reopened!(by_one, by_ten, Killed, |_| true);
    a_changed_helper_is_refused, "a helper function returns 10 in the place of 1", Refused(REFUSAL)
        => reopened!(step_one, step_ten, Killed, |_| true);
    an_unordered_result_is_refused, "a result depends on the order of a `HashMap`", Refused(REFUSAL)
        => reopened!(unordered, unordered, Killed, |_| true);
    a_changed_method_after_a_close_works, "`next += 1` became `next += 10`, after a close", Works
        => reopened!(by_one, by_ten, Closed, |ids| ids.read(|ids| ids.next == 3));
    a_set_in_a_result_works, "a result holds a `HashSet`", Works
        => reopened!(all_names, all_names, Killed, |ids| ids.read(|ids| ids.next == 3));
    a_result_of_another_type_is_not_compared, "a result's type changed", Works
        => reopened!(by_one, as_text, Killed, |ids| ids.store().recovery().results_not_compared == 3);
    results_that_count_no_more_are_not_compared, "a mutation gets `allow_nondeterminism`", Works
        => reopened!(by_one, not_compared, Killed, |ids| ids.read(|ids| ids.next == 3));
    results_that_count_now_are_not_compared, "a mutation loses `allow_nondeterminism`", Works
        => reopened!(not_compared, by_one, Killed, |ids| ids.read(|ids| ids.next == 3));
    a_result_that_is_not_serialize_is_not_compared, "a result isn't `Serialize`", Works
        => reopened!(opaque, opaque, Killed, |ids| ids.read(|ids| ids.next == 3));
}

#[test]
fn a_refusal_names_the_interval_and_a_dry_run_reports_it() -> Result {
    run(async {
        let folder = written::<by_one::Ids>(End::Killed, calls!(by_one)).await?;
        let dry = options::<by_ten::Ids>().dry_run(folder.path()).await?;
        let reopened = reopen(folder, options::<by_ten::Ids>()).await?;
        for refused in [dry.refused, reopened.opened.err()] {
            let Some(Error::ChangedResults { first, last, mutations, .. }) = refused else { panic!("{refused:?}") };
            assert_eq!((first.get(), last.get(), mutations), (1, 1, vec!["add".to_string()]));
        }
        Ok(())
    })
}

/// Returns the LSN of the checkpoint that an open began with.
fn checkpoint<S: WalState>(state: &Durable<S>) -> Lsn {
    state.store().recovery().checkpoint
}

#[test]
fn accepted_results_are_asked_for_once() -> Result {
    run(async {
        let folder = written::<by_one::Ids>(End::Killed, calls!(by_one)).await?;
        let accept = options::<by_ten::Ids>().on_changed_results(ChangedResults::Accept);
        let ids = accept.open(folder.path()).await?;
        assert!(ids.store().recovery().accepted_results);
        assert_eq!(ids.read(|ids| ids.next), 30);
        // The process ends right after the open.
        let copy = tempfile::tempdir()?;
        for (name, bytes) in snapshot(folder.path())? {
            std::fs::write(copy.path().join(name), bytes)?;
        }
        assert_eq!(ids.add("d".to_string()).await?, 40);
        drop(ids);
        for (folder, next) in [(folder.path(), 40), (copy.path(), 30)] {
            let ids = options::<by_ten::Ids>().open(folder).await?;
            assert_eq!((checkpoint(&ids).get(), ids.read(|ids| ids.next)), (3, next));
            assert!(!ids.store().recovery().accepted_results);
        }
        Ok(())
    })
}

/// A corrupt checkpoint makes the open replay the records before it, whose results were accepted.
#[test]
fn accepted_results_are_not_compared_again() -> Result {
    run(async {
        let folder = written::<by_one::Ids>(End::Killed, calls!(by_one)).await?;
        let accept = options::<by_ten::Ids>().on_changed_results(ChangedResults::Accept);
        drop(accept.open(folder.path()).await?);
        std::fs::write(folder.path().join("0000000000000003.ckpt"), b"no checkpoint")?;
        let ids = options::<by_ten::Ids>().open(folder.path()).await?;
        assert_eq!((checkpoint(&ids).get(), ids.read(|ids| ids.next)), (0, 30));
        Ok(())
    })
}

/// Checks the outcome of a row without the table.
#[test]
fn a_sound_program_is_never_refused_wherever_it_is_killed() -> Result {
    run(async {
        for count in 0..12 {
            let names = (0..count).map(|name| all_names::IdsLog::Add { name: format!("name {name}") }).collect();
            let reopened = upgrade::<all_names::Ids, all_names::Ids>(End::Killed, names).await?;
            let outcome = reopened.outcome(|ids| ids.read(|ids| ids.next == count));
            assert!(matches!(outcome, Outcome::Works(_)), "{count} calls");
        }
        Ok(())
    })
}
