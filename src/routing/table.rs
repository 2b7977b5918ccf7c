//! The routes of one entry point, with an index by host: a look-up costs the same for ten hosts and for
//! ten thousand.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;

use crate::request::RequestView;
use crate::rule::{HostPattern, HostSet, Rule};
use crate::service::Service;

/// One router at work on an entry point.
#[derive(Debug, Clone)]
pub struct Route {
    /// Qualified router name.
    pub name: Arc<str>,
    /// When it matches.
    pub rule: Arc<Rule>,
    /// Where it leads.
    pub service: Arc<Service>,
}

/// Routes in order of precedence, and who of them can match which host.
#[derive(Debug, Default)]
pub struct Table {
    routes: Box<[Route]>,
    /// Ranks by exact host.
    exact: Ranks,
    /// Ranks by what follows the one label that a `*.` stands for.
    wildcard: Ranks,
    /// Ranks of routes whose hosts cannot be told beforehand.
    any: Box<[u32]>,
    reads_forwarded: bool,
}

type Ranks = HashMap<Box<str>, Vec<u32>, RandomState>;

impl Table {
    /// `routes` in order of precedence: the first that matches wins.
    #[must_use]
    pub fn new(routes: Vec<Route>) -> Self {
        let (mut exact, mut wildcard, mut any) = (Ranks::default(), Ranks::default(), Vec::new());
        for (rank, route) in (0_u32..).zip(&routes) {
            let patterns = match route.rule.hosts() {
                HostSet::Any => {
                    any.push(rank);
                    continue;
                }
                HostSet::Only(patterns) => patterns,
            };
            for pattern in patterns {
                let ranks = match pattern {
                    HostPattern::Exact(host) => exact.entry(host.into()).or_default(),
                    HostPattern::Wildcard(suffix) => wildcard.entry(suffix.into()).or_default(),
                };
                // A rule may name one host twice.
                if ranks.last() != Some(&rank) {
                    ranks.push(rank);
                }
            }
        }
        Self {
            exact,
            wildcard,
            any: any.into(),
            reads_forwarded: routes
                .iter()
                .any(|route| route.rule.reads_header(|name| name.as_str().starts_with("x-"))),
            routes: routes.into(),
        }
    }

    /// Does any rule look at fields like `X-Forwarded-Proto`, which piton states itself?
    #[must_use]
    pub fn reads_forwarded(&self) -> bool {
        self.reads_forwarded
    }

    /// All routes, in order of precedence.
    #[must_use]
    pub fn routes(&self) -> &[Route] {
        &self.routes
    }

    /// The route of a request. Looks only at routes that can match its host.
    #[must_use]
    pub fn find(&self, request: &RequestView<'_>) -> Option<&Route> {
        let host = request.host.strip_suffix('.').unwrap_or(request.host);
        let exact = ranks(&self.exact, host);
        let suffix = host.split_once('.').map(|(_, suffix)| suffix);
        let wildcard = suffix.map_or(&[][..], |suffix| ranks(&self.wildcard, suffix));
        let mut lists = [exact, wildcard, &*self.any];
        while let Some(rank) = pop_smallest(&mut lists) {
            let route = self.routes.get(rank as usize)?;
            if route.rule.matches(request) {
                return Some(route);
            }
        }
        None
    }
}

fn ranks<'t>(index: &'t Ranks, key: &str) -> &'t [u32] {
    index.get(key).map_or(&[], Vec::as_slice)
}

/// Takes the smallest first element off the three ascending lists.
fn pop_smallest(lists: &mut [&[u32]; 3]) -> Option<u32> {
    let smallest = lists
        .iter_mut()
        .filter(|list| !list.is_empty())
        .min_by_key(|list| list.first().copied())?;
    let (first, rest) = smallest.split_first()?;
    *smallest = rest;
    Some(*first)
}
