//! What is left of a panic that was caught.

use std::any::Any;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Wake, Waker};

/// Drops a value whose `Drop` may panic, where that is nobody's error.
pub(crate) fn drop_quietly<T>(value: T) {
    // The code that made the value has returned; what the value does when it goes blames nothing.
    let _ = catch_unwind(AssertUnwindSafe(|| drop(value)));
}

/// A value of the user's, as the store holds it: where it is dropped, its `Drop` may panic, and that is nobody's error.
///
/// A list holds its values one by one in these, because of two that panic while the list is dropped the second would end the
/// process.
#[derive(Debug)]
pub(crate) struct Quiet<T>(Option<T>);

impl<T> Quiet<T> {
    pub(crate) fn new(value: T) -> Self {
        Quiet(Some(value))
    }

    /// Returns the value, whose `Drop` is the caller's affair from now on.
    pub(crate) fn into_inner(mut self) -> T {
        match self.0.take() {
            Some(value) => value,
            None => unreachable!("only this takes the value, and it takes the whole"),
        }
    }
}

impl<T> Drop for Quiet<T> {
    fn drop(&mut self) {
        if let Some(value) = self.0.take() {
            drop_quietly(value);
        }
    }
}

/// A panic's message.
pub(crate) fn message(payload: Box<dyn Any + Send>) -> String {
    let message = match payload.downcast_ref::<&str>() {
        Some(text) => text.to_string(),
        None => payload.downcast_ref::<String>().cloned().unwrap_or_else(|| "it has no message".to_string()),
    };
    drop_quietly(payload);
    message
}

/// Calls `f`; a panic's message if it panics.
pub(crate) fn catch<T>(f: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(f)).map_err(message)
}

/// Waits for what wakes several at once. A waker that panics would panic in the one who wakes, and leave the others asleep:
/// here it is woken, and nobody hears what becomes of that.
pub(crate) async fn woken_quietly<F: Future>(future: F) -> F::Output {
    struct Quiet(Waker);
    impl Wake for Quiet {
        fn wake(self: Arc<Self>) {
            let _ = catch(|| self.0.wake_by_ref());
        }
    }
    let mut future = pin!(future);
    poll_fn(|context| {
        let waker = Waker::from(Arc::new(Quiet(context.waker().clone())));
        future.as_mut().poll(&mut Context::from_waker(&waker))
    })
    .await
}

#[cfg(test)]
mod tests {
    use std::panic::resume_unwind;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn values_that_panic_when_they_are_dropped_are_dropped_one_by_one() {
        struct Mine(Arc<AtomicUsize>);
        impl Drop for Mine {
            fn drop(&mut self) {
                self.0.fetch_add(1, Ordering::Relaxed);
                resume_unwind(Box::new("a mine"));
            }
        }
        let dropped = Arc::<AtomicUsize>::default();
        let mines = || (0..3).map(|_| Quiet::new(Mine(dropped.clone()))).collect::<Vec<_>>();
        drop(mines());
        assert_eq!(dropped.load(Ordering::Relaxed), 3);
        // Also where something else is unwinding already.
        let (first, second) = (mines(), mines());
        let unwound = catch(move || {
            let _held = first;
            second.into_iter().for_each(|mine| drop(mine.into_inner()));
        });
        assert_eq!(unwound, Err("a mine".to_string()));
        assert_eq!(dropped.load(Ordering::Relaxed), 9);
    }

    #[test]
    fn messages_come_back() {
        assert_eq!(catch(|| 7), Ok(7));
        assert_eq!(catch(|| -> u8 { panic!("plain") }), Err("plain".to_string()));
        assert_eq!(catch(|| -> u8 { panic!("with {}", 7) }), Err("with 7".to_string()));
        assert_eq!(catch(|| -> u8 { std::panic::panic_any(7) }), Err("it has no message".to_string()));
    }
}
