//! Calls from where they could wait for themselves: inside a read, and inside a mutation's body. Never a wait.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::{LazyLock, Mutex};
use std::task::Poll;

use crate::common::{DURABILITIES, Result, WordsLog, block_on, numbered, open as open_words, options, poll_once, run};
use serde::{Deserialize, Serialize};
use walr::{Durability, Durable, Error, Fate, WalState};

/// Handles that mutation bodies reach, by the name of their store.
static HANDLES: LazyLock<Mutex<HashMap<String, Durable<Nested>>>> = LazyLock::new(Mutex::default);

#[derive(Default, Serialize, Deserialize, WalState)]
pub(crate) struct Nested {
    count: u64,
}

#[walr::mutations]
impl Nested {
    #[mutation]
    pub(crate) fn add(&mut self) -> u64 {
        self.count += 1;
        self.count
    }

    /// Calls `add` on the handle of that name, from inside a mutation; returns what it was told.
    #[mutation(allow_nondeterminism)]
    pub(crate) fn add_inside(&mut self, name: &str) -> String {
        self.count += 1;
        let Some(handle) = HANDLES.lock().unwrap().get(name).cloned() else { return String::new() };
        match poll_once(pin!(handle.add())) {
            Poll::Ready(Ok(count)) => format!("done: {count}"),
            Poll::Ready(Err(error)) => error.to_string(),
            Poll::Pending => "waiting".to_string(),
        }
    }

    /// Reads through the handle of that name, from inside a mutation.
    #[mutation(allow_nondeterminism)]
    pub(crate) fn read_inside(&mut self, name: &str) -> u64 {
        self.count += 1;
        let handle = HANDLES.lock().unwrap().get(name).cloned();
        handle.map_or(0, |handle| handle.read(|state| state.count))
    }

    /// Takes the handle out, and hands it back as its result.
    #[mutation(allow_nondeterminism)]
    pub(crate) fn take_handle(&mut self, name: &str) -> Option<Durable<Nested>> {
        self.count += 1;
        HANDLES.lock().unwrap().remove(name)
    }

    #[query]
    pub(crate) fn count(&self) -> u64 {
        self.count
    }
}

async fn open(path: &std::path::Path, name: &str, durability: Durability) -> walr::Result<Durable<Nested>> {
    let state = Durable::<Nested>::options().durability(durability).open(path).await?;
    HANDLES.lock().unwrap().insert(name.to_string(), state.clone());
    Ok(state)
}

fn forget(name: &str) {
    let handle = HANDLES.lock().unwrap().remove(name);
    drop(handle);
}

/// That it is refused at its first poll.
fn refused<T: std::fmt::Debug>(call: impl Future<Output = walr::Result<T>>) {
    match poll_once(pin!(call)) {
        Poll::Ready(Err(error @ Error::Reentrant { .. })) => assert_eq!(error.fate(), Fate::NotRecorded),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_read_inside_a_read_next_to_busy_writers_ends() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let words = open_words(folder.path()).await?;
        let readers: Vec<_> = (0..2)
            .map(|_| {
                let words = words.clone();
                std::thread::spawn(move || {
                    while words.count() < 2000 {
                        words.read(|outer| {
                            std::thread::yield_now();
                            let inner = words.read(|inner| inner.words.len());
                            assert_eq!(words.count(), inner, "a query inside a read");
                            assert_eq!(outer.words.len(), inner, "nothing comes between");
                        });
                    }
                })
            })
            .collect();
        let writers: Vec<_> = (0..20)
            .map(|_| {
                let words = words.clone();
                tokio::spawn(async move {
                    for _ in 0..100 {
                        words.push("word").await?;
                    }
                    Ok::<_, walr::Error>(())
                })
            })
            .collect();
        for writer in writers {
            writer.await??;
        }
        assert!(readers.into_iter().all(|reader| reader.join().is_ok()));
        Ok(())
    })
}

#[test]
fn every_call_inside_a_read_is_refused_at_once() -> Result {
    run(async {
        for durability in DURABILITIES {
            let folder = tempfile::tempdir()?;
            let words = options().durability(durability).open(folder.path()).await?;
            words.push("word 0").await?;
            words.read(|_| {
                refused(words.push("inside"));
                refused(words.apply(WordsLog::Push { word: "inside".into() }));
                refused(words.apply_batch([WordsLog::Push { word: "inside".into() }]));
                refused(words.checkpoint());
                refused(words.sync());
                refused(words.close());
                words.read(|_| refused(words.clone().push("inside")));
            });
            let told =
                words.read(|_| block_on(words.push("inside")).expect_err("it would wait for itself").to_string());
            assert!(told.contains("`read`"), "{told}");
            assert_eq!(words.push("word 1").await?, 2, "the read is over");
            assert_eq!(words.words(), numbered(2));
        }
        Ok(())
    })
}

#[test]
fn a_panicking_read_is_over_too() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let words = open_words(folder.path()).await?;
        let reading = std::panic::AssertUnwindSafe(|| words.read(|_| panic!("the reader's own")));
        assert!(std::panic::catch_unwind(reading).is_err());
        assert_eq!(words.push("word 0").await?, 1);
        assert_eq!(words.words(), numbered(1));
        Ok(())
    })
}

#[test]
fn another_store_may_be_changed_inside_a_read() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let from = open_words(&folder.path().join("from")).await?;
        let to = open_words(&folder.path().join("to")).await?;
        from.push("word 0").await?;
        from.read(|state| block_on(to.push(&state.words[0])))?;
        assert_eq!(to.words(), numbered(1));
        Ok(())
    })
}

#[test]
fn a_mutation_inside_a_mutation_is_refused_at_once() -> Result {
    run(async {
        for durability in DURABILITIES {
            let folder = tempfile::tempdir()?;
            let state = open(folder.path(), "inside", durability).await?;
            let told = state.add_inside("inside").await?;
            assert!(told.contains("a mutation of the same store"), "{told}");
            let batch = [NestedLog::AddInside { name: "inside".into() }, NestedLog::Add];
            state.apply_batch(batch).await?;
            assert_eq!(state.add().await?, 4);
            forget("inside");
            state.close().await?;
            drop(state);
            assert_eq!(Durable::<Nested>::open(folder.path()).await?.count(), 4);
        }
        Ok(())
    })
}

#[test]
fn a_read_inside_a_mutation_is_a_panic_that_says_so() -> Result {
    run(async {
        for durability in DURABILITIES {
            let folder = tempfile::tempdir()?;
            let state = open(folder.path(), "read", durability).await?;
            state.add().await?;
            let error = state.read_inside("read").await.expect_err("it reads what it is changing");
            assert!(matches!(error, Error::Panicked { .. }), "{error}");
            assert!(error.to_string().contains("use `self` there"), "{error}");
            assert_eq!(state.add().await?, 2, "the call never happened");
            forget("read");
            drop(state);
            assert_eq!(Durable::<Nested>::open(folder.path()).await?.count(), 2);
        }
        Ok(())
    })
}

#[test]
fn the_last_handle_may_be_dropped_with_a_result() -> Result {
    run(async {
        for durability in DURABILITIES {
            let folder = tempfile::tempdir()?;
            let state = open(folder.path(), "taken", durability).await?;
            state.add().await?;
            let mut call = Box::pin(async move { state.take_handle("taken").await });
            // Its future goes, with one handle; the other is in the result, which may be dropped on walr's own thread.
            drop(poll_once(call.as_mut()));
            drop(call);
            let mut opened = Durable::<Nested>::open(folder.path()).await;
            while matches!(opened, Err(Error::Locked { .. })) {
                tokio::task::yield_now().await;
                opened = Durable::<Nested>::open(folder.path()).await;
            }
            assert_eq!(opened?.count(), 2);
        }
        Ok(())
    })
}
