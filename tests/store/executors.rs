//! The futures of walr are `Send` and run on any executor.

use crate::common::{
    Gate, Result, Watchdog, Words, WordsLog, begun, block_on, in_tasks, numbered, open, open_sim,
    open_with_small_queue, options, push_log, run,
};
use walr::testing::Sim;
use walr::{Durable, Options};

fn assert_send<T: Send>(future: T) -> T {
    future
}

#[test]
fn every_future_is_send() -> Result {
    fn assert_shared<T: Clone + Send + Sync + std::fmt::Debug + 'static>() {}
    assert_shared::<Durable<Words>>();
    assert_shared::<Options<Words>>();
    run(async {
        let folder = tempfile::tempdir()?;
        drop(assert_send(Durable::<Words>::open(folder.path())));
        drop(assert_send(options().open(folder.path())));
        drop(assert_send(options().open_with(folder.path(), Words::default)));
        drop(assert_send(options().open_on(Sim::new(), Words::default)));
        let words = open(folder.path()).await?;
        drop(assert_send(words.push("word")));
        drop(assert_send(words.apply(WordsLog::Clear)));
        drop(assert_send(words.apply_batch(vec![WordsLog::Clear])));
        drop(assert_send(words.checkpoint()));
        drop(assert_send(words.sync()));
        drop(assert_send(words.close()));
        Ok(())
    })
}

#[test]
fn every_call_works_without_a_runtime() -> Result {
    let _watchdog = Watchdog::new();
    let folder = tempfile::tempdir()?;
    let words = block_on(open(folder.path()))?;
    assert_eq!(block_on(words.push("word 0"))?, 1);
    block_on(words.apply(push_log("word 1")))?;
    block_on(words.apply_batch([push_log("word 2")]))?;
    assert!(block_on(words.push_and_panic("bad")).is_err());
    block_on(words.checkpoint())?;
    block_on(words.sync())?;
    block_on(words.close())?;
    assert_eq!(block_on(open(folder.path()))?.words(), numbered(3));
    Ok(())
}

#[test]
fn a_full_queue_works_without_a_runtime() -> Result {
    let _watchdog = Watchdog::new();
    let words = block_on(open_with_small_queue(&Sim::new()))?;
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..20 {
                    block_on(words.push(&"x".repeat(3000))).unwrap();
                }
            });
        }
    });
    assert_eq!(words.count(), 160);
    Ok(())
}

#[test]
fn every_call_works_on_a_runtime_of_one_thread() -> Result {
    let _watchdog = Watchdog::new();
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    runtime.block_on(async {
        let folder = tempfile::tempdir()?;
        let words = open(folder.path()).await?;
        in_tasks(32, |number| {
            let words = words.clone();
            async move { words.push(&number.to_string()).await }
        })
        .await?;
        words.close().await?;
        assert_eq!(words.count(), 32);
        Ok(())
    })
}

#[test]
fn a_call_may_be_begun_on_one_thread_and_finished_on_another() -> Result {
    let _watchdog = Watchdog::new();
    let sim = Sim::new();
    let words = block_on(open_sim(&sim))?;
    let gate = Gate::closed_on(&sim);
    let own = words.clone();
    let call = begun(async move { own.push("word 0").await });
    let finished = std::thread::spawn(move || block_on(call));
    gate.open();
    assert_eq!(finished.join().map_err(|_| "the call panicked")??, 1);
    Ok(())
}

#[test]
fn a_handle_may_outlive_the_runtime_that_opened_it() -> Result {
    let _watchdog = Watchdog::new();
    let sim = Sim::new();
    let words = run(open_sim(&sim))?;
    assert_eq!(block_on(words.push("word 0"))?, 1);
    assert_eq!(run(async { words.push("word 1").await })?, 2);
    drop(words);
    assert_eq!(block_on(open_sim(&sim))?.words(), numbered(2));
    Ok(())
}

#[test]
fn a_store_may_be_opened_used_and_dropped_inside_async_tasks() -> Result {
    run(async {
        let sim = Sim::new();
        for round in 0..20 {
            let sim = sim.clone();
            let count = tokio::spawn(async move { open_sim(&sim).await?.push("word").await });
            assert_eq!(count.await??, round + 1);
        }
        Ok(())
    })
}
