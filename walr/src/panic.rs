//! Catching the panics of user code.

use std::any::Any;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Wake, Waker};

/// Drops a value, and discards the panic of its `Drop`.
pub(crate) fn drop_quietly<T>(value: T) {
    // The mutation that made the value has returned, so the panic concerns no call.
    let _ = catch_unwind(AssertUnwindSafe(|| drop(value)));
}

/// A user's value, whose drop discards a panic.
///
/// A list holds each of its values in one of these: if two values panicked during the drop of a list, the second panic would end the
/// process.
#[derive(Debug)]
pub(crate) struct Quiet<T>(Option<T>);

impl<T> Quiet<T> {
    pub(crate) fn new(value: T) -> Self {
        Quiet(Some(value))
    }

    /// Returns the value, whose `Drop` may panic.
    pub(crate) fn into_inner(mut self) -> T {
        match self.0.take() {
            Some(value) => value,
            None => unreachable!("only `into_inner` takes the value, and it consumes `self`"),
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

/// Returns the message of a panic.
pub(crate) fn message(payload: Box<dyn Any + Send>) -> String {
    let message = match payload.downcast_ref::<&str>() {
        Some(text) => text.to_string(),
        None => payload.downcast_ref::<String>().cloned().unwrap_or_else(|| "it has no message".to_string()),
    };
    drop_quietly(payload);
    message
}

/// Calls `f`, and returns the message if it panics.
pub(crate) fn catch<T>(f: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(f)).map_err(message)
}

/// Awaits `future` with a waker whose panics are discarded.
///
/// A thread of the store wakes several callers in a row. A waker that panics there would leave the other callers asleep.
pub(crate) async fn woken_quietly<F: Future>(future: F) -> F::Output {
    struct QuietWaker(Waker);
    impl Wake for QuietWaker {
        fn wake(self: Arc<Self>) {
            let _ = catch(|| self.0.wake_by_ref());
        }
    }
    let mut future = pin!(future);
    poll_fn(|context| {
        let waker = Waker::from(Arc::new(QuietWaker(context.waker().clone())));
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
    fn each_value_of_a_list_is_dropped_although_all_panic() {
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
        // Also during the unwinding of another panic.
        let (first, second) = (mines(), mines());
        let unwound = catch(move || {
            let _held = first;
            second.into_iter().for_each(|mine| drop(mine.into_inner()));
        });
        assert_eq!(unwound, Err("a mine".to_string()));
        assert_eq!(dropped.load(Ordering::Relaxed), 9);
    }

    #[test]
    fn the_message_of_a_panic_is_returned() {
        assert_eq!(catch(|| 7), Ok(7));
        assert_eq!(catch(|| -> u8 { panic!("plain") }), Err("plain".to_string()));
        assert_eq!(catch(|| -> u8 { panic!("with {}", 7) }), Err("with 7".to_string()));
        assert_eq!(catch(|| -> u8 { std::panic::panic_any(7) }), Err("it has no message".to_string()));
    }
}
