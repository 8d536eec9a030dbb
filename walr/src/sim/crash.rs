//! The folder that a power cut leaves: a decision for each sector, length and name that wasn't synced.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::SimState;
use super::bytes::{Bytes, SECTOR, Sector};
use super::inode::{Dirty, Inode};
use super::names::{NameMap, NameTable};
use super::rng::Rng;

/// The part of the unsynced changes that survives.
#[derive(Clone, Copy)]
enum Survivors {
    All,
    Nothing,
    /// The changes of the calls up to this number, and perhaps a part of the next one.
    UpTo(u64),
    /// Each change with this chance out of 32.
    Chance(u64),
}

/// Returns the state after a crash of `state`, as `seed` decides.
pub(super) fn crash(state: &SimState, seed: u64) -> SimState {
    let mut rng = Rng::new(seed);
    let (data, names) = choose_survivors(state, &mut rng);
    let map = names_after(&state.names, names, &mut rng);
    let mut inodes = BTreeMap::new();
    for id in map.values() {
        if let Some(inode) = state.inodes.get(id) {
            let content = content_after(inode, data, state.medium.overwrite_safe, &mut rng);
            inodes.insert(*id, Inode::new(content));
        }
    }
    let (next_id, medium, path) = (state.next_id, state.medium, state.path.clone());
    SimState { names: NameTable::clean(map), inodes, next_id, medium, path, ..SimState::default() }
}

/// Chooses the survivors among data and among names. The extremes are frequent, because they find the most mistakes.
fn choose_survivors(state: &SimState, rng: &mut Rng) -> (Survivors, Survivors) {
    let keep = [4, 16, 28, 31];
    match rng.below(16) {
        0 => (Survivors::All, Survivors::All),
        1 => (Survivors::Nothing, Survivors::Nothing),
        2 => (Survivors::Nothing, Survivors::All),
        3 => (Survivors::All, Survivors::Nothing),
        n @ 4..=7 => {
            let first = oldest_unsynced(state);
            let last = first.saturating_sub(1) + rng.below((state.calls + 2).saturating_sub(first));
            (Survivors::UpTo(last), if n == 7 { Survivors::All } else { Survivors::UpTo(last) })
        }
        n => {
            let data = Survivors::Chance(keep[rng.below(4) as usize]);
            (data, if n < 11 { Survivors::All } else { Survivors::Chance(keep[rng.below(4) as usize]) })
        }
    }
}

fn oldest_unsynced(state: &SimState) -> u64 {
    let names = state.names.pending.first().map(|(call, _)| *call);
    let sectors = state.inodes.values().flat_map(|inode| inode.dirty.values());
    let sectors = sectors.map(|dirty| dirty.older.first().map_or(dirty.call, |(call, _)| *call));
    let lengths = state.inodes.values().filter_map(|inode| inode.lengths.first()).map(|(call, _)| *call);
    names.into_iter().chain(sectors).chain(lengths).min().unwrap_or(state.calls + 1)
}

fn names_after(names: &NameTable, survivors: Survivors, rng: &mut Rng) -> NameMap {
    if let Survivors::All = survivors {
        return names.seen.clone();
    }
    let mut map = names.durable.clone();
    for (call, change) in &names.pending {
        let kept = match survivors {
            Survivors::All => true,
            Survivors::Nothing => false,
            Survivors::UpTo(last) => *call <= last,
            Survivors::Chance(keep) => rng.chance(keep),
        };
        if kept {
            change.apply(&mut map);
        }
    }
    map
}

fn content_after(inode: &Inode, survivors: Survivors, overwrite_safe: bool, rng: &mut Rng) -> Arc<Bytes> {
    match survivors {
        Survivors::Nothing => return Arc::clone(&inode.durable),
        Survivors::All => return inode.flushed(),
        _ if inode.is_clean() => return Arc::clone(&inode.durable),
        _ => (),
    }
    let mut content = Arc::clone(&inode.durable);
    let (len, cut) = length_after(inode, survivors, rng);
    if len != content.len() || cut < content.len() {
        let bytes = Arc::make_mut(&mut content);
        bytes.set_len(cut.min(len).min(bytes.len()));
        bytes.set_len(len);
    }
    let never_durable = inode.durable.len().min(cut);
    for (&number, dirty) in &inode.dirty {
        let start = number * SECTOR as u64;
        if start >= len {
            break;
        }
        let spared = if overwrite_safe { never_durable.saturating_sub(start).min(SECTOR as u64) } else { 0 };
        let versions = Versions { old: content.sector(number), number, dirty, inode };
        if let Some(sector) = sector_after(&versions, survivors, spared as usize, rng) {
            Arc::make_mut(&mut content).put_sector(number, &sector);
        }
    }
    content
}

/// Returns the length after the crash, and the shortest length before it: durable bytes after that are lost.
fn length_after(inode: &Inode, survivors: Survivors, rng: &mut Rng) -> (u64, u64) {
    let (durable, lengths) = (inode.durable.len(), &inode.lengths);
    let Some(&(_, newest)) = lengths.last() else { return (durable, u64::MAX) };
    let until = match survivors {
        Survivors::UpTo(last) => last + rng.below(2),
        Survivors::Chance(keep) if rng.chance(keep) => u64::MAX,
        _ if rng.chance(8) && newest > durable => {
            // File systems write a long growth in steps, so any length in between is possible.
            let (from, to) = (durable / SECTOR as u64, newest / SECTOR as u64);
            let between = (from + 1 + rng.below(to - from)) * SECTOR as u64;
            return (between.clamp(durable, newest), inode.cut(|_| true));
        }
        _ if rng.chance(16) => lengths[rng.below(lengths.len() as u64) as usize].0,
        _ => 0,
    };
    let len = lengths.iter().rev().find(|(call, _)| *call <= until).map_or(durable, |(_, len)| *len);
    (len, inode.cut(|call| call <= until))
}

/// The contents that a sector had since its last sync.
struct Versions<'a> {
    /// The durable contents.
    old: Sector,
    number: u64,
    dirty: &'a Dirty,
    inode: &'a Inode,
}

impl Versions<'_> {
    /// Returns the number of the newest version. Version 0 is durable.
    fn newest(&self) -> usize {
        self.dirty.older.len() + 1
    }

    fn get(&self, version: usize) -> Sector {
        match version.checked_sub(1) {
            None => self.old,
            Some(i) => match self.dirty.older.get(i) {
                Some((_, sector)) => **sector,
                None => self.inode.cached.sector(self.number),
            },
        }
    }

    /// Returns the call that wrote a version, and 0 for the durable one.
    fn call(&self, version: usize) -> u64 {
        match version.checked_sub(1) {
            None => 0,
            Some(i) => self.dirty.older.get(i).map_or(self.dirty.call, |(call, _)| *call),
        }
    }
}

/// Returns the contents of a sector after the crash; `None` for the durable contents. The first `spared` bytes can be damaged only where
/// they change.
fn sector_after(versions: &Versions<'_>, survivors: Survivors, spared: usize, rng: &mut Rng) -> Option<Sector> {
    let newest = versions.newest();
    let (from, to, torn) = match survivors {
        Survivors::UpTo(last) => {
            let done = (1..=newest).rev().find(|&version| versions.call(version) <= last).unwrap_or(0);
            let in_flight = done < newest && versions.call(done + 1) == last + 1;
            match if in_flight { rng.below(3) } else { 0 } {
                0 => (done, done, false),
                1 => (done, done + 1, false),
                _ => (done, done + 1, true),
            }
        }
        Survivors::Chance(keep) => {
            let to = if rng.chance(24) { newest } else { 1 + rng.below(newest as u64) as usize };
            if rng.chance(keep) {
                (to, to, false)
            } else if rng.chance(16) {
                (rng.below(to as u64) as usize, to, true)
            } else {
                (0, 0, false)
            }
        }
        Survivors::All => (newest, newest, false),
        Survivors::Nothing => (0, 0, false),
    };
    if torn {
        Some(tear(&versions.get(from), versions.get(to), spared, rng))
    } else {
        (to > 0).then(|| versions.get(to))
    }
}

/// Returns a sector whose write from `old` to `new` was interrupted: a part of each, or garbage.
fn tear(old: &Sector, new: Sector, spared: usize, rng: &mut Rng) -> Sector {
    let mut sector = new;
    let (a, b) = (rng.below(SECTOR as u64 + 1) as usize, rng.below(SECTOR as u64 + 1) as usize);
    let garbled = match rng.below(4) {
        0 => {
            sector[a..].copy_from_slice(&old[a..]);
            return sector;
        }
        1 => {
            sector[..a].copy_from_slice(&old[..a]);
            return sector;
        }
        2 => a.min(b)..a.max(b),
        _ => 0..SECTOR,
    };
    let mut random = 0;
    for i in garbled {
        if i % 8 == 0 || random == 0 {
            random = rng.next();
        }
        if i >= spared || old[i] != new[i] {
            sector[i] = random as u8;
        }
        random >>= 8;
    }
    sector
}
