//! Times to first byte of one server: the mean of the last hundred, in microseconds, without a lock.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use super::Micros;

/// Samples kept, as in Traefik (traefik-core 2.4).
const WINDOW: usize = 100;

/// Without a sample for this long a mean says nothing about today: the server is treated as unmeasured,
/// so that a server that was slow once is tried again (Traefik starves it: its issue 12306).
const STALE_AFTER: Micros = 10_000_000;

/// What a failed attempt counts as, at least: a dead server must not look fast.
const FAILURE: Micros = 1_000_000;

/// A ring of samples and their sum.
#[derive(Debug)]
pub struct Latency {
    ring: Box<[AtomicU32]>,
    sum: AtomicU64,
    count: AtomicU64,
    last: AtomicU64,
}

impl Default for Latency {
    fn default() -> Self {
        Self {
            ring: (0..WINDOW).map(|_| AtomicU32::new(0)).collect(),
            sum: AtomicU64::new(0),
            count: AtomicU64::new(0),
            last: AtomicU64::new(0),
        }
    }
}

impl Latency {
    /// Adds a measured time to first byte.
    pub fn record(&self, elapsed: Micros, now: Micros) {
        let count = self.count.fetch_add(1, Ordering::AcqRel);
        let Some(slot) = self.ring.get(count as usize % WINDOW) else {
            return;
        };
        let sample = u32::try_from(elapsed).unwrap_or(u32::MAX).max(1);
        let old = slot.swap(sample, Ordering::AcqRel);
        // One wrapping addition: readers never see a sum without the old or with both.
        let change = u64::from(sample).wrapping_sub(u64::from(old));
        self.sum.fetch_add(change, Ordering::AcqRel);
        self.last.store(now, Ordering::Release);
    }

    /// Adds a failed attempt.
    pub fn record_failure(&self, elapsed: Micros, now: Micros) {
        self.record(elapsed.max(FAILURE), now);
    }

    /// Mean of the window in microseconds, whatever its age; `None` without a sample.
    #[must_use]
    pub fn mean(&self) -> Option<f64> {
        let count = self.count.load(Ordering::Acquire).min(WINDOW as u64);
        let sum = self.sum.load(Ordering::Acquire);
        (count > 0).then(|| sum as f64 / count as f64)
    }

    /// The mean if it is of today: `None` when there is no sample or, for an idle server, the last one
    /// is older than ten seconds.
    pub(super) fn fresh_mean(&self, now: Micros, idle: bool) -> Option<f64> {
        let age = now.saturating_sub(self.last.load(Ordering::Acquire));
        if idle && age > STALE_AFTER {
            return None;
        }
        self.mean()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mean_after(samples: impl IntoIterator<Item = Micros>) -> f64 {
        let latency = Latency::default();
        for sample in samples {
            latency.record(sample, 0);
        }
        latency.mean().unwrap()
    }

    #[test]
    fn the_mean_is_over_the_last_hundred() {
        assert_eq!(mean_after([10, 20, 30]), 20.0);
        let tens = || std::iter::repeat_n(10, 100);
        assert_eq!(mean_after(tens().chain([20])), 10.1);
        assert_eq!(mean_after(tens().chain([20]).chain([30; 10])), 12.1);
        assert_eq!(mean_after(1..=150), 100.5);
    }

    #[test]
    fn a_server_without_recent_samples_counts_as_unmeasured_only_while_idle() {
        let latency = Latency::default();
        assert_eq!(latency.mean(), None);
        latency.record(50, 0);
        assert_eq!(latency.fresh_mean(STALE_AFTER, true), Some(50.0));
        assert_eq!(latency.fresh_mean(STALE_AFTER + 1, true), None);
        assert_eq!(latency.fresh_mean(STALE_AFTER + 1, false), Some(50.0));
    }

    #[test]
    fn a_failure_counts_as_a_second_or_what_it_took() {
        let latency = Latency::default();
        latency.record_failure(3, 0);
        assert_eq!(latency.mean(), Some(1_000_000.0));
        latency.record_failure(3_000_000, 0);
        assert_eq!(latency.mean(), Some(2_000_000.0));
    }
}
