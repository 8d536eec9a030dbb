//! The policy for a replay that returns other results than the calls did.

/// The treatment of a replay whose results differ from those of the calls; see
/// [`Options::on_changed_results`](crate::Options::on_changed_results).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChangedResults {
    /// Refuses the open with [`Error::ChangedResults`](crate::Error::ChangedResults). The default.
    #[default]
    Refuse,
    /// Keeps the state of the replay, and writes a checkpoint of it before the store serves calls, so that the next open doesn't ask
    /// again.
    Accept,
}
