//! Passive health: failures of live requests within a window (traefik-core 3.2).

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use super::Micros;

/// When live failures take a server down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PassivePolicy {
    /// Failures older than this do not count; also how long the server stays down.
    pub window: Micros,
    /// Failures within the window that take it down; at least 1.
    pub max_failures: u32,
}

/// Failures since the last success. The lock is taken on failures, and on the first success after one.
#[derive(Debug, Default)]
pub(super) struct Failures {
    any: AtomicBool,
    times: Mutex<VecDeque<Micros>>,
}

impl Failures {
    /// Notes a failure; true when the policy's count is reached, which also starts a new count.
    pub(super) fn add(&self, policy: &PassivePolicy, now: Micros) -> bool {
        let mut times = self.times.lock().unwrap_or_else(PoisonError::into_inner);
        self.any.store(true, Ordering::Relaxed);
        times.retain(|&at| now.saturating_sub(at) < policy.window);
        times.push_back(now);
        let reached = times.len() >= policy.max_failures.max(1) as usize;
        if reached {
            times.clear();
        }
        reached
    }

    pub(super) fn clear(&self) {
        if self.any.swap(false, Ordering::Relaxed) {
            let mut times = self.times.lock().unwrap_or_else(PoisonError::into_inner);
            times.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_failures_inside_the_window_count() {
        let failures = Failures::default();
        let policy = PassivePolicy {
            window: 10,
            max_failures: 3,
        };
        assert!(!failures.add(&policy, 0));
        assert!(!failures.add(&policy, 5));
        assert!(!failures.add(&policy, 10), "the first is ten old: outside");
        assert!(failures.add(&policy, 11));
        assert!(!failures.add(&policy, 12), "a new count");
    }
}
