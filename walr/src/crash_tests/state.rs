//! A state with a hand-written log: the ids of the mutations that were applied.

use std::cell::{Cell, RefCell};

use serde::{Deserialize, Serialize};

use crate::recovery::is_replaying;
use crate::schema::state::{Handle, Mutation, Mutations, Recorded, WalState};

thread_local! {
    static LIVE: Cell<bool> = const { Cell::new(false) };
    static HOOK: RefCell<Option<Hook>> = const { RefCell::new(None) };
}

/// A function that each mutation calls first, with the mutation's id.
type Hook = Box<dyn FnMut(u32)>;

/// Calls `f`. Meanwhile each mutation begins with a call of `hook`, which may panic.
pub(crate) fn with_hook<T>(hook: impl FnMut(u32) + 'static, f: impl FnOnce() -> T) -> T {
    HOOK.set(Some(Box::new(hook)));
    let result = f();
    HOOK.set(None);
    result
}

fn call_hook(id: u32) {
    // Out of its place, because the hook may apply other mutations.
    if let Some(mut hook) = HOOK.take() {
        hook(id);
        HOOK.set(Some(hook));
    }
}

/// Calls `f`, which applies mutations live or replays them.
pub(crate) fn as_live<T>(live: bool, f: impl FnOnce() -> T) -> T {
    let before = LIVE.replace(live);
    let result = f();
    LIVE.set(before);
    result
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Tally {
    pub(crate) ids: Vec<u32>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum TallyLog {
    /// Adds an id. The bytes only make the record longer.
    Push(u32, Vec<u8>),
    /// Adds an id and panics, live and on replay.
    Boom(u32),
    /// Adds an id and panics, but not on replay: recovery can't know that the call was rolled back.
    Flaky(u32),
}

impl Recorded for Tally {
    type Log = TallyLog;
    type Outcome = usize;
    type Mutations = TallyMutations;
    const MUTATIONS: &'static [Mutation] = &[
        Mutation {
            name: "push",
            params: &[("id", "u32"), ("ballast", "Vec<u8>")],
            result: "usize",
            reads_back: true,
            fingerprint: 0,
        },
        Mutation { name: "boom", params: &[("id", "u32")], result: "usize", reads_back: true, fingerprint: 0 },
        Mutation { name: "flaky", params: &[("id", "u32")], result: "usize", reads_back: false, fingerprint: 0 },
    ];

    fn apply(&mut self, log: TallyLog) -> usize {
        let (TallyLog::Push(id, _) | TallyLog::Boom(id) | TallyLog::Flaky(id)) = log;
        call_hook(id);
        match log {
            TallyLog::Push(id, _) => self.ids.push(id),
            TallyLog::Boom(id) => {
                self.ids.push(id);
                std::panic::resume_unwind(Box::new("boom"));
            }
            TallyLog::Flaky(id) => {
                self.ids.push(id);
                // The rebuild after a panic is a replay too.
                if LIVE.get() && !is_replaying() {
                    std::panic::resume_unwind(Box::new("flaky"));
                }
            }
        }
        self.ids.len()
    }

    fn digest(outcome: &usize) -> Option<u64> {
        Some(*outcome as u64)
    }

    fn index(log: &TallyLog) -> usize {
        match log {
            TallyLog::Push(..) => 0,
            TallyLog::Boom(_) => 1,
            TallyLog::Flaky(_) => 2,
        }
    }
}

const SHAPE: &str = match std::str::from_utf8(&[b'x'; 1200]) {
    Ok(shape) => shape,
    Err(_) => "",
};

impl WalState for Tally {
    const NAME: &'static str = "Tally";
    const VERSION: u32 = 1;
    // Longer than a sector, so that a schema frame can be torn.
    const SHAPE: &'static str = SHAPE;
}

pub(crate) struct TallyMutations;

impl Mutations<Tally> for TallyMutations {
    fn new(_: Handle<Tally>) -> Self {
        TallyMutations
    }
}
