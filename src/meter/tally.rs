//! Counts under keys that are not known before: what the operator asked for, not what every request pays.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};

use super::block::{ROWS, row};

/// Keys of one thread at most: their values may come from clients.
const MOST_KEYS: usize = 1000;

/// Counts by key, one map for each thread: its lock is only ever waited for while the counts are read.
#[derive(Debug)]
pub struct Tally<K>([Mutex<HashMap<K, u64>>; ROWS]);

impl<K> Default for Tally<K> {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Mutex::default()))
    }
}

impl<K: Hash + Ord + Clone> Tally<K> {
    /// Adds one under `key`; under `other` when there are too many keys already.
    pub fn add(&self, key: K, other: impl FnOnce() -> K) {
        let Some(counts) = self.0.get(row()) else {
            return;
        };
        let mut counts = counts.lock().unwrap_or_else(PoisonError::into_inner);
        let is_known = counts.len() < MOST_KEYS || counts.contains_key(&key);
        *counts.entry(if is_known { key } else { other() }).or_default() += 1;
    }

    /// All counts, in the order of the keys.
    #[must_use]
    pub fn read(&self) -> BTreeMap<K, u64> {
        let mut all = BTreeMap::new();
        for counts in &self.0 {
            for (key, count) in &*counts.lock().unwrap_or_else(PoisonError::into_inner) {
                *all.entry(key.clone()).or_default() += count;
            }
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beyond_so_many_keys_the_rest_is_one() {
        let tally = Tally::default();
        for n in 0..3000 {
            tally.add(n.to_string(), || "other".to_owned());
            tally.add("0".to_owned(), || "other".to_owned());
        }
        let counts = tally.read();
        assert_eq!(counts.len(), MOST_KEYS + 1);
        assert_eq!(counts.get("0"), Some(&3001));
        assert_eq!(counts.get("other"), Some(&2000));
    }
}
