//! The clocks of chrono, time and jiff: each message suggests the parameter that the clock should be.

use serde::{Deserialize, Serialize};
use walr::WalState;

pub struct Clock;

impl Clock {
    pub fn now() -> u64 {
        1
    }

    pub fn now_utc() -> u64 {
        1
    }
}

pub use self::{Clock as Local, Clock as OffsetDateTime, Clock as Timestamp, Clock as Utc, Clock as Zoned};

#[derive(Default, Serialize, Deserialize, WalState)]
pub struct Cache {
    entries: Vec<u64>,
}

#[walr::mutations]
impl Cache {
    #[mutation]
    pub fn push(&mut self) {
        self.entries.push(Utc::now());
        self.entries.push(Local::now());
        self.entries.push(OffsetDateTime::now_utc());
        self.entries.push(Timestamp::now());
        self.entries.push(Zoned::now());
    }
}

fn main() {}
