//! Which stores this thread is inside of: so that a wait for oneself is an error and not a wait.

use std::cell::RefCell;

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

#[cfg(test)]
mod tests {
    use super::*;

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
