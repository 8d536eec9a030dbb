//! One crash: when it comes, and what it leaves.

use std::fmt;
use std::str::FromStr;

use super::Sim;

/// A crash of a recorded run, written `SEED:CALL:WAY`: `7:37:kill`, `7:37:cut2`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Crash {
    pub(super) seed: u64,
    /// The crash comes right after this call to the file system; the first one is 1.
    pub(super) call: u64,
    pub(super) way: Way,
}

/// How a run is crashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// The process ends; the operating system still has everything that was written.
    Kill,
    /// The power fails. The seed decides what becomes of all that wasn't synced; there are several power cuts of a moment.
    Cut(u64),
}

impl Crash {
    /// Returns the folder that the crash leaves of `folder`.
    pub(super) fn of(self, folder: &Sim) -> Sim {
        match self.way {
            Way::Kill => folder.restart(),
            Way::Cut(number) => folder.crash(self.mixed(number)),
        }
    }

    /// Returns the seed of a power cut; different ones for each seed, call and number.
    pub(super) fn mixed(self, number: u64) -> u64 {
        [self.call, number].iter().fold(self.seed, |mixed, word| {
            let mixed = (mixed ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            mixed ^ (mixed >> 29)
        })
    }
}

impl fmt::Display for Crash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Crash { seed, call, way } = self;
        match way {
            Way::Kill => write!(f, "{seed}:{call}:kill"),
            Way::Cut(number) => write!(f, "{seed}:{call}:cut{number}"),
        }
    }
}

impl FromStr for Crash {
    type Err = String;

    fn from_str(text: &str) -> Result<Crash, String> {
        let parse = || {
            let (seed, rest) = text.split_once(':')?;
            let (call, way) = rest.split_once(':')?;
            let way = match way.strip_prefix("cut") {
                Some(number) => Way::Cut(number.parse().ok()?),
                None if way == "kill" => Way::Kill,
                None => return None,
            };
            Some(Crash { seed: seed.parse().ok()?, call: call.parse().ok()?, way })
        };
        parse().ok_or_else(|| format!("{text:?} names no crash; a failed test prints one, such as 7:37:cut2"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crash_is_read_back_as_it_is_written() {
        for way in [Way::Kill, Way::Cut(0), Way::Cut(12)] {
            let crash = Crash { seed: 7, call: 37, way };
            assert_eq!(crash.to_string().parse(), Ok(crash));
        }
        for wrong in ["", "7", "7:37", "7:37:", "7:37:cut", "7:37:cutx", "x:37:kill", "7:-1:kill", "7:37:kill:"] {
            assert!(wrong.parse::<Crash>().unwrap_err().contains("7:37:cut2"), "{wrong}");
        }
    }
}
