//! Deliberate defects, one thread's tests at a time: a checker that doesn't notice them is worthless.

use std::cell::Cell;

thread_local! {
    static SALT: Cell<Option<u64>> = const { Cell::new(None) };
    static UNSYNCED_ABORT: Cell<bool> = const { Cell::new(false) };
}

/// The salt of every segment, where it isn't to be random.
pub(crate) fn salt() -> Option<u64> {
    SALT.get()
}

pub(crate) fn fix_salt(salt: Option<u64>) {
    SALT.set(salt);
}

/// Whether an abort is answered before it is durable.
pub(crate) fn abort_stays_unsynced() -> bool {
    UNSYNCED_ABORT.get()
}

pub(crate) fn leave_aborts_unsynced(leave: bool) {
    UNSYNCED_ABORT.set(leave);
}
