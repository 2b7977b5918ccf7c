//! The one monotonic clock of the process, and its randomness: ring 1 gets both as arguments.

use std::time::Instant;

use once_cell::sync::Lazy;

use crate::balance::Micros;

static START: Lazy<Instant> = Lazy::new(Instant::now);

/// Microseconds since about the start of the process, at least 1.
#[must_use]
pub fn now() -> Micros {
    u64::try_from(START.elapsed().as_micros()).unwrap_or(u64::MAX) + 1
}

/// 64 random bits, from a generator of this thread; not for secrets.
#[must_use]
pub fn random() -> u64 {
    fastrand::u64(..)
}
