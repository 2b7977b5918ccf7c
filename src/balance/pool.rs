//! The servers of one service, and who of them is open to new sessions right now.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::{ArcSwap, Guard};

use super::candidates::Open;
use super::hrw;
use super::{Candidates, Draw, Micros, Selector, Server, Signals, Strategy};

/// Servers and the selector over them.
///
/// The list of open servers is kept and shared by all picks; it is made anew on the first pick after a
/// flip. A pick so costs what the selector costs, not a pass over the servers.
#[derive(Debug)]
pub struct Pool {
    servers: Box<[Arc<Server>]>,
    selector: Selector,
    signals: Arc<Signals>,
    open: ArcSwap<Open>,
    /// Held while the list is made, so that a flip makes it once.
    making: Mutex<()>,
    versions: AtomicU64,
}

impl Pool {
    /// A pool over `servers`, whose states shall share `signals`. `previous` is the pool of the same service
    /// before a reload: its round robin goes on.
    #[must_use]
    pub fn new(
        servers: Vec<Arc<Server>>,
        strategy: Strategy,
        signals: Arc<Signals>,
        previous: Option<&Self>,
    ) -> Self {
        let previous = previous.map(|pool| (&pool.selector, &*pool.servers));
        // Never held valid: the first pick makes the list at its own time.
        let open = Open {
            version: 0,
            made_at: 0,
            valid_until: 0,
            members: Vec::new(),
            weight_sums: Vec::new(),
        };
        Self {
            selector: Selector::new(strategy, &servers, previous),
            servers: servers.into(),
            signals,
            open: ArcSwap::from_pointee(open),
            making: Mutex::new(()),
            versions: AtomicU64::new(0),
        }
    }

    /// All servers, by position.
    #[must_use]
    pub fn servers(&self) -> &[Arc<Server>] {
        &self.servers
    }

    /// The flip counter its servers' states share.
    #[must_use]
    pub fn signals(&self) -> &Arc<Signals> {
        &self.signals
    }

    /// The selector.
    #[must_use]
    pub fn selector(&self) -> &Selector {
        &self.selector
    }

    /// Who is up, open to new sessions and not among `tried`; `None` when nobody is.
    #[must_use]
    pub fn candidates(&self, now: Micros, tried: &[u32]) -> Option<Candidates<'_>> {
        Candidates::new(&self.servers, self.open(now), tried)
    }

    /// Has anybody who is up and open to new sessions a place for one?
    #[must_use]
    pub fn is_open(&self, now: Micros) -> bool {
        let open = self.open(now);
        let mut members = open.members.iter();
        members.any(|&index| self.server(index).is_some_and(|server| server.has_room()))
    }

    /// Who serves the sessions of the server called `home` as long as that is away, by position; always the
    /// same one for one client while `can` says that it can. `None` when nobody is left.
    #[must_use]
    pub fn stand_in(&self, home: &str, draw: &Draw, can: impl Fn(u32, &Server) -> bool) -> Option<u32> {
        let open = self.open(draw.now);
        let all = open.members.iter().filter_map(|&index| {
            let server = self.server(index).filter(|server| can(index, server))?;
            Some((index, server.identity(), server.weight()))
        });
        hrw::stand_in(draw.client, home, all)
    }

    /// The list as of `now`.
    fn open(&self, now: Micros) -> Guard<Arc<Open>> {
        let open = self.open.load();
        if open.holds(self.signals.count(), now) {
            return open;
        }
        self.make_list(now);
        self.open.load()
    }

    /// A server for a new session, by position; `None` when nobody is left.
    #[must_use]
    pub fn pick(&self, draw: &Draw, tried: &[u32]) -> Option<u32> {
        let candidates = self.candidates(draw.now, tried)?;
        Some(self.selector.pick(&candidates, draw))
    }

    /// The same among those that `can` accepts.
    #[must_use]
    pub fn pick_among(&self, draw: &Draw, can: impl Fn(u32, &Server) -> bool) -> Option<u32> {
        let can = |index| self.server(index).is_some_and(|server| can(index, server));
        let candidates = Candidates::among(&self.servers, self.open(draw.now), can)?;
        Some(self.selector.pick(&candidates, draw))
    }

    fn server(&self, index: u32) -> Option<&Arc<Server>> {
        self.servers.get(index as usize)
    }

    fn make_list(&self, now: Micros) {
        let _making = self.making.lock().unwrap_or_else(PoisonError::into_inner);
        // Counted before looking: a flip meanwhile makes the list stale at once, never wrongly valid.
        let flips = self.signals.count();
        if !self.open.load().holds(flips, now) {
            let version = self.versions.fetch_add(1, Ordering::Relaxed) + 1;
            let open = Open::new(&self.servers, version, flips, now);
            self.open.store(Arc::new(open));
        }
    }
}
