//! The files that only checkpoints before the newest two need. The log half says which they are, and the checkpoint's thread removes
//! them, because the removal of a large file takes time.

use crate::error::Result;
use crate::log::layout::{StoreDir, checkpoint_name, segment_name};
use crate::lsn::Lsn;

/// Checkpoints and segments that nothing needs, oldest first.
#[derive(Debug, Default)]
pub(crate) struct OldFiles {
    pub(crate) checkpoints: Vec<Lsn>,
    /// The segments without records above the oldest checkpoint that is kept.
    pub(crate) segments: Vec<u64>,
}

impl OldFiles {
    /// Removes the files, and returns those that were removed. A checkpoint that can't be removed still counts, and keeps its segments.
    pub(crate) fn remove(self, dir: &StoreDir) -> (OldFiles, Result<()>) {
        let mut removed = OldFiles::default();
        let result = self.remove_into(dir, &mut removed);
        (removed, result)
    }

    fn remove_into(self, dir: &StoreDir, removed: &mut OldFiles) -> Result<()> {
        if self.checkpoints.is_empty() && self.segments.is_empty() {
            return Ok(());
        }
        for lsn in self.checkpoints {
            dir.remove_if_there(&checkpoint_name(lsn))?;
            removed.checkpoints.push(lsn);
        }
        // The removal of checkpoints is made durable first. Otherwise a crash could leave one without the log above it.
        dir.sync()?;
        for seq in self.segments {
            dir.remove_if_there(&segment_name(seq))?;
            removed.segments.push(seq);
        }
        if removed.segments.is_empty() { Ok(()) } else { dir.sync() }
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::sync::Arc;

    use parking_lot::Mutex;

    use super::*;
    use crate::sim::Sim;
    use crate::sim::{Fault, Kind};

    const CHECKPOINTS: [u64; 2] = [3, 7];
    const SEGMENTS: [u64; 3] = [1, 2, 3];

    /// A folder with checkpoints and segments of these numbers, and nothing else.
    fn folder() -> (Sim, StoreDir) {
        let sim = Sim::new();
        CHECKPOINTS.iter().for_each(|&lsn| sim.put(&checkpoint_name(Lsn::new(lsn)), b"a state"));
        SEGMENTS.iter().for_each(|&seq| sim.put(&segment_name(seq), b"a log"));
        let dir = StoreDir { folder: Arc::new(sim.clone()), path: PathBuf::new() };
        (sim, dir)
    }

    fn old_files(checkpoints: &[u64], segments: &[u64]) -> OldFiles {
        OldFiles { checkpoints: checkpoints.iter().map(|&lsn| Lsn::new(lsn)).collect(), segments: segments.to_vec() }
    }

    #[test]
    fn checkpoints_go_before_segments_and_durably() {
        let (sim, dir) = folder();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let see = seen.clone();
        sim.observe(Some(Arc::new(move |sim: &Sim| {
            let first = sim.files().first().map(|file| file.name.clone());
            let checkpoints = sim.files().iter().filter(|file| file.name.ends_with(".ckpt")).count();
            see.lock().push((checkpoints, sim.files().len() - checkpoints, sim.unsynced() == 0, first));
        })));
        old_files(&CHECKPOINTS, &SEGMENTS).remove(&dir).1.unwrap();
        let seen = seen.lock();
        let steps: Vec<_> =
            seen.iter().map(|(checkpoints, segments, synced, _)| (*checkpoints, *segments, *synced)).collect();
        let expected =
            [(1, 3, false), (0, 3, false), (0, 3, true), (0, 2, false), (0, 1, false), (0, 0, false), (0, 0, true)];
        assert_eq!(steps, expected);
        // The oldest first.
        let firsts = [3, 4, 5].map(|at| seen[at].3.clone());
        assert_eq!(firsts, [Some(segment_name(2)), Some(segment_name(3)), None]);
    }

    #[test]
    fn nothing_to_remove_takes_no_call() {
        let (sim, dir) = folder();
        old_files(&[], &[]).remove(&dir).1.unwrap();
        assert_eq!(sim.calls(), 0);
    }

    #[test]
    fn what_a_failure_leaves_is_told_and_removed_by_another_try() {
        // What is gone when the call of this number fails.
        let gone = [(0, 0), (1, 0), (2, 0), (2, 0), (2, 1), (2, 2), (2, 3)];
        for (at, expected) in gone.into_iter().enumerate() {
            let (sim, dir) = folder();
            sim.fail(Some(Fault { at: at as u64 + 1, kind: Kind::Io, forever: false }));
            let (gone, removed) = old_files(&CHECKPOINTS, &SEGMENTS).remove(&dir);
            assert!(removed.is_err(), "call {at}");
            assert_eq!((gone.checkpoints.len(), gone.segments.len()), expected, "call {at}");
            let left = (&CHECKPOINTS[expected.0..], &SEGMENTS[expected.1..]);
            let names: Vec<_> = left.1.iter().map(|&seq| segment_name(seq)).collect();
            assert!(names.iter().all(|name| sim.files().iter().any(|file| file.name == *name)), "call {at}");
            old_files(left.0, left.1).remove(&dir).1.unwrap();
            assert!(sim.files().is_empty(), "call {at}");
        }
    }
}
