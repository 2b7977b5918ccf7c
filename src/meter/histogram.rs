//! Durations in buckets.

use super::Block;

/// Upper bounds of buckets; one more without a bound follows.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Buckets {
    seconds: Box<[f64]>,
    /// The same in microseconds.
    micros: Box<[u64]>,
}

/// Bounds that are none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("buckets are seconds above 0, each larger than the one before")]
pub struct InvalidBuckets;

impl Buckets {
    /// Bounds in seconds, ascending.
    ///
    /// # Errors
    /// When they are not.
    pub fn new(seconds: &[f64]) -> Result<Self, InvalidBuckets> {
        let is_sorted = seconds
            .iter()
            .zip(seconds.iter().skip(1))
            .all(|(smaller, larger)| smaller < larger);
        let is_time = seconds.iter().all(|bound| bound.is_finite() && *bound > 0.0);
        if !is_sorted || !is_time {
            return Err(InvalidBuckets);
        }
        Ok(Self {
            micros: seconds.iter().map(|bound| (bound * 1e6).round() as u64).collect(),
            seconds: seconds.into(),
        })
    }

    /// The bounds, in seconds.
    #[must_use]
    pub fn seconds(&self) -> &[f64] {
        &self.seconds
    }

    /// The bucket of a duration.
    fn position(&self, micros: u64) -> usize {
        let bounds = self.micros.iter();
        bounds.take_while(|&&bound| bound < micros).count()
    }
}

/// Columns of a [`Block`] that are one histogram: its buckets, then the sum.
#[derive(Debug, Clone, Copy)]
pub struct Span {
    first: usize,
}

/// A histogram as it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// Observations up to each bound, and up to infinity.
    pub cumulative: Vec<u64>,
    /// All durations together, in microseconds.
    pub micros: u64,
}

impl Reading {
    /// Observations.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.cumulative.last().copied().unwrap_or_default()
    }
}

impl Span {
    /// Columns that a histogram with `buckets` takes.
    #[must_use]
    pub fn width(buckets: &Buckets) -> usize {
        buckets.micros.len() + 2
    }

    /// The histogram whose columns begin at `first`.
    #[must_use]
    pub const fn at(first: usize) -> Self {
        Self { first }
    }

    /// Adds one duration.
    pub fn observe(self, block: &Block, buckets: &Buckets, micros: u64) {
        block.add(self.first + buckets.position(micros), 1);
        block.add(self.first + buckets.micros.len() + 1, micros);
    }

    /// What there was so far.
    #[must_use]
    pub fn read(self, block: &Block, buckets: &Buckets) -> Reading {
        let last = buckets.micros.len();
        let counts = (0..=last).map(|bucket| block.sum(self.first + bucket));
        Reading {
            cumulative: counts
                .scan(0, |sum, count| {
                    *sum += count;
                    Some(*sum)
                })
                .collect(),
            micros: block.sum(self.first + last + 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_counts_up_to_every_bound_it_is_not_above() {
        let buckets = Buckets::new(&[0.1, 0.3]).unwrap();
        let block = Block::new(Span::width(&buckets));
        let span = Span::at(0);
        for micros in [1, 100_000, 100_001, 5_000_000] {
            span.observe(&block, &buckets, micros);
        }
        let reading = span.read(&block, &buckets);
        assert_eq!(reading.cumulative, [2, 3, 4]);
        assert_eq!((reading.count(), reading.micros), (4, 5_200_002));
    }

    #[test]
    fn bounds_that_do_not_ascend_are_refused() {
        for bad in [&[0.3, 0.1][..], &[0.1, 0.1], &[0.0], &[-1.0], &[f64::NAN]] {
            assert_eq!(Buckets::new(bad), Err(InvalidBuckets));
        }
        assert!(Buckets::new(&[]).is_ok());
    }
}
