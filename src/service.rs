//! Services: from a request to the server that shall answer it.
//!
//! A [`Service`] is servers behind a selector, or a service of services; [`Service::choose`] walks down and
//! each sticky level may add its cookie. Whether a child can serve is asked downwards at every request, so no
//! child tells its parents anything and a loss is known at once.
//!
//! | module | what it is |
//! |---|---|
//! | [`Servers`] | servers behind a selector |
//! | [`Weighted`] | children by weight, or by the client's address |
//! | [`Failover`] | one service and a spare |
//! | [`Mirroring`] | one service whose requests are copied to others |
//! | [`Internal`] | what piton answers itself |
//! | `level` | stickiness, the same on every level that has it |
//! | [`Ask`], [`Attempts`], [`Choice`], [`Refusal`] | what is asked and what is answered |

mod choice;
mod failover;
mod internal;
mod level;
mod mirroring;
mod servers;
mod weighted;

pub use choice::{Ask, Attempts, Choice, Cookies, Counters, Extra, Path, Refusal, Said};
pub use failover::{Failover, InvalidStatus, OnError};
pub use internal::{INTERNAL, Internal};
pub use level::Level;
pub use mirroring::{Mirror, Mirroring, Pending};
pub use servers::Servers;
pub use weighted::{By, Child, Weighted};

use crate::balance::{Micros, Wall};
use crate::sticky::Outcome;

/// Levels of services in services at most; deeper ones are refused when they are compiled.
pub const MAX_DEPTH: usize = 100;

/// Ways down to servers at most, from one service: where nobody is up, a request asks along all of them, and
/// services that share children have ways in powers.
pub const MAX_WAYS: u64 = 100_000;

/// A service that can be asked for a server.
#[derive(Debug)]
pub struct Service {
    name: String,
    kind: Kind,
    depth: usize,
    ways: u64,
}

/// What a service is.
#[derive(Debug)]
pub enum Kind {
    /// Servers behind a selector.
    Servers(Box<Servers>),
    /// Services by weight or by the client's address.
    Weighted(Box<Weighted>),
    /// A service and a spare.
    Failover(Failover),
    /// A service and copies of its traffic.
    Mirroring(Mirroring),
    /// Answered by piton itself: no server to choose.
    Internal(Internal),
}

impl Service {
    /// A service called `name` (qualified).
    #[must_use]
    pub fn new(name: String, kind: Kind) -> Self {
        let (below, ways) = match &kind {
            Kind::Servers(_) | Kind::Internal(_) => (0, 1),
            Kind::Weighted(weighted) => extent(weighted.children().iter().map(Child::service)),
            Kind::Failover(failover) => extent([failover.main(), failover.fallback()]),
            Kind::Mirroring(mirroring) => extent(
                std::iter::once(mirroring.main()).chain(mirroring.mirrors().iter().map(|m| m.service())),
            ),
        };
        Self {
            name,
            kind,
            depth: below + 1,
            ways,
        }
    }

    /// The qualified name, `app@file`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it is.
    #[must_use]
    pub fn kind(&self) -> &Kind {
        &self.kind
    }

    /// Levels from here down to servers; 1 for a load balancer.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.depth
    }

    /// Ways from here down to servers.
    #[must_use]
    pub fn ways(&self) -> u64 {
        self.ways
    }

    /// The load balancer over servers that this is, unless it is a service of services.
    #[must_use]
    pub fn servers(&self) -> Option<&Servers> {
        match &self.kind {
            Kind::Servers(servers) => Some(servers),
            _ => None,
        }
    }

    /// What piton answers itself, if this is that.
    #[must_use]
    pub fn internal(&self) -> Option<Internal> {
        match &self.kind {
            Kind::Internal(internal) => Some(*internal),
            _ => None,
        }
    }

    /// Is there a level with a cookie called `name`, here or below?
    #[must_use]
    pub fn has_cookie(&self, name: &str) -> bool {
        let is_named = |level: Option<&Level>| level.is_some_and(|level| level.sticky().name() == name);
        match &self.kind {
            Kind::Servers(servers) => is_named(servers.level.as_ref()),
            Kind::Weighted(weighted) => {
                let mut children = weighted.children().iter();
                is_named(weighted.level()) || children.any(|child| child.service().has_cookie(name))
            }
            Kind::Failover(failover) => {
                failover.main().has_cookie(name) || failover.fallback().has_cookie(name)
            }
            Kind::Mirroring(mirroring) => mirroring.main().has_cookie(name),
            Kind::Internal(_) => false,
        }
    }

    /// Do all servers below count as removed at `now`?
    #[must_use]
    pub fn is_gone(&self, now: Wall) -> bool {
        match &self.kind {
            Kind::Servers(servers) => servers.is_gone(now),
            Kind::Weighted(weighted) => {
                let mut children = weighted.children().iter();
                children.all(|child| child.service().is_gone(now))
            }
            Kind::Failover(failover) => failover.main().is_gone(now) && failover.fallback().is_gone(now),
            Kind::Mirroring(mirroring) => mirroring.main().is_gone(now),
            Kind::Internal(_) => false,
        }
    }

    /// Could a new session be served here now?
    #[must_use]
    pub fn is_open(&self, now: Micros) -> bool {
        match &self.kind {
            Kind::Servers(servers) => servers.pool.is_open(now),
            Kind::Weighted(weighted) => weighted.is_open(now),
            Kind::Failover(failover) => failover.main().is_open(now) || failover.fallback().is_open(now),
            Kind::Mirroring(mirroring) => mirroring.main().is_open(now),
            Kind::Internal(_) => false,
        }
    }

    /// Chooses a server: at each level the cookie's if that can be used, else one by strategy
    /// (traefik-core 1.6 and 1.7 have the table of cookies).
    ///
    /// Allocates nothing on the first attempt.
    ///
    /// # Errors
    /// When there is no server for this request now.
    pub fn choose(&self, ask: &Ask<'_>) -> Result<Choice, Refusal> {
        self.choose_as(ask, None)
    }

    /// The same for a session that is on a detour because `home`, a child above, is away: it is led to the
    /// same place each time, and no cookie is set, since one of the same name may be what leads it home.
    fn choose_as(&self, ask: &Ask<'_>, home: Option<&str>) -> Result<Choice, Refusal> {
        match &self.kind {
            Kind::Servers(servers) => servers.choose(ask, home),
            Kind::Weighted(weighted) => weighted.choose(ask, home),
            Kind::Failover(failover) => failover.choose(ask, home),
            Kind::Mirroring(mirroring) => mirroring.choose(ask, home),
            Kind::Internal(_) => Err(Refusal::NoServer(Outcome::default())),
        }
    }
}

/// Levels and ways below a service of `services`.
fn extent<'s>(services: impl IntoIterator<Item = &'s std::sync::Arc<Service>>) -> (usize, u64) {
    let all = services.into_iter();
    all.fold((0, 0), |(depth, ways), service| {
        (depth.max(service.depth), ways.saturating_add(service.ways))
    })
}
