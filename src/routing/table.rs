//! The routes of one entry point, with an index by host: a look-up costs the same for ten hosts and for
//! ten thousand.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;

use super::Observes;
use crate::middleware::Chain;
use crate::request::RequestView;
use crate::rule::{HostPattern, HostSet, Rule};
use crate::service::Service;

/// One router at work on an entry point: what a request keeps of the table it was routed by.
#[derive(Debug, Clone)]
pub struct Route {
    /// Qualified router name.
    pub name: Arc<str>,
    /// Where it leads.
    pub service: Arc<Service>,
    /// Name of the TLS options it demands, on TLS.
    pub options: Option<Arc<str>>,
    /// What happens on the way.
    pub chain: Arc<Chain>,
    /// Who may look.
    pub observes: Observes,
}

/// Routes in order of precedence, and who of them can match which host.
#[derive(Debug, Clone, Default)]
pub struct Table {
    /// Stays the same as long as only services change.
    shape: Arc<Shape>,
    /// Where the ways lead, by rank.
    routes: Box<[Arc<Route>]>,
}

/// What is asked of requests, and in which order.
#[derive(Debug, Default)]
struct Shape {
    /// By rank: name and rule of a router.
    ways: Box<[Way]>,
    /// Ranks by exact host.
    exact: Ranks,
    /// Ranks by what follows the one label that a `*.` stands for.
    wildcard: Ranks,
    /// Ranks of routes whose hosts cannot be told beforehand.
    any: Box<[u32]>,
    reads_forwarded: bool,
}

/// Name and rule of a router.
pub(super) type Way = (Arc<str>, Arc<Rule>);

type Ranks = HashMap<Box<str>, Vec<u32>, RandomState>;

impl Shape {
    fn new(ways: Box<[Way]>) -> Self {
        let (mut exact, mut wildcard, mut any) = (Ranks::default(), Ranks::default(), Vec::new());
        for (rank, (_, rule)) in (0_u32..).zip(&ways) {
            let patterns = match rule.hosts() {
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
        let states_itself = |(_, rule): &Way| rule.reads_header(|name| name.as_str().starts_with("x-"));
        Self {
            exact,
            wildcard,
            any: any.into(),
            reads_forwarded: ways.iter().any(states_itself),
            ways,
        }
    }
}

impl Table {
    /// `routes` in order of precedence: the first that matches wins.
    pub(super) fn new(routes: impl IntoIterator<Item = (Arc<Rule>, Route)>) -> Self {
        let (ways, routes): (Vec<Way>, Vec<Arc<Route>>) = routes
            .into_iter()
            .map(|(rule, route)| ((Arc::clone(&route.name), rule), Arc::new(route)))
            .unzip();
        Self {
            shape: Arc::new(Shape::new(ways.into())),
            routes: routes.into(),
        }
    }

    /// The same routes, leading to `successor` of each service that has one.
    pub(super) fn redirected(&self, successor: impl Fn(&Arc<Service>) -> Option<Arc<Service>>) -> Self {
        let redirected = |route: &Arc<Route>| match successor(&route.service) {
            Some(service) => Arc::new(Route {
                service,
                ..Route::clone(route)
            }),
            None => Arc::clone(route),
        };
        Self {
            shape: Arc::clone(&self.shape),
            routes: self.routes.iter().map(redirected).collect(),
        }
    }

    /// Does any rule look at fields like `X-Forwarded-Proto`, which piton states itself?
    #[must_use]
    pub fn reads_forwarded(&self) -> bool {
        self.shape.reads_forwarded
    }

    /// All routes, in order of precedence.
    #[must_use]
    pub fn routes(&self) -> &[Arc<Route>] {
        &self.routes
    }

    /// The route of a request. Looks only at routes that can match its host.
    #[must_use]
    pub fn find(&self, request: &RequestView<'_>) -> Option<&Arc<Route>> {
        let shape = &*self.shape;
        let host = request.host.strip_suffix('.').unwrap_or(request.host);
        let exact = ranks(&shape.exact, host);
        let suffix = host.split_once('.').map(|(_, suffix)| suffix);
        let wildcard = suffix.map_or(&[][..], |suffix| ranks(&shape.wildcard, suffix));
        let mut lists = [exact, wildcard, &*shape.any];
        while let Some(rank) = pop_smallest(&mut lists) {
            let (_, rule) = shape.ways.get(rank as usize)?;
            if rule.matches(request) {
                return self.routes.get(rank as usize);
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
