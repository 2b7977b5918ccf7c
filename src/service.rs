//! Services: from a request to the server that shall answer it.
//!
//! Today a service is a load balancer over servers. Services of services (weighted, failover ...) will be
//! further kinds of [`Kind`]: `choose` walks down and each level may add its cookie.

use std::sync::Arc;

use http::{HeaderMap, HeaderValue};
use smallvec::SmallVec;

use crate::balance::{Draw, Lease, PassivePolicy, Pool, Server, Tried};
use crate::config::dynamic::http::{HealthCheck, LoadBalancer as Written};
use crate::sticky::{Lookup, Sticky};
use crate::upstream::Transport;

/// `Set-Cookie` values of one answer, the outer level first.
pub type Cookies = SmallVec<[HeaderValue; 2]>;

/// A service that can be asked for a server.
#[derive(Debug)]
pub struct Service {
    name: String,
    kind: Kind,
}

/// What a service is.
#[derive(Debug)]
pub enum Kind {
    /// Servers behind a selector.
    Servers(Servers),
}

/// A load balancer over servers.
#[derive(Debug)]
pub struct Servers {
    /// What was configured; equal configuration means that this value is kept over a reload.
    pub written: Written,
    /// How its servers are connected to; part of what "equal" means.
    pub transport: Transport,
    /// The servers and the selector.
    pub pool: Pool,
    /// Stickiness, when switched on.
    pub sticky: Option<Sticky>,
    /// Conclusions from live traffic, when switched on.
    pub passive: Option<PassivePolicy>,
}

impl Servers {
    /// The active check, when configured.
    #[must_use]
    pub fn health_check(&self) -> Option<&HealthCheck> {
        self.written.health_check.as_ref()
    }
}

/// The server chosen for one attempt.
#[derive(Debug)]
pub struct Choice {
    /// In flight there as long as this lives.
    pub lease: Lease,
    /// Position of the server, for [`Tried`].
    pub index: u32,
    /// Cookies that bind the client, to be set on the answer.
    pub cookies: Cookies,
}

impl Choice {
    /// The server chosen.
    #[must_use]
    pub fn server(&self) -> &Arc<Server> {
        self.lease.server()
    }
}

impl Service {
    /// A service called `name` (qualified).
    #[must_use]
    pub fn new(name: String, kind: Kind) -> Self {
        Self { name, kind }
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

    /// The load balancer that answers for this service.
    #[must_use]
    pub fn servers(&self) -> &Servers {
        match &self.kind {
            Kind::Servers(servers) => servers,
        }
    }

    /// Chooses a server: the cookie's if it is up and untried, else one of the candidates by strategy.
    /// `None` when no server is available (traefik-core 1.6 has the table of cookies).
    ///
    /// Allocates nothing on the first attempt.
    #[must_use]
    pub fn choose(&self, headers: &HeaderMap, draw: &Draw, tried: &Tried) -> Option<Choice> {
        match &self.kind {
            Kind::Servers(servers) => servers.choose(headers, draw, tried),
        }
    }
}

impl Servers {
    fn choose(&self, headers: &HeaderMap, draw: &Draw, tried: &Tried) -> Option<Choice> {
        let (index, rewrite) = match self.bound(headers, draw, tried) {
            Some((index, legacy)) => (index, legacy),
            None => (self.pool.pick(draw, tried)?, true),
        };
        let server = self.pool.servers().get(index as usize)?;
        let cookie = match &self.sticky {
            Some(sticky) if rewrite => sticky.set_cookie(index as usize, 0, None),
            _ => None,
        };
        Some(Choice {
            lease: Lease::new(Arc::clone(server), draw.now),
            index,
            cookies: cookie.into_iter().collect(),
        })
    }

    /// The server that the request's cookie names, if it may be used; with whether the cookie is to be
    /// rewritten. Draining servers keep their sessions: only "up" is asked here.
    fn bound(&self, headers: &HeaderMap, draw: &Draw, tried: &Tried) -> Option<(u32, bool)> {
        let Lookup::Known { index, legacy, .. } = self.sticky.as_ref()?.find(headers, 0) else {
            return None;
        };
        let server = self.pool.servers().get(index)?;
        let index = u32::try_from(index).ok()?;
        let usable = server.state().is_up(draw.now) && !tried.contains(&index);
        usable.then_some((index, legacy))
    }
}
