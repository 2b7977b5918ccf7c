//! Has a provider seen its world once? Before, an answer is only that of half a configuration.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether a provider has read once what it serves requests by; copies tell the same.
#[derive(Debug, Clone, Default)]
pub struct Readiness(Arc<AtomicBool>);

impl Readiness {
    /// Has it?
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    /// It has, as far as requests are served by it, and what it read is on its way.
    pub(super) fn reached(&self) {
        self.0.store(true, Ordering::Release);
    }
}
