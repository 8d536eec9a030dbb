//! What is taken back.

use crate::frame::Range;
use crate::lsn::Lsn;

/// A set of LSN ranges that tells whether it holds one.
#[derive(Debug, Default)]
pub(crate) struct Aborted(Vec<Range>);

impl Aborted {
    pub(crate) fn new(ranges: &[Range]) -> Aborted {
        let mut sorted = ranges.to_vec();
        sorted.sort_unstable();
        let mut merged: Vec<Range> = Vec::new();
        for (first, last) in sorted {
            match merged.last_mut() {
                Some((_, end)) if first <= *end => *end = (*end).max(last),
                _ => merged.push((first, last)),
            }
        }
        Aborted(merged)
    }

    pub(crate) fn holds(&self, lsn: Lsn) -> bool {
        let after = self.0.partition_point(|(first, _)| *first <= lsn);
        after > 0 && lsn <= self.0[after - 1].1
    }

    /// The lowest and the highest that it holds, if any.
    pub(crate) fn ends(&self) -> Option<Range> {
        Some((self.0.first()?.0, self.0.last()?.1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aborted_lsns_are_held() {
        let range = |first, last| (Lsn::new(first), Lsn::new(last));
        let aborted = Aborted::new(&[range(9, 9), range(2, 5), range(3, 4)]);
        let held: Vec<u64> = (0..12).filter(|&lsn| aborted.holds(Lsn::new(lsn))).collect();
        assert_eq!(held, [2, 3, 4, 5, 9]);
        assert_eq!(aborted.ends(), Some(range(2, 9)));
        assert_eq!(Aborted::default().ends(), None);
    }
}
