//! Every future of walr's may be sent to another thread, and runs on any executor.

use crate::common::{
    Gate, Result, Watchdog, Words, WordsLog, block_on, numbered, open, open_sim, options, poll_once, run,
};
use walr::testing::Sim;
use walr::{Durable, Options};

fn send<T: Send>(future: T) -> T {
    future
}

#[test]
fn every_future_is_send() -> Result {
    fn anywhere<T: Clone + Send + Sync + std::fmt::Debug + 'static>() {}
    anywhere::<Durable<Words>>();
    anywhere::<Options<Words>>();
    run(async {
        let folder = tempfile::tempdir()?;
        drop(send(Durable::<Words>::open(folder.path())));
        drop(send(options().open(folder.path())));
        drop(send(options().open_with(folder.path(), Words::default)));
        drop(send(options().open_on(Sim::new(), Words::default)));
        let words = open(folder.path()).await?;
        drop(send(words.push("word")));
        drop(send(words.apply(WordsLog::Clear)));
        drop(send(words.apply_batch(vec![WordsLog::Clear])));
        drop(send(words.checkpoint()));
        drop(send(words.sync()));
        drop(send(words.close()));
        Ok(())
    })
}

#[test]
fn everything_works_without_a_runtime() -> Result {
    let _watchdog = Watchdog::new();
    let folder = tempfile::tempdir()?;
    let words = block_on(open(folder.path()))?;
    assert_eq!(block_on(words.push("word 0"))?, 1);
    block_on(words.apply(WordsLog::Push { word: "word 1".into() }))?;
    block_on(words.apply_batch([WordsLog::Push { word: "word 2".into() }]))?;
    assert!(block_on(words.push_and_panic("bad")).is_err());
    block_on(words.checkpoint())?;
    block_on(words.sync())?;
    block_on(words.close())?;
    assert_eq!(block_on(open(folder.path()))?.words(), numbered(3));
    Ok(())
}

#[test]
fn a_queue_that_is_full_works_without_a_runtime() -> Result {
    let _watchdog = Watchdog::new();
    let words = block_on(options().queue_size(4096).open_on(Sim::new(), Words::default))?;
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
fn a_runtime_of_one_thread_serves() -> Result {
    let _watchdog = Watchdog::new();
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    runtime.block_on(async {
        let folder = tempfile::tempdir()?;
        let words = open(folder.path()).await?;
        let calls: Vec<_> = (0..32)
            .map(|number| {
                let words = words.clone();
                tokio::spawn(async move { words.push(&number.to_string()).await })
            })
            .collect();
        for call in calls {
            call.await??;
        }
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
    let gate = Gate::before(&sim);
    gate.close();
    let own = words.clone();
    let mut call = Box::pin(async move { own.push("word 0").await });
    assert!(poll_once(call.as_mut()).is_pending());
    let finished = std::thread::spawn(move || block_on(call));
    gate.open();
    assert_eq!(finished.join().map_err(|_| "it panicked")??, 1);
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
