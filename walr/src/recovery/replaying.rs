//! Tracks whether a thread replays a log.

use std::cell::Cell;

thread_local! {
    static REPLAYING: Cell<bool> = const { Cell::new(false) };
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
pub(super) struct Replaying(bool);

/// Begins a replay with this thread.
pub(super) fn begin() -> Replaying {
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
        let outer = begin();
        drop(begin());
        assert!(is_replaying());
        drop(outer);
        assert!(!is_replaying());
    }
}
