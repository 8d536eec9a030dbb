//! Tracks whether a thread is inside a read or a mutation of a store, and whether it replays a log.
//!
//! A call that waits for its own store then fails, instead of waiting for ever.

use std::cell::{Cell, RefCell};

/// A place in a store where a thread can't wait for a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Inside {
    /// The closure of a `read`.
    Read,
    /// The body of a mutation.
    Mutation,
}

thread_local! {
    static INSIDE: RefCell<Vec<(usize, Inside)>> = const { RefCell::new(Vec::new()) };
    static REPLAYING: Cell<bool> = const { Cell::new(false) };
}

/// Leaves the place on drop.
pub(crate) struct Entered;

/// Enters `place` in the store `id` with this thread.
pub(crate) fn enter(id: usize, place: Inside) -> Entered {
    INSIDE.with_borrow_mut(|inside| inside.push((id, place)));
    Entered
}

/// Returns the innermost place of this thread in the store `id`.
pub(crate) fn inside(id: usize) -> Option<Inside> {
    INSIDE.with_borrow(|inside| inside.iter().rev().find(|(store, _)| *store == id).map(|(_, place)| *place))
}

impl Drop for Entered {
    fn drop(&mut self) {
        INSIDE.with_borrow_mut(|inside| inside.pop());
    }
}

/// Returns whether this thread replays a log.
///
/// In the body of a mutation the result is `false` for a call, and `true` for a replay: by an open, by the rebuild after a panic, for a
/// checkpoint, or by [`verify_replay`](crate::Store::verify_replay).
///
/// Use it to log or to count. The effect of a mutation on its state must not depend on it, because the state must equal a replay of the
/// log.
///
/// ```
/// # use serde::{Deserialize, Serialize};
/// # use walr::{Durable, WalState};
/// #[derive(Default, Serialize, Deserialize, WalState)]
/// struct Orders {
///     count: u64,
/// }
///
/// #[walr::mutations]
/// impl Orders {
///     #[mutation]
///     fn place(&mut self, what: &str) {
///         self.count += 1;
///         if !walr::is_replaying() {
///             println!("{what} was ordered");
///         }
///     }
/// }
/// ```
pub fn is_replaying() -> bool {
    REPLAYING.get()
}

/// Ends the replay on drop.
pub(crate) struct Replaying(bool);

/// Begins a replay with this thread.
pub(crate) fn replaying() -> Replaying {
    Replaying(REPLAYING.replace(true))
}

impl Drop for Replaying {
    fn drop(&mut self) {
        REPLAYING.set(self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replay_ends_also_inside_another() {
        assert!(!is_replaying());
        let outer = replaying();
        drop(replaying());
        assert!(is_replaying());
        drop(outer);
        assert!(!is_replaying());
    }

    #[test]
    fn places_nest_by_store() {
        assert_eq!(inside(1), None);
        let read = enter(1, Inside::Read);
        let mutation = enter(2, Inside::Mutation);
        assert_eq!((inside(1), inside(2)), (Some(Inside::Read), Some(Inside::Mutation)));
        drop(mutation);
        assert_eq!((inside(1), inside(2)), (Some(Inside::Read), None));
        drop(read);
        assert_eq!(inside(1), None);
    }
}
