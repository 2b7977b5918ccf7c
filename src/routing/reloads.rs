//! How often the configuration was published, for whoever looks on.

use std::sync::atomic::{AtomicU64, Ordering};

use super::{Report, Status};
use crate::balance::Wall;

/// Publications of this process.
#[derive(Debug, Default)]
pub struct Reloads {
    complete: AtomicU64,
    with_errors: AtomicU64,
    last_success: AtomicU64,
}

impl Reloads {
    /// A configuration with this report was published at `now`.
    pub fn published(&self, report: &Report, now: Wall) {
        let is_disabled = |(_, _, reason): (_, _, &super::Reason)| reason.status == Status::Disabled;
        if report.reasons().any(is_disabled) {
            self.with_errors.fetch_add(1, Ordering::Relaxed);
        } else {
            self.complete.fetch_add(1, Ordering::Relaxed);
        }
        // As in Traefik, a configuration that is in use was a success.
        self.last_success.store(now, Ordering::Relaxed);
    }

    /// Publications in which everything works.
    #[must_use]
    pub fn complete(&self) -> u64 {
        self.complete.load(Ordering::Relaxed)
    }

    /// Publications in which something is disabled.
    #[must_use]
    pub fn with_errors(&self) -> u64 {
        self.with_errors.load(Ordering::Relaxed)
    }

    /// All.
    #[must_use]
    pub fn all(&self) -> u64 {
        self.complete() + self.with_errors()
    }

    /// When the last one was; 0 before the first.
    #[must_use]
    pub fn last_success(&self) -> Wall {
        self.last_success.load(Ordering::Relaxed)
    }
}
