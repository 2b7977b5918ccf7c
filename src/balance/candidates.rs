//! Who may get a new session: never an empty list.

use std::sync::Arc;

use arc_swap::Guard;
use smallvec::SmallVec;

use super::{Micros, Server};

/// Servers, by position, that this request was already sent to in vain.
pub type Tried = SmallVec<[u32; 4]>;

/// The servers of a pool that are up and open to new sessions, made once per flip of any of them.
#[derive(Debug)]
pub(super) struct Open {
    /// Counts the lists of a pool: selectors that keep something per list compare it.
    pub(super) version: u64,
    /// Flip count it was made at.
    pub(super) made_at: u64,
    /// When time alone (a passive verdict that ends) makes it stale.
    pub(super) valid_until: Micros,
    /// Positions, ascending.
    pub(super) members: Vec<u32>,
    /// Running sums of the members' weights; empty when all are equal.
    pub(super) weight_sums: Vec<u64>,
}

impl Open {
    /// The open ones among `servers` at `now`, as the pool's list number `version`.
    pub(super) fn new(servers: &[Arc<Server>], version: u64, made_at: u64, now: Micros) -> Self {
        let members: Vec<u32> = (0_u32..)
            .zip(servers)
            .filter(|(_, server)| server.takes_new_sessions() && server.state().is_up(now))
            .map(|(index, _)| index)
            .collect();
        let valid_until = servers
            .iter()
            .map(|server| server.state().passive_until())
            .filter(|&until| until > now)
            .min()
            .unwrap_or(Micros::MAX);
        let weight_sums = weight_sums(servers, &members);
        Self {
            version,
            made_at,
            valid_until,
            members,
            weight_sums,
        }
    }

    /// Does it still say who is open?
    pub(super) fn holds(&self, flips: u64, now: Micros) -> bool {
        self.made_at == flips && now < self.valid_until
    }
}

fn weight_sums(servers: &[Arc<Server>], members: &[u32]) -> Vec<u64> {
    let weights = || {
        members
            .iter()
            .filter_map(|&index| servers.get(index as usize))
            .map(|server| u64::from(server.weight()))
    };
    let mut all = weights();
    let first = all.next();
    if all.all(|weight| Some(weight) == first) {
        return Vec::new();
    }
    weights()
        .scan(0, |sum, weight| {
            *sum += weight;
            Some(*sum)
        })
        .collect()
}

/// The candidates of one pick: at least one, all up, open and not yet tried in this request.
pub struct Candidates<'p> {
    servers: &'p [Arc<Server>],
    /// The pool's shared list: the usual case, no allocation.
    open: Guard<Arc<Open>>,
    /// What failed attempts leave of it.
    left: Option<Left>,
}

struct Left {
    members: Vec<u32>,
    weight_sums: Vec<u64>,
}

impl<'p> Candidates<'p> {
    /// `None` when nobody is left.
    pub(super) fn new(servers: &'p [Arc<Server>], open: Guard<Arc<Open>>, tried: &[u32]) -> Option<Self> {
        if !tried.is_empty() {
            return Self::among(servers, open, |index| !tried.contains(&index));
        }
        let is_somebody = !open.members.is_empty();
        is_somebody.then_some(Self {
            servers,
            open,
            left: None,
        })
    }

    /// Those that `can` accepts; `None` when nobody is left.
    pub(super) fn among(
        servers: &'p [Arc<Server>],
        open: Guard<Arc<Open>>,
        can: impl Fn(u32) -> bool,
    ) -> Option<Self> {
        let all = open.members.iter().copied();
        let members: Vec<u32> = all.filter(|&index| can(index)).collect();
        let weight_sums = weight_sums(servers, &members);
        let left = Left { members, weight_sums };
        let is_somebody = !left.members.is_empty();
        is_somebody.then_some(Self {
            servers,
            open,
            left: Some(left),
        })
    }

    /// Positions in the pool, ascending; never empty.
    #[must_use]
    pub fn members(&self) -> &[u32] {
        self.left
            .as_ref()
            .map_or(&self.open.members, |left| &left.members)
    }

    /// Running sums of weights beside `members`; empty when all weights are equal.
    pub(super) fn weight_sums(&self) -> &[u64] {
        self.left
            .as_ref()
            .map_or(&self.open.weight_sums, |left| &left.weight_sums)
    }

    /// Is nobody missing from the pool's list because of a failed attempt?
    pub(super) fn is_whole(&self) -> bool {
        self.left.is_none()
    }

    /// The pool's whole list, tried ones included, and which of its lists it is.
    pub(super) fn whole(&self) -> (&[u32], u64) {
        (&self.open.members, self.open.version)
    }

    /// The server at a position of `members`.
    #[must_use]
    pub fn server(&self, index: u32) -> Option<&'p Arc<Server>> {
        self.servers.get(index as usize)
    }

    /// Candidates with their positions.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &'p Arc<Server>)> + '_ {
        self.members()
            .iter()
            .filter_map(|&index| Some((index, self.server(index)?)))
    }

    /// The first candidate: what a selector falls back to instead of having no answer.
    #[must_use]
    pub fn first(&self) -> u32 {
        self.members().first().copied().unwrap_or_default()
    }
}
