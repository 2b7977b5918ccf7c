//! What a service is asked, and what it answers.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use http::{HeaderMap, HeaderValue};
use smallvec::{SmallVec, smallvec};

use super::{Mirror, OnError};
use crate::balance::{Draw, Lease, Server, Wall};
use crate::sticky::Outcome;

/// `Set-Cookie` values of one answer, the outer level first.
pub type Cookies = SmallVec<[HeaderValue; 3]>;

/// A request, as far as the choice of a server depends on it.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    /// Its header, with the cookies.
    pub headers: &'a HeaderMap,
    /// Clock, randomness, client.
    pub draw: Draw,
    /// Unix time, for deadlines and what cookies carry.
    pub wall: Wall,
    /// What was tried for this request before.
    pub attempts: &'a Attempts,
}

/// What was tried for one request already: no attempt repeats it.
#[derive(Debug, Default)]
pub struct Attempts {
    /// Servers it was sent to in vain.
    tried: SmallVec<[Arc<Server>; 2]>,
    /// Failovers whose main service answered with an error.
    failed_over: SmallVec<[Arc<OnError>; 1]>,
    /// The way to the last of them.
    path: Path,
    waited: bool,
    /// Mirrorings that have counted it.
    counted: Counters,
}

impl Attempts {
    /// The request was sent to `server` in vain.
    pub fn add_tried(&mut self, server: Arc<Server>) {
        self.tried.push(server);
    }

    /// Servers may be tried that were tried before; false when there were none.
    pub fn forget_tried(&mut self) -> bool {
        let had_any = !self.tried.is_empty();
        self.tried.clear();
        had_any
    }

    /// Was it sent to `server`, or to another entry with the same state, in vain?
    #[must_use]
    pub fn has_tried(&self, server: &Server) -> bool {
        self.tried
            .iter()
            .any(|tried| Arc::ptr_eq(tried.state(), server.state()))
    }

    /// The last server that it was sent to in vain.
    #[must_use]
    pub fn last_tried(&self) -> Option<&Arc<Server>> {
        self.tried.last()
    }

    /// How many servers it was sent to in vain.
    #[must_use]
    pub fn tried(&self) -> usize {
        self.tried.len()
    }

    /// The main service of `failover` answered with an error: its fallback is next, on the same `path`.
    pub fn fail_over(&mut self, failover: Arc<OnError>, path: Path) {
        self.failed_over.push(failover);
        self.path = path;
    }

    /// The child that the level at `address` chose before the failover.
    pub(super) fn child_of(&self, address: usize) -> Option<u32> {
        let chosen = self.path.iter().find(|(level, _)| *level == address);
        chosen.map(|&(_, child)| child)
    }

    /// Did its main service answer with an error?
    #[must_use]
    pub fn has_failed_over(&self, failover: &Arc<OnError>) -> bool {
        self.failed_over
            .iter()
            .any(|failed| Arc::ptr_eq(failed, failover))
    }

    /// Did the main service of any failover answer with an error?
    #[must_use]
    pub fn has_failed_over_any(&self) -> bool {
        !self.failed_over.is_empty()
    }

    /// It has waited for a place as long as it may.
    pub fn give_up_waiting(&mut self) {
        self.waited = true;
    }

    /// Has it waited as long as it may?
    #[must_use]
    pub fn has_waited(&self) -> bool {
        self.waited
    }

    /// These mirrorings have counted it: a retry that comes by again is the same request.
    pub fn add_counted(&mut self, counters: Counters) {
        self.counted.extend(counters);
    }

    /// Has the mirroring with this counter counted it?
    pub(super) fn is_counted(&self, counter: &Arc<AtomicU64>) -> bool {
        self.counted.iter().any(|counted| Arc::ptr_eq(counted, counter))
    }

    pub(super) fn any_tried(&self) -> bool {
        !self.tried.is_empty()
    }
}

/// The server chosen for one attempt.
#[derive(Debug)]
pub struct Choice {
    /// In flight there as long as this lives.
    pub lease: Lease,
    /// Cookies that bind the client, to be set on the answer.
    pub cookies: Cookies,
    /// What became of the session.
    pub outcome: Outcome,
    /// What only failovers and mirrors have to say.
    pub extra: Extra,
}

/// What the way to a server has to say besides the server, where failovers or mirrors are on it. Empty, it is one
/// word; it is allocated when first written to.
#[derive(Debug, Default)]
pub struct Extra(Option<Box<Said>>);

/// What an [`Extra`] holds.
#[derive(Debug, Default)]
pub struct Said {
    /// Failovers on the way whose fallback takes over when the answer has one of their statuses; the
    /// innermost first.
    pub watched: Vec<Arc<OnError>>,
    /// Children chosen anew above a watched failover, so that a fallback is not sought in a sibling.
    pub path: Path,
    /// Services that shall get a copy of the request.
    pub mirrors: Vec<Arc<Mirror>>,
    /// Mirrorings that counted the request on this way, to be told to [`Attempts::add_counted`].
    pub counted: Counters,
}

static NOTHING: Said = Said {
    watched: Vec::new(),
    path: Path::new(),
    mirrors: Vec::new(),
    counted: Counters::new(),
};

impl Extra {
    /// Is there nothing to say?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }
}

impl Deref for Extra {
    type Target = Said;

    fn deref(&self) -> &Said {
        self.0.as_deref().unwrap_or(&NOTHING)
    }
}

impl DerefMut for Extra {
    fn deref_mut(&mut self) -> &mut Said {
        self.0.get_or_insert_default()
    }
}

/// Counters of mirrorings.
pub type Counters = Vec<Arc<AtomicU64>>;

/// Choices between children: which level (its address, which does not change while a request holds its
/// service) and which child.
pub type Path = Vec<(usize, u32)>;

impl Choice {
    pub(super) fn new(lease: Lease, cookie: Option<HeaderValue>, outcome: Outcome) -> Self {
        Self {
            lease,
            outcome,
            cookies: cookie.map_or_else(Cookies::new, |cookie| smallvec![cookie]),
            extra: Extra::default(),
        }
    }

    /// The choice with the cookie of the level above, and what that has to say.
    pub(super) fn under(mut self, cookie: Option<HeaderValue>, above: Outcome) -> Self {
        self.outcome = self.outcome.under(above);
        if let Some(cookie) = cookie {
            self.cookies.insert(0, cookie);
        }
        self
    }

    /// The server chosen.
    #[must_use]
    pub fn server(&self) -> &Arc<Server> {
        self.lease.server()
    }
}

/// Why there is no server for a request now.
#[derive(Debug)]
pub enum Refusal {
    /// Nobody is up and open, whatever the request's cookie says.
    NoServer(Outcome),
    /// The session's own server is lost, and nobody else shall serve the session (`onLoss: fail`).
    SessionLost,
    /// The session's own server is full: worth a wait, at most for so long.
    Full {
        /// Where a place has to become free.
        server: Arc<Server>,
        /// How long the request may wait in all.
        max_wait: Duration,
    },
}
