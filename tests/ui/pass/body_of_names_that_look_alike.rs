#![deny(warnings)]
//! Bodies may use the user's own items with the names of nondeterministic ones.

use serde::{Deserialize, Serialize};
use walr::WalState;

/// A clock that returns the time to which it was set.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Clock(u64);

impl Clock {
    fn now(self) -> u64 {
        self.0
    }
}

/// A folder in memory.
mod fs {
    pub(crate) struct Node(pub(crate) String);
}

#[derive(Default, Serialize, Deserialize, WalState)]
pub struct Machine {
    env: Vec<String>,
    fs: Vec<String>,
    clock: Clock,
}

static WORDS: std::sync::LazyLock<Vec<&'static str>> = std::sync::LazyLock::new(|| vec!["SystemTime::now()"]);

#[walr::mutations]
impl Machine {
    /// Writes to the memory, unlike `std::fs::write`.
    #[mutation]
    pub fn write(&mut self, name: &str, now: u64, thread: u64, process: u64) -> usize {
        let clock = self.clock;
        // A replay of SystemTime::now() would give another time.
        let env = format!("std::env {} {} {now}", clock.now(), Clock::now(self.clock));
        self.env.push(env);
        let fs::Node(name) = fs::Node(name.to_string());
        self.fs.extend(vec![name, "rand::random()".to_string(), env!("CARGO_PKG_NAME").to_string()]);
        self.env.iter().chain(&self.fs).map(String::len).sum::<usize>() + WORDS.len() + (thread + process) as usize
    }

    #[query]
    pub fn age(&self) -> Option<std::time::Duration> {
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).ok()
    }

    pub fn plain(&self) -> Option<String> {
        std::env::var("HOME").ok()
    }
}

fn main() {}
