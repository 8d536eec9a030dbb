//! A call inside a read or inside a mutation's body would wait for itself. It is refused at once.

use std::collections::HashMap;
use std::path::Path;
use std::pin::pin;
use std::sync::{LazyLock, Mutex};
use std::task::Poll;

use crate::common::{
    DURABILITIES, Result, block_on, in_tasks, numbered, open as open_words, options, poll_once, push_log, run,
};
use serde::{Deserialize, Serialize};
use walr::{Durability, Durable, Error, Fate, WalState};

/// The handles that mutations use, by the names of their stores.
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

    /// Calls `add` on a handle, and returns its result as text.
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

    /// Reads through a handle.
    #[mutation(allow_nondeterminism)]
    pub(crate) fn read_inside(&mut self, name: &str) -> u64 {
        self.count += 1;
        let handle = HANDLES.lock().unwrap().get(name).cloned();
        handle.map_or(0, |handle| handle.read(|state| state.count))
    }

    /// Removes a handle from [`HANDLES`] and returns it.
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

/// Opens a store whose mutations find its handle under `name`.
async fn open(path: &Path, name: &str, durability: Durability) -> walr::Result<Durable<Nested>> {
    let state = Durable::<Nested>::options().durability(durability).open(path).await?;
    HANDLES.lock().unwrap().insert(name.to_string(), state.clone());
    Ok(state)
}

fn remove_handle(name: &str) {
    let handle = HANDLES.lock().unwrap().remove(name);
    drop(handle);
}

/// Asserts that a call is refused at its first poll.
fn assert_refused<T: std::fmt::Debug>(call: impl Future<Output = walr::Result<T>>) {
    match poll_once(pin!(call)) {
        Poll::Ready(Err(error @ Error::Reentrant { .. })) => assert_eq!(error.fate(), Fate::NotRecorded),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_read_inside_a_read_never_waits_for_a_writer() -> Result {
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
                            assert_eq!(outer.words.len(), inner, "a mutation comes between the reads");
                        });
                    }
                })
            })
            .collect();
        in_tasks(20, |_| {
            let words = words.clone();
            async move {
                for _ in 0..100 {
                    words.push("word").await?;
                }
                Ok::<_, walr::Error>(())
            }
        })
        .await?;
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
                assert_refused(words.push("inside"));
                assert_refused(words.apply(push_log("inside")));
                assert_refused(words.apply_batch([push_log("inside")]));
                assert_refused(words.checkpoint());
                assert_refused(words.sync());
                assert_refused(words.close());
                words.read(|_| assert_refused(words.clone().push("inside")));
            });
            let error = words.read(|_| block_on(words.push("inside"))).expect_err("a call inside a read was done");
            assert!(error.to_string().contains("`read`"), "{error}");
            assert_eq!(words.push("word 1").await?, 2, "a call after the read is done");
            assert_eq!(words.words(), numbered(2));
        }
        Ok(())
    })
}

#[test]
fn a_call_after_a_panicking_read_is_done() -> Result {
    run(async {
        let folder = tempfile::tempdir()?;
        let words = open_words(folder.path()).await?;
        let reading = std::panic::AssertUnwindSafe(|| words.read(|_| panic!("the read panics")));
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
            let message = state.add_inside("inside").await?;
            assert!(message.contains("a mutation of the same store"), "{message}");
            let batch = [NestedLog::AddInside { name: "inside".into() }, NestedLog::Add];
            state.apply_batch(batch).await?;
            assert_eq!(state.add().await?, 4);
            remove_handle("inside");
            state.close().await?;
            drop(state);
            assert_eq!(Durable::<Nested>::open(folder.path()).await?.count(), 4);
        }
        Ok(())
    })
}

#[test]
fn a_read_inside_a_mutation_panics_with_a_message() -> Result {
    run(async {
        for durability in DURABILITIES {
            let folder = tempfile::tempdir()?;
            let state = open(folder.path(), "read", durability).await?;
            state.add().await?;
            let error = state.read_inside("read").await.expect_err("the mutation read the state that it changes");
            assert!(matches!(error, Error::Panicked { .. }), "{error}");
            assert!(error.to_string().contains("use `self` there"), "{error}");
            assert_eq!(state.add().await?, 2, "the call was rolled back");
            remove_handle("read");
            drop(state);
            assert_eq!(Durable::<Nested>::open(folder.path()).await?.count(), 2);
        }
        Ok(())
    })
}

#[test]
fn a_result_may_hold_the_last_handle() -> Result {
    run(async {
        for durability in DURABILITIES {
            let folder = tempfile::tempdir()?;
            let state = open(folder.path(), "taken", durability).await?;
            state.add().await?;
            let mut call = Box::pin(async move { state.take_handle("taken").await });
            // The future owns one handle and the result the other one. A thread of walr may drop the result.
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
