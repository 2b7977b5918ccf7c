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
    list: List,
}

enum List {
    /// The pool's shared list: the usual case, no allocation.
    Shared(Guard<Arc<Open>>),
    /// A list of its own: after a failed attempt.
    Own(Open),
}

impl<'p> Candidates<'p> {
    /// `None` when nobody is left.
    pub(super) fn new(servers: &'p [Arc<Server>], open: Guard<Arc<Open>>, tried: &[u32]) -> Option<Self> {
        let list = if tried.is_empty() {
            List::Shared(open)
        } else {
            let mut members = open.members.clone();
            members.retain(|index| !tried.contains(index));
            List::Own(Open {
                version: open.version,
                made_at: open.made_at,
                valid_until: open.valid_until,
                weight_sums: weight_sums(servers, &members),
                members,
            })
        };
        let candidates = Self { servers, list };
        (!candidates.members().is_empty()).then_some(candidates)
    }

    fn open(&self) -> &Open {
        match &self.list {
            List::Shared(open) => open,
            List::Own(open) => open,
        }
    }

    /// Positions in the pool, ascending; never empty.
    #[must_use]
    pub fn members(&self) -> &[u32] {
        &self.open().members
    }

    /// Running sums of weights beside `members`; empty when all weights are equal.
    pub(super) fn weight_sums(&self) -> &[u64] {
        &self.open().weight_sums
    }

    /// Is this the pool's whole list, or one shortened by failed attempts?
    pub(super) fn is_whole(&self) -> bool {
        matches!(self.list, List::Shared(_))
    }

    /// Which of the pool's lists it is, or was shortened from.
    pub(super) fn version(&self) -> u64 {
        self.open().version
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
