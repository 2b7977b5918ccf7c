//! The middlewares of one router, flat and in order.

use std::sync::Arc;

use super::allow_list::AllowList;
use super::auth::Auth;
use super::characters::Characters;
use super::compress::Compress;
use super::headers::Headers;
use super::in_flight::InFlight;
use super::path::Rewrite;
use super::rate_limit::RateLimit;
use super::redirect::Redirect;
use super::retry::Retry;

/// Steps of one router at most: chains of chains could make them many.
pub const MAX_STEPS: usize = 128;

/// One middleware at work, with what it remembers.
#[derive(Debug)]
pub struct Step {
    name: Arc<str>,
    pub(super) work: Work,
}

#[derive(Debug)]
pub(super) enum Work {
    AllowList(AllowList),
    Auth(Auth),
    Characters(Characters),
    Compress(Compress),
    Headers(Box<Headers>),
    InFlight(InFlight),
    RateLimit(Box<RateLimit>),
    Redirect(Redirect),
    Retry(Arc<Retry>),
    Rewrite(Rewrite),
}

impl Step {
    pub(super) fn new(name: &Arc<str>, work: Work) -> Arc<Self> {
        Arc::new(Self {
            name: Arc::clone(name),
            work,
        })
    }

    /// What an entry point denies on every router.
    #[must_use]
    pub fn of_entry_point(name: &str, characters: Characters) -> Arc<Self> {
        Self::new(&name.into(), Work::Characters(characters))
    }

    /// Qualified name of the middleware.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// The steps of one router; the first is the outermost. Equal are chains of the same steps.
#[derive(Debug, Default)]
pub struct Chain {
    steps: Box<[Arc<Step>]>,
}

impl Chain {
    /// These, in this order.
    #[must_use]
    pub fn new(steps: Vec<Arc<Step>>) -> Self {
        Self { steps: steps.into() }
    }

    /// Is there none?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// All of them.
    #[must_use]
    pub fn steps(&self) -> &[Arc<Step>] {
        &self.steps
    }
}

impl Eq for Chain {}

impl PartialEq for Chain {
    fn eq(&self, other: &Self) -> bool {
        let same = |(one, other): (&Arc<Step>, &Arc<Step>)| Arc::ptr_eq(one, other);
        self.steps.len() == other.steps.len() && self.steps.iter().zip(&other.steps).all(same)
    }
}
