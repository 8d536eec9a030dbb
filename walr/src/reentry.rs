//! Which stores this thread is inside of: so that a wait for oneself is an error and not a wait. And whether it replays.

use std::cell::{Cell, RefCell};

/// Where a thread is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// In the closure of a `read`.
    Read,
    /// In the body of a mutation.
    Mutation,
}

thread_local! {
    static INSIDE: RefCell<Vec<(usize, Place)>> = const { RefCell::new(Vec::new()) };
    static REPLAYING: Cell<bool> = const { Cell::new(false) };
}

/// Leaves the place again when it is dropped.
pub(crate) struct Entered;

/// Notes that this thread enters `place` of the store `id`.
pub(crate) fn enter(id: usize, place: Place) -> Entered {
    INSIDE.with_borrow_mut(|inside| inside.push((id, place)));
    Entered
}

/// Where in the store `id` this thread is; a mutation's body counts before a `read` around it.
pub(crate) fn inside(id: usize) -> Option<Place> {
    INSIDE.with_borrow(|inside| inside.iter().rev().find(|(store, _)| *store == id).map(|(_, place)| *place))
}

impl Drop for Entered {
    fn drop(&mut self) {
        INSIDE.with_borrow_mut(|inside| inside.pop());
    }
}

/// Whether this thread is replaying: true in a mutation's body while it is applied from the log, by an open, by the
/// rebuilding after a panic, for a checkpoint from a replay, or by [`verify_replay`](crate::Store::verify_replay); false while it
/// is applied for a call.
///
/// For bodies that log or count. What a mutation does to its state must not depend on it: then memory would not be the replay
/// of the log.
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

/// This thread replays until it is dropped.
pub(crate) struct Replaying(bool);

/// Notes that this thread replays.
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
        let read = enter(1, Place::Read);
        let mutation = enter(2, Place::Mutation);
        assert_eq!((inside(1), inside(2)), (Some(Place::Read), Some(Place::Mutation)));
        drop(mutation);
        assert_eq!((inside(1), inside(2)), (Some(Place::Read), None));
        drop(read);
        assert_eq!(inside(1), None);
    }
}
