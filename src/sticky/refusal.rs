//! Why a cookie is not honoured, and how often that happened.

use std::sync::atomic::{AtomicU64, Ordering};

/// Why a level with signed cookies does not honour one. The client is treated as if it had none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// Neither a signed value nor a plain one.
    Malformed,
    /// Signed with a key that is not configured (any more).
    UnknownKey,
    /// Forged, changed, of another secret, or made for another cookie name.
    BadSignature,
    /// Not used for longer than `maxIdle`.
    Idle,
    /// Issued longer ago than `maxLife`.
    TooOld,
    /// Used last at a time that is still to come, by more than clocks differ.
    FromTheFuture,
    /// Not signed, while `acceptPlain` is false.
    Plain,
}

impl Refusal {
    /// All of them, in the order of their counts.
    pub const ALL: [Self; 7] = [
        Self::Malformed,
        Self::UnknownKey,
        Self::BadSignature,
        Self::Idle,
        Self::TooOld,
        Self::FromTheFuture,
        Self::Plain,
    ];

    /// The reason as a metric's label.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::UnknownKey => "unknown_key",
            Self::BadSignature => "bad_signature",
            Self::Idle => "idle",
            Self::TooOld => "too_old",
            Self::FromTheFuture => "from_the_future",
            Self::Plain => "plain",
        }
    }
}

/// Refused cookies of one level, counted by reason. Shared by the levels that follow each other over reloads.
#[derive(Debug, Default)]
pub struct Refusals([AtomicU64; Refusal::ALL.len()]);

impl Refusals {
    /// Counts one.
    pub fn count(&self, refusal: Refusal) {
        if let Some(counter) = self.0.get(refusal as usize) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How many were refused for this reason.
    #[must_use]
    pub fn get(&self, refusal: Refusal) -> u64 {
        self.0
            .get(refusal as usize)
            .map_or(0, |counter| counter.load(Ordering::Relaxed))
    }

    /// Every reason by name, with its count.
    pub fn by_name(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        Refusal::ALL
            .into_iter()
            .map(|refusal| (refusal.name(), self.get(refusal)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_its_own_count() {
        let refusals = Refusals::default();
        for (times, refusal) in (1..).zip(Refusal::ALL) {
            (0..times).for_each(|_| refusals.count(refusal));
        }
        let counts: Vec<_> = refusals.by_name().collect();
        assert_eq!(
            counts,
            [
                ("malformed", 1),
                ("unknown_key", 2),
                ("bad_signature", 3),
                ("idle", 4),
                ("too_old", 5),
                ("from_the_future", 6),
                ("plain", 7),
            ]
        );
    }
}
