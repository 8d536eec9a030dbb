//! The promise that an acknowledged mutation survives.

use std::time::Duration;

/// The moment at which a mutation is acknowledged, and therefore what it survives.
///
/// | an acknowledged mutation survives | [`Sync`](Durability::Sync) | [`Os`](Durability::Os) | [`Periodic(d)`](Durability::Periodic) |
/// |---|---|---|---|
/// | a panic, an error, a dropped future | yes | yes | yes |
/// | a kill of the process | yes | yes | all but the last `d` |
/// | a crash of the operating system, a power cut | yes | all but what the system hadn't written | all but the last `d` |
/// | `close`, or the drop of the last handle | yes | yes | yes |
/// | the loss of the disk | no | no | no |
///
/// A crash only ever takes the newest mutations: if one is missing, so are all later ones. A batch is there whole or not at all.
/// In every mode [`sync`](crate::Durable::sync) makes all acknowledged mutations durable.
///
/// A call that returned [`Panicked`](crate::Error::Panicked) stays rolled back. Under `Sync` its abort is synced before the call returns;
/// under `Os` and `Periodic` the abort is handed to the operating system. Under these two, a power cut before the next sync can
/// take the abort and leave the record, which the next open then replays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Durability {
    /// Acknowledges a mutation when it is on stable storage. Calls that are made at the same time share one sync. The default.
    #[default]
    Sync,
    /// Acknowledges a mutation when the operating system has it. The log is synced when a segment is full, on a checkpoint, on
    /// `sync`, after [`idle_mark`](crate::Options::idle_mark) without mutations, and on close.
    Os,
    /// Acknowledges a mutation at once. At most this much later the store begins to write and sync everything that was
    /// acknowledged; a mutation whose body runs longer delays that.
    Periodic(Duration),
}
