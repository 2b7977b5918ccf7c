//! The strategies by name, and one type that is any of them.

use std::net::IpAddr;
use std::sync::Arc;

use super::hrw::Hrw;
use super::leasttime::LeastTime;
use super::p2c::P2c;
use super::wrr::Wrr;
use super::{Candidates, Micros, Server};

/// How new sessions are spread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strategy {
    /// Weighted round robin.
    Wrr,
    /// Two random candidates, the one with fewer requests in flight per weight.
    P2c,
    /// Least mean time to first byte, times load, per weight.
    LeastTime,
    /// Highest random weight: rendezvous hashing of the client address.
    Hrw,
}

impl Strategy {
    /// Every name a configuration may use.
    pub const NAMES: [&'static str; 4] = ["wrr", "p2c", "leasttime", "hrw"];

    /// The strategy called `name`; the empty name is `wrr` (traefik-core 2).
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "" | "wrr" => Some(Self::Wrr),
            "p2c" => Some(Self::P2c),
            "leasttime" => Some(Self::LeastTime),
            "hrw" => Some(Self::Hrw),
            _ => None,
        }
    }
}

/// What a pick may use besides the servers: handed in, so that picks can be replayed.
#[derive(Debug, Clone, Copy)]
pub struct Draw {
    /// Now, on the clock of the server states.
    pub now: Micros,
    /// 64 random bits.
    pub entropy: u64,
    /// The client's address.
    pub client: Option<IpAddr>,
}

/// A strategy at work on the servers of one pool.
#[derive(Debug)]
pub enum Selector {
    /// See [`Strategy::Wrr`].
    Wrr(Wrr),
    /// See [`Strategy::P2c`].
    P2c(P2c),
    /// See [`Strategy::LeastTime`].
    LeastTime(LeastTime),
    /// See [`Strategy::Hrw`].
    Hrw(Hrw),
}

impl Selector {
    /// Starts `strategy` on `servers`, going on where `previous` (another selector and its servers) stopped,
    /// so that a reload does not disturb fairness.
    #[must_use]
    pub fn new(
        strategy: Strategy,
        servers: &[Arc<Server>],
        previous: Option<(&Self, &[Arc<Server>])>,
    ) -> Self {
        match (strategy, previous) {
            (Strategy::Wrr, Some((Self::Wrr(old), old_servers))) => {
                Self::Wrr(old.resumed(old_servers, servers))
            }
            (Strategy::Wrr, _) => Self::Wrr(Wrr::new(servers)),
            (Strategy::P2c, _) => Self::P2c(P2c),
            (Strategy::LeastTime, _) => Self::LeastTime(LeastTime::new(servers)),
            (Strategy::Hrw, _) => Self::Hrw(Hrw),
        }
    }

    /// The strategy it follows.
    #[must_use]
    pub fn strategy(&self) -> Strategy {
        match self {
            Self::Wrr(_) => Strategy::Wrr,
            Self::P2c(_) => Strategy::P2c,
            Self::LeastTime(_) => Strategy::LeastTime,
            Self::Hrw(_) => Strategy::Hrw,
        }
    }

    /// One candidate, by position. Allocates nothing; always answers, since candidates are never empty.
    #[must_use]
    pub fn pick(&self, candidates: &Candidates<'_>, draw: &Draw) -> u32 {
        match self {
            Self::Wrr(wrr) => wrr.pick(candidates),
            Self::P2c(p2c) => p2c.pick(candidates, draw),
            Self::LeastTime(least_time) => least_time.pick(candidates, draw),
            Self::Hrw(hrw) => hrw.pick(candidates, draw),
        }
    }
}
