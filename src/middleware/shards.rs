//! A map of what is remembered by source, bounded, in parts with a lock of their own: requests of different sources do
//! not wait for each other.

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::sync::{Mutex, MutexGuard, PoisonError};

use foldhash::quality::RandomState;

/// Parts.
const SHARDS: usize = 16;

/// By source.
#[derive(Debug)]
pub(super) struct Shards<T> {
    hasher: RandomState,
    shards: [Mutex<Shard<T>>; SHARDS],
}

/// A part of the sources.
pub(super) type Shard<T> = HashMap<Box<str>, T, RandomState>;

impl<T> Default for Shards<T> {
    fn default() -> Self {
        Self {
            hasher: RandomState::default(),
            shards: std::array::from_fn(|_| Mutex::default()),
        }
    }
}

impl<T> Shards<T> {
    /// How many there are.
    pub(super) const COUNT: usize = SHARDS;

    /// The part that `source` belongs to.
    pub(super) fn of(&self, source: &str) -> MutexGuard<'_, Shard<T>> {
        let hash = usize::try_from(self.hasher.hash_one(source) >> 32).unwrap_or_default();
        #[allow(
            clippy::indexing_slicing,
            reason = "a remainder is smaller than what it is of"
        )]
        let shard = &self.shards[hash % SHARDS];
        shard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sources in all parts.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        let lengths = self.shards.iter().map(|shard| shard.lock().unwrap().len());
        lengths.sum()
    }
}
