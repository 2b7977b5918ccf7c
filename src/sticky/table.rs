//! From a cookie value to the handler it stands for.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use super::Lookup;
use super::value::{CookieValue, legacy_values};

/// Two maps as in Traefik: today's values are consulted first, all older forms share one map, and the
/// handler added last wins a collision.
#[derive(Debug)]
pub(super) struct Table {
    current: HashMap<[u8; 16], u32, RandomState>,
    legacy: HashMap<Box<[u8]>, u32, RandomState>,
}

impl Table {
    pub(super) fn new<S: AsRef<str>>(handlers: &[S]) -> Self {
        let mut table = Self {
            current: HashMap::with_capacity_and_hasher(handlers.len(), RandomState::default()),
            legacy: HashMap::with_capacity_and_hasher(3 * handlers.len(), RandomState::default()),
        };
        for (index, handler) in (0_u32..).zip(handlers) {
            let name = handler.as_ref();
            table.current.insert(*CookieValue::of(name).as_bytes(), index);
            for value in legacy_values(name) {
                table.legacy.insert(value.into_bytes().into(), index);
            }
        }
        table
    }

    /// What a plain value says.
    pub(super) fn lookup(&self, value: &[u8]) -> Lookup {
        let current = value.try_into().ok().and_then(|hash| self.current(hash));
        let legacy = || self.legacy.get(value).map(|&index| index as usize);
        let known = |index, legacy| Lookup::Known {
            index,
            legacy,
            issued: None,
            renew: false,
        };
        match current {
            Some(index) => known(index, false),
            None => legacy().map_or(Lookup::Unknown, |index| known(index, true)),
        }
    }

    /// The handler that today's hash stands for.
    pub(super) fn current(&self, hash: &[u8; 16]) -> Option<usize> {
        self.current.get(hash).map(|&index| index as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_handlers_with_one_name_the_later_is_found() {
        let table = Table::new(&["http://a", "http://b", "http://a"]);
        let index = |value: &str| match table.lookup(value.as_bytes()) {
            Lookup::Known { index, .. } => Some(index),
            _ => None,
        };
        assert_eq!(index(&CookieValue::of("http://a").to_string()), Some(2));
        assert_eq!(index("http://a"), Some(2));
        assert_eq!(index("http://b"), Some(1));
        assert_eq!(index("http://c"), None);
    }
}
