//! Failures, files and crash images of a simulated disk.

use std::sync::{Arc, Mutex, PoisonError};

use walr::testing::{Fault, Kind, Sim};

/// Makes one call to the file system fail: the next one for `ahead` 1, the second next for 2, and so on.
pub(crate) fn fail_call(sim: &Sim, ahead: u64, kind: Kind) {
    sim.fail(Some(Fault { at: sim.calls() + ahead, kind, forever: false }));
}

/// Makes the same call fail as [`fail_call`], and all later ones.
pub(crate) fn fail_from_call(sim: &Sim, ahead: u64, kind: Kind) {
    sim.fail(Some(Fault { at: sim.calls() + ahead, kind, forever: true }));
}

/// Leaves no free space: the disk is as large as the files on it.
pub(crate) fn fill_disk(sim: &Sim) {
    sim.set_space(Some(sim.files().iter().map(|file| file.len).sum()));
}

/// Returns the names of the files that end in `ending`, in order.
pub(crate) fn sim_files_with(sim: &Sim, ending: &str) -> Vec<String> {
    sim.files().into_iter().map(|file| file.name).filter(|name| name.ends_with(ending)).collect()
}

/// Returns what power cuts leave at this moment, for `count` seeds that begin with `first`.
pub(crate) fn crashes(sim: &Sim, first: u64, count: u64) -> Vec<Sim> {
    (first..first + count).map(|seed| sim.crash(seed)).collect()
}

/// Runs `work`, and returns its output and the images that `take` makes after each call that changes or syncs something.
///
/// `take` is given the number of images so far, as a seed.
pub(crate) async fn images_during<T>(
    sim: &Sim,
    take: impl Fn(&Sim, u64) -> Vec<Sim> + Send + Sync + 'static,
    work: impl Future<Output = T>,
) -> (T, Vec<Sim>) {
    let images = Arc::new(Mutex::new(Vec::new()));
    let taken = images.clone();
    sim.observe(Some(Arc::new(move |sim: &Sim| {
        let mut images = taken.lock().unwrap_or_else(PoisonError::into_inner);
        let seed = images.len() as u64;
        images.extend(take(sim, seed));
    })));
    let output = work.await;
    sim.observe(None);
    let images = std::mem::take(&mut *images.lock().unwrap_or_else(PoisonError::into_inner));
    (output, images)
}
