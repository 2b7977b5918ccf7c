//! One server of a service: what was configured, and its live state.

use std::sync::Arc;

use super::hrw::mixed;
use super::passive::PassivePolicy;
use super::{Draw, Micros, ServerState, Wall};
use crate::upstream::Upstream;

/// Largest weight: keeps every sum of weights exact in the arithmetic of all selectors.
pub const MAX_WEIGHT: u32 = 1_000_000;

/// Is a server being taken out of service?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Drain {
    /// No: it is open to new sessions.
    #[default]
    No,
    /// It keeps its sessions and gets no new ones.
    Open,
    /// So until this time; from then on it counts as removed.
    Until(Wall),
}

impl Drain {
    /// Has the time come at which its sessions move, too?
    #[must_use]
    pub fn is_over(self, now: Wall) -> bool {
        matches!(self, Self::Until(deadline) if deadline <= now)
    }
}

/// What a server may do beyond its weight; the default is what Traefik's servers may.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Terms {
    /// Is it being taken out of service?
    pub drain: Drain,
    /// Most requests in flight.
    pub max_in_flight: Option<u32>,
    /// How long a new or recovered server's share of new sessions grows.
    pub slow_start: Option<Micros>,
    /// Conclusions from live traffic.
    pub passive: Option<PassivePolicy>,
    /// Is it sent its own name as `Host`, instead of the one the client asked for?
    pub own_host: bool,
}

/// One server, immutable but for its shared [`ServerState`].
#[derive(Debug)]
pub struct Server {
    identity: Arc<str>,
    url: Arc<str>,
    weight: u32,
    terms: Terms,
    upstream: Upstream,
    state: Arc<ServerState>,
}

impl Server {
    /// A server at `url` (as written) that is connected to through `upstream`. Weight 0 means the same as
    /// [`Drain::Open`]. The URL is its identity until [`Self::identified`] says otherwise.
    #[must_use]
    pub fn new(
        url: impl Into<Arc<str>>,
        weight: u32,
        terms: Terms,
        upstream: Upstream,
        state: Arc<ServerState>,
    ) -> Self {
        let url = url.into();
        Self {
            identity: Arc::clone(&url),
            url,
            weight: weight.min(MAX_WEIGHT),
            terms,
            upstream,
            state,
        }
    }

    /// The same server under the name `id`: its sessions follow that name to another URL.
    #[must_use]
    pub fn identified(self, id: impl Into<Arc<str>>) -> Self {
        Self {
            identity: id.into(),
            ..self
        }
    }

    /// What its cookies and its place in a rotation are tied to.
    #[must_use]
    pub fn identity(&self) -> &str {
        &self.identity
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

    /// What it may do.
    #[must_use]
    pub fn terms(&self) -> &Terms {
        &self.terms
    }

    /// Is it open to new sessions, as far as configuration and whoever may drain it say?
    #[must_use]
    pub fn takes_new_sessions(&self) -> bool {
        self.terms.drain == Drain::No && self.weight > 0 && !self.state.is_set_aside()
    }

    /// Part of its share of new sessions that it gets now, while its slow start lasts: 0 to 1. `None` when
    /// it gets the whole.
    #[must_use]
    pub fn ramp(&self, now: Micros) -> Option<f64> {
        let period = self.terms.slow_start?;
        let since = now.saturating_sub(self.state.risen_at()?);
        (since < period).then(|| since as f64 / period as f64)
    }

    /// Does a new session that was picked for it stay? In its slow start only part of them do.
    #[must_use]
    pub fn accepts(&self, draw: &Draw) -> bool {
        self.ramp(draw.now).is_none_or(|part| {
            // The selector has used the entropy as it is: what decides here must not depend on that.
            let fraction = (mixed(draw.entropy) >> 11) as f64 / (1_u64 << 53) as f64;
            fraction < part
        })
    }

    /// Has it a place for one more new session?
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.terms
            .max_in_flight
            .is_none_or(|limit| self.state.has_room(limit))
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
