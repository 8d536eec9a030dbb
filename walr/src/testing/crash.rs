//! The name of a crash, and the folder that it leaves.

use std::fmt;
use std::str::FromStr;

use super::Sim;

/// A crash of a recorded run, written `SEED:CALL:KIND`: `7:37:kill`, `7:37:cut2`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Crash {
    pub(super) seed: u64,
    /// The call to the file system after which the crash comes, from 1.
    pub(super) call: u64,
    pub(super) kind: CrashKind,
}

/// The kind of a crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CrashKind {
    /// The process ends. The operating system keeps everything that was written.
    Kill,
    /// The power fails. The seed and this number decide what becomes of everything that wasn't synced.
    Cut(u64),
}

impl Crash {
    /// Returns the folder that the crash leaves of `folder`.
    pub(super) fn of(self, folder: &Sim) -> Sim {
        match self.kind {
            CrashKind::Kill => folder.restart(),
            CrashKind::Cut(number) => folder.crash(self.mixed(number)),
        }
    }

    /// Mixes the seed, the call and `number` into the seed of a power cut.
    pub(super) fn mixed(self, number: u64) -> u64 {
        [self.call, number].iter().fold(self.seed, |mixed, word| {
            let mixed = (mixed ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            mixed ^ (mixed >> 29)
        })
    }
}

impl fmt::Display for Crash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Crash { seed, call, kind } = self;
        match kind {
            CrashKind::Kill => write!(f, "{seed}:{call}:kill"),
            CrashKind::Cut(number) => write!(f, "{seed}:{call}:cut{number}"),
        }
    }
}

impl FromStr for Crash {
    type Err = String;

    fn from_str(text: &str) -> Result<Crash, String> {
        let parse = || {
            let (seed, rest) = text.split_once(':')?;
            let (call, kind) = rest.split_once(':')?;
            let kind = match kind.strip_prefix("cut") {
                Some(number) => CrashKind::Cut(number.parse().ok()?),
                None if kind == "kill" => CrashKind::Kill,
                None => return None,
            };
            Some(Crash { seed: seed.parse().ok()?, call: call.parse().ok()?, kind })
        };
        parse()
            .ok_or_else(|| format!("{text:?} isn't the name of a crash; a failed test prints one, such as 7:37:cut2"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crash_is_read_back_as_it_is_written() {
        for kind in [CrashKind::Kill, CrashKind::Cut(0), CrashKind::Cut(12)] {
            let crash = Crash { seed: 7, call: 37, kind };
            assert_eq!(crash.to_string().parse(), Ok(crash));
        }
        for wrong in ["", "7", "7:37", "7:37:", "7:37:cut", "7:37:cutx", "x:37:kill", "7:-1:kill", "7:37:kill:"] {
            assert!(wrong.parse::<Crash>().unwrap_err().contains("7:37:cut2"), "{wrong}");
        }
    }
}
