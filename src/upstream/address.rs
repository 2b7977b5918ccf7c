//! Where a server's host is: fixed when it was written as an address, looked up when it is a name.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arc_swap::ArcSwapOption;

/// The addresses of a host name: looked up elsewhere, kept over reloads, rotated when one does not answer.
#[derive(Debug)]
pub struct Resolved {
    host: String,
    port: u16,
    found: ArcSwapOption<Vec<SocketAddr>>,
    turn: AtomicUsize,
}

impl Resolved {
    /// A name not yet looked up.
    #[must_use]
    pub fn new(host: String, port: u16) -> Self {
        Self {
            host,
            port,
            found: ArcSwapOption::empty(),
            turn: AtomicUsize::new(0),
        }
    }

    /// Name and port to look up.
    #[must_use]
    pub fn name(&self) -> (&str, u16) {
        (&self.host, self.port)
    }

    /// Stores what a look-up found; an empty answer keeps the last good one.
    pub fn found(&self, addresses: Vec<SocketAddr>) {
        let same = self.found.load().as_ref().is_some_and(|old| **old == addresses);
        if !addresses.is_empty() && !same {
            self.found.store(Some(Arc::new(addresses)));
        }
    }

    /// The address to use now, if any is known.
    #[must_use]
    pub fn current(&self) -> Option<SocketAddr> {
        let found = self.found.load();
        let found = found.as_ref()?;
        let turn = self.turn.load(Ordering::Relaxed) % found.len().max(1);
        found.get(turn).copied()
    }

    /// `bad` did not answer: the next address is used. Does nothing when another is in use already.
    pub fn skip(&self, bad: SocketAddr) {
        let turn = self.turn.load(Ordering::Relaxed);
        if self.current() == Some(bad) {
            let next = turn.wrapping_add(1);
            let _ = self
                .turn
                .compare_exchange(turn, next, Ordering::Relaxed, Ordering::Relaxed);
        }
    }

    /// Number of addresses known.
    #[must_use]
    pub fn count(&self) -> usize {
        self.found.load().as_ref().map_or(0, |found| found.len())
    }
}

/// A fixed address, or a name's.
#[derive(Debug, Clone)]
pub enum Address {
    /// Written as an address.
    Fixed(SocketAddr),
    /// Written as a name.
    Named(Arc<Resolved>),
}

impl Address {
    /// The address to use now; `None` while a name has never been found.
    #[must_use]
    pub fn current(&self) -> Option<SocketAddr> {
        match self {
            Self::Fixed(address) => Some(*address),
            Self::Named(resolved) => resolved.current(),
        }
    }

    pub(super) fn fixed(&self) -> Option<SocketAddr> {
        match self {
            Self::Fixed(address) => Some(*address),
            Self::Named(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_a_name_take_turns_when_one_fails_and_survive_an_empty_answer() {
        let resolved = Resolved::new("localhost".into(), 80);
        assert_eq!(resolved.current(), None);
        let [a, b] = ["[::1]:80", "127.0.0.1:80"].map(|text| text.parse().unwrap());
        resolved.found(vec![a, b]);
        assert_eq!(resolved.current(), Some(a));
        resolved.skip(b);
        assert_eq!(resolved.current(), Some(a), "another one failed");
        resolved.skip(a);
        assert_eq!(resolved.current(), Some(b));
        resolved.skip(b);
        assert_eq!(resolved.current(), Some(a));
        resolved.found(Vec::new());
        assert_eq!(resolved.current(), Some(a));
    }
}
