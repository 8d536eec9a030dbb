//! The log: frames in segments, the journal that writes them, and the view that reads them.
//!
//! A frame holds the records of one group commit, or a fact about the log itself. A segment is one file of frames. The journal appends
//! to the last segment and begins the next one. [`layout`] names the files of the store's folder.

pub(crate) mod frame;
pub(crate) mod journal;
pub(crate) mod layout;
pub(crate) mod segment;
pub(crate) mod view;
