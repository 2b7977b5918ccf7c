//! One server of a service: what was configured, and its live state.

use std::sync::Arc;

use super::ServerState;
use crate::upstream::Upstream;

/// Largest weight: keeps every sum of weights exact in the arithmetic of all selectors.
pub const MAX_WEIGHT: u32 = 1_000_000;

/// One server, immutable but for its shared [`ServerState`].
#[derive(Debug)]
pub struct Server {
    url: Arc<str>,
    weight: u32,
    draining: bool,
    upstream: Upstream,
    state: Arc<ServerState>,
}

impl Server {
    /// A server called `url` (as written: the sticky identity) that is connected to through `upstream`.
    /// `weight` 0 and `draining` both mean: keep sessions, take no new ones.
    #[must_use]
    pub fn new(
        url: impl Into<Arc<str>>,
        weight: u32,
        draining: bool,
        upstream: Upstream,
        state: Arc<ServerState>,
    ) -> Self {
        Self {
            url: url.into(),
            weight: weight.min(MAX_WEIGHT),
            draining,
            upstream,
            state,
        }
    }

    /// The URL as written.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Share of new sessions relative to the other servers.
    #[must_use]
    pub fn weight(&self) -> u32 {
        self.weight
    }

    /// Is it open to new sessions, as far as configuration says?
    #[must_use]
    pub fn takes_new_sessions(&self) -> bool {
        !self.draining && self.weight > 0
    }

    /// How it is connected to.
    #[must_use]
    pub fn upstream(&self) -> &Upstream {
        &self.upstream
    }

    /// What is known about it.
    #[must_use]
    pub fn state(&self) -> &Arc<ServerState> {
        &self.state
    }
}
