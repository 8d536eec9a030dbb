//! Tracks whether a thread is inside a read or a mutation of a store.
//!
//! A call that waits for its own store then fails, instead of waiting for ever.

use std::cell::RefCell;

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

#[cfg(test)]
mod tests {
    use super::*;

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
