//! The one monotonic clock of the process, and its randomness: ring 1 gets both as arguments.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use once_cell::sync::Lazy;

use crate::balance::{Micros, Wall};

static START: Lazy<Instant> = Lazy::new(Instant::now);

/// Microseconds since about the start of the process, at least 1.
#[must_use]
pub fn now() -> Micros {
    u64::try_from(START.elapsed().as_micros()).unwrap_or(u64::MAX) + 1
}

/// Unix time in milliseconds, as the machine's clock says.
#[must_use]
pub fn wall() -> Wall {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// A secret of this process, from the system's generator; a poorer one should that fail, which it does not.
#[must_use]
pub fn secret() -> &'static [u8; 32] {
    static SECRET: Lazy<[u8; 32]> = Lazy::new(|| {
        let mut secret = [0; 32];
        let generator = rustls::crypto::ring::default_provider().secure_random;
        if generator.fill(&mut secret).is_err() {
            secret.fill_with(|| fastrand::u8(..));
        }
        secret
    });
    &SECRET
}

/// 64 random bits, from a generator of this thread; not for secrets.
#[must_use]
pub fn random() -> u64 {
    fastrand::u64(..)
}
