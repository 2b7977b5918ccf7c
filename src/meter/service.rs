//! What is counted for one service with servers.

use once_cell::sync::Lazy;

use super::{Block, Buckets, PlaceMeter, Reading, Span};
use crate::sticky::{Moved, Outcome, Verdict};

/// Bounds for the two times below, in seconds.
static TIMES: Lazy<Buckets> = Lazy::new(|| {
    let bounds = [
        0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
    ];
    Buckets::new(&bounds).unwrap_or_default()
});

const MOVED: usize = Verdict::ALL.len();
const ELSEWHERE: usize = MOVED + Moved::ALL.len();
const CONNECT: usize = ELSEWHERE + 1;

/// Counters of one service.
#[derive(Debug)]
pub struct ServiceMeter {
    /// What is counted of its requests as everywhere.
    pub place: PlaceMeter,
    block: Block,
}

impl Default for ServiceMeter {
    fn default() -> Self {
        Self {
            place: PlaceMeter::default(),
            block: Block::new(CONNECT + 2 * Span::width(&TIMES)),
        }
    }
}

impl ServiceMeter {
    /// Bounds of the histograms below.
    #[must_use]
    pub fn times() -> &'static Buckets {
        &TIMES
    }

    /// A request ended with this.
    pub fn add_outcome(&self, outcome: Outcome) {
        if let Some(verdict) = outcome.verdict {
            self.block.add(verdict as usize, 1);
        }
        if let Some(moved) = outcome.moved {
            self.block.add(MOVED + moved as usize, 1);
        }
    }

    /// A request was tried at another server.
    pub fn add_elsewhere(&self) {
        self.block.add(ELSEWHERE, 1);
    }

    /// A connection was made in so long.
    pub fn add_connect(&self, micros: u64) {
        Span::at(CONNECT).observe(&self.block, &TIMES, micros);
    }

    /// The first byte of an answer came after so long.
    pub fn add_first_byte(&self, micros: u64) {
        Span::at(CONNECT + Span::width(&TIMES)).observe(&self.block, &TIMES, micros);
    }

    /// Requests with this verdict.
    #[must_use]
    pub fn verdicts(&self, verdict: Verdict) -> u64 {
        self.block.sum(verdict as usize)
    }

    /// Sessions that moved for this reason.
    #[must_use]
    pub fn moved(&self, moved: Moved) -> u64 {
        self.block.sum(MOVED + moved as usize)
    }

    /// Attempts at another server.
    #[must_use]
    pub fn elsewhere(&self) -> u64 {
        self.block.sum(ELSEWHERE)
    }

    /// Times that connections took.
    #[must_use]
    pub fn connects(&self) -> Reading {
        Span::at(CONNECT).read(&self.block, &TIMES)
    }

    /// Times to the first byte.
    #[must_use]
    pub fn first_bytes(&self) -> Reading {
        Span::at(CONNECT + Span::width(&TIMES)).read(&self.block, &TIMES)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_counted_in_the_place_of_something_else() {
        let meter = ServiceMeter::default();
        for (n, verdict) in Verdict::ALL.into_iter().enumerate() {
            (0..=n).for_each(|_| meter.add_outcome(Outcome::stays(verdict)));
        }
        for moved in Moved::ALL {
            meter.add_outcome(Outcome::moves(Verdict::Hit, moved));
        }
        meter.add_elsewhere();
        meter.add_connect(2_000);
        meter.add_first_byte(20_000_000);
        assert_eq!(meter.verdicts(Verdict::Detour), 9);
        assert_eq!(meter.verdicts(Verdict::New), 2);
        assert!(Moved::ALL.into_iter().all(|moved| meter.moved(moved) == 1));
        assert_eq!(meter.elsewhere(), 1);
        assert_eq!(meter.connects().cumulative.get(..2), Some(&[0, 1][..]));
        let first_bytes = meter.first_bytes();
        assert_eq!((first_bytes.count(), first_bytes.micros), (1, 20_000_000));
        assert_eq!(first_bytes.cumulative.iter().rev().nth(1), Some(&0));
    }
}
